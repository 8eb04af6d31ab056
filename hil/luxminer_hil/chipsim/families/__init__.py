"""The chip families: how each reads a host, searches, and answers."""

from luxminer_hil.chipsim.families import bm1362, bm1380, bm1384, bm1387, bm1397, icarus

__all__ = ["bm1362", "bm1380", "bm1384", "bm1387", "bm1397", "icarus"]
