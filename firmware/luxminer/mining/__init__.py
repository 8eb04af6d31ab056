"""From jobs to shares: work for devices, verification of nonces, rates."""
