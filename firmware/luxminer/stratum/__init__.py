"""Stratum v1: messages, sans-I/O protocol, client."""
