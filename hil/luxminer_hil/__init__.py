"""Test bench: virtual sticks, a judging pool, golden vectors. Never imported by the service."""
