"""Hashing on this machine, for people without a stick."""
