"""Pools: which one gives the work, where each share goes, and what became of it."""
