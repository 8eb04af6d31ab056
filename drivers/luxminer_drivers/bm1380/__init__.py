"""Antminer U1 and U2 with the BM1380 chip."""
