"""Solo mining: work from a Bitcoin node of one's own, and whole blocks back to it."""
