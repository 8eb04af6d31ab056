"""Mechanics that several chip families share."""
