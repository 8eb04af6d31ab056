"""Byte channels to devices."""
