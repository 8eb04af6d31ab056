"""Devices: the contract of drivers, their registry, discovery and supervision."""
