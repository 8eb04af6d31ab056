"""ASICMINER Block Erupter: the Icarus protocol."""
