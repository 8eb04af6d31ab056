"""The chip families: how each reads a host, searches, and answers.

BM1370 and BM1368 are in `bm1362`; what the later chips share is in `framed` and `registers`.
"""

from luxminer_hil.chipsim.families import bm1362, bm1380, bm1384, bm1387, bm1397, icarus

__all__ = ["bm1362", "bm1380", "bm1384", "bm1387", "bm1397", "icarus"]
