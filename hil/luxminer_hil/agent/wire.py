"""Lines between a bench and an agent: one JSON object each, in UTF-8, ended by a line feed.

The bench sends one line, the request::

    {"token": "...", "checks": ["identify"], "effort": {"soak_s": 60}, "seed": 1}

All but the token may be left out. The agent answers with lines that have a `Kind`: the stick first,
each result as soon as it is there, a sign of life in between, at last the end or an error. Whoever
hangs up ends the run.

Uses nothing but the standard library, for it is also read where no luxminer is installed.
"""

import json
from enum import StrEnum
from typing import Any

__all__ = [
    "BEAT_S",
    "MAX_LINE_BYTES",
    "MAX_REQUEST_BYTES",
    "SILENCE_S",
    "Kind",
    "decode",
    "encode",
]

MAX_REQUEST_BYTES = 1 << 16
MAX_LINE_BYTES = 1 << 25
"""Of an agent; the last one brings the reports."""

BEAT_S = 5.0
"""Between signs of life."""

SILENCE_S = 60.0
"""After which the other side counts as gone."""


class Kind(StrEnum):
    STICK = "stick"
    """label, model, port, serial."""
    RESULT = "result"
    """check, what, bound, verdict, figure, details (list), seconds."""
    ALIVE = "alive"
    """Nothing else."""
    END = "end"
    """verdict, reports (name -> text)."""
    ERROR = "error"
    """words."""


def encode(kind: Kind, **values: object) -> bytes:
    """Return a line of an agent."""
    return json.dumps({"kind": kind.value, **values}).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return what a line holds. Raises ValueError for anything but one JSON object."""
    try:
        found = json.loads(line)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    if not isinstance(found, dict):
        raise ValueError(f"{line[:40]!r} is no object")
    return found
