"""Lines of the share journal: a checksum and a JSON array, one line for each event.

``CCCCCCCC [kind, ...]``: CRC-32 of the array in hexadecimal. A line stands for itself, so that a
damaged one costs no other. Times are Unix seconds; difficulties are exact ratios as text; ``run``
is a random word for one run of the service, ``number`` counts its shares from 1.
"""

import json
from binascii import crc32
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

__all__ = ["FORMAT", "MAX_LINE_BYTES", "Kind", "decode", "encode"]

FORMAT = 1

MAX_LINE_BYTES = 64 << 10
"""Longer lines are not ours."""

_ITEMS = {"h": 3, "r": 3, "o": 9, "s": 2, "e": 7, "t": 2, "w": 10, "q": 2}


class Kind(StrEnum):
    """What a line says, and the items behind its kind."""

    HEAD = "h"
    """format, name of the journal, totals of earlier runs (None: not known when it was begun)."""
    RUN = "r"
    """run, time, version: a run begins, all earlier ones are over."""
    OPENED = "o"
    """run, number, time, pool URL, user, stick, difficulty, difficulty of the work, is a block."""
    SENT = "s"
    """run, number: about to leave for the pool."""
    ENDED = "e"
    """run, number, time, outcome, reason, latency in seconds or None, difficulty of the work."""
    TOTALS = "t"
    """run, totals of this run up to here: in the place of what was not written down."""
    WAITING = "w"
    """As OPENED, and whether it was sent: a share that waits, and is part of the totals."""
    STOPPED = "q"
    """run, time: it ended in order."""


def encode(kind: Kind, *items: object) -> bytes:
    """Return a line with its end."""
    assert len(items) == _ITEMS[kind], (kind, items)
    text = json.dumps([kind, *items], separators=(",", ":")).encode()
    return b"%08x %s\n" % (crc32(text), text)


def decode(line: bytes) -> tuple[Kind, Sequence[Any]]:
    """Read a line without its end. Raises ValueError for one that was not written by `encode`."""
    if len(line) > MAX_LINE_BYTES or line[8:9] != b" " or line[:8] != b"%08x" % crc32(line[9:]):
        raise ValueError("a line is damaged")
    values = json.loads(line[9:])
    if not isinstance(values, list) or not values:
        raise ValueError("a line is no record")
    kind = Kind(values[0])
    if len(values) != 1 + _ITEMS[kind]:
        raise ValueError(f"a record {kind} has {len(values)} items")
    return kind, values[1:]
