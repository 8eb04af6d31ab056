"""Frozen snapshots of the whole miner, for everything that shows state."""
