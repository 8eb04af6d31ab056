"""The LUXminer/CGMiner API on TCP and HTTP. Sees snapshots and sends commands, nothing else."""
