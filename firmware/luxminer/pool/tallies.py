"""Tallies as JSON values, and the file that kept them before there was a database."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from luxminer.pool.ledger import MAX_REASONS
from luxminer.telemetry.model import ShareTally

__all__ = ["MAX_FILE_BYTES", "OLD_FILE_NAME", "from_values", "load_old", "to_values"]

OLD_FILE_NAME = "lifetime.json"

MAX_FILE_BYTES = 1 << 20
"""A larger file is not ours."""

MAX_REASON_CHARS = 64
MAX_NUMBER_CHARS = 4096
MAX_NAME_CHARS = 256

FORMAT = 1

COUNTERS = ("shares", "accepted", "stale", "unanswered", "waiting", "found_blocks")
REASONS = ("rejected", "dropped")
DIFFICULTIES = (
    "difficulty_accepted",
    "difficulty_rejected",
    "difficulty_stale",
    "best_share",
    "last_share_difficulty",
)
TIMES = ("last_share_wall_s", "best_share_wall_s")
NAMES = ("best_share_pool", "best_share_device")


def to_values(tally: ShareTally) -> dict[str, Any]:
    """Return what JSON can say: difficulties as exact ratios in text."""
    values: dict[str, Any] = {"format": FORMAT}
    values |= {name: getattr(tally, name) for name in (*COUNTERS, *TIMES, *NAMES)}
    values |= {name: dict(getattr(tally, name)) for name in REASONS}
    values |= {name: str(getattr(tally, name)) for name in DIFFICULTIES}
    return values


def from_values(values: Any) -> ShareTally:
    """Read what `to_values` returned. Raises ValueError."""
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"not of format {FORMAT}")
    fields: dict[str, Any] = {}
    for names, parse in (
        (COUNTERS, _counter),
        (REASONS, _reasons),
        (DIFFICULTIES, _difficulty),
        (TIMES, _wall),
        (NAMES, _name),
    ):
        fields |= _parse(values, names, parse)
    tally = ShareTally(**fields)
    if not tally.balanced:
        raise ValueError("the sum of the ends is not the number of shares")
    return tally


def load_old(state_dir: Path) -> ShareTally | None:
    """Return the totals in the file of earlier versions, None when there is none.

    What waited there is unanswered. Raises ValueError for a file that cannot be understood, and
    OSError.
    """
    try:
        with (state_dir / OLD_FILE_NAME).open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError("too large")
    try:
        tally = from_values(json.loads(raw))
    except RecursionError as exc:
        raise ValueError("nested too deep") from exc
    return replace(tally, unanswered=tally.unanswered + tally.waiting, waiting=0)


def _parse(
    values: dict[str, Any], names: tuple[str, ...], parse: Callable[[Any], Any]
) -> dict[str, Any]:
    parsed = {}
    for name in names:
        try:
            parsed[name] = parse(values.get(name))
        except (ValueError, ZeroDivisionError) as exc:
            raise ValueError(f"{name}: {exc}") from exc
    return parsed


def _counter(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a count")
    return value


def _reasons(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > MAX_REASONS:
        raise ValueError("not a table of reasons")
    for reason in value:
        if len(reason) > MAX_REASON_CHARS:
            raise ValueError("reason too long")
    return {reason: _counter(count) for reason, count in value.items()}


def _difficulty(value: Any) -> Fraction:
    if not isinstance(value, str) or len(value) > MAX_NUMBER_CHARS or "e" in value.lower():
        raise ValueError("not a fraction")
    number = Fraction(value)
    if number < 0:
        raise ValueError("negative")
    return number


def _wall(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value < 1e11:
        raise ValueError("not a time")
    return float(value)


def _name(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_NAME_CHARS:
        raise ValueError("not a name")
    return value
