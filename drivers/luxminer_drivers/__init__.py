"""Drivers of the service, one folder per chip family, found through entry points."""
