"""The second ledger over restarts: one JSON file in the state directory.

What still waited when a run ended was sent or held and never came to an end: it is loaded as
unanswered, so that the sum holds across a restart, also across one by a power cut.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from luxminer.pool.files import write_atomically
from luxminer.pool.ledger import MAX_REASONS, ShareLedger
from luxminer.telemetry.model import ShareTally

__all__ = ["FILE_NAME", "MAX_FILE_BYTES", "LifetimeFile", "LifetimeTotals"]

log = logging.getLogger(__name__)

FILE_NAME = "lifetime.json"

MAX_FILE_BYTES = 1 << 20
"""A larger file is not ours."""

MAX_REASON_CHARS = 64
MAX_NUMBER_CHARS = 4096

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


class LifetimeFile:
    """Reads and writes the totals of all runs. Calls block: use them from an executor."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME

    def load(self) -> ShareTally:
        """Return the totals of the earlier runs, zero when there are none.

        A file that cannot be understood is set aside beside the place, never overwritten
        unseen. Raises OSError for one that cannot be read: it must not be overwritten.
        """
        try:
            with self._path.open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return ShareTally()
        try:
            return _decode(raw)
        except (ValueError, RecursionError) as exc:
            self._set_aside(str(exc))
            return ShareTally()

    def save(self, tally: ShareTally) -> None:
        """Write ``tally`` so that the file is whole at every moment. Raises OSError."""
        write_atomically(self._path, _encode(tally))

    def _set_aside(self, reason: str) -> None:
        aside = self._path.with_name(f"{FILE_NAME}.corrupt")
        try:
            self._path.replace(aside)
        except OSError as exc:
            log.warning("%s is damaged (%s) and cannot be moved: %s", self._path, reason, exc)
            raise
        log.warning(
            "lifetime totals start at zero: %s is damaged (%s); kept as %s",
            self._path,
            reason,
            aside.name,
        )


class LifetimeTotals:
    """Keeps the file up with a ledger. Without a state directory it does nothing."""

    def __init__(self, state_dir: Path | None, ledger: ShareLedger) -> None:
        self._file = LifetimeFile(state_dir) if state_dir is not None else None
        self._ledger = ledger
        self._saved: ShareTally | None = None
        """What the file says; None while it could not be read."""

    async def load(self) -> None:
        """Let the ledger count on from the earlier runs."""
        if self._file is None:
            return
        try:
            before = await asyncio.to_thread(self._file.load)
        except OSError as exc:
            log.warning("totals of all runs cannot be read, and are left alone: %s", exc)
            return
        self._ledger.restore(before)
        self._saved = before

    async def save(self) -> None:
        """Write what has changed, unless earlier runs are not in it. Raises OSError."""
        tally = self._ledger.lifetime()
        if self._file is not None and self._saved is not None and tally != self._saved:
            await asyncio.to_thread(self._file.save, tally)
            self._saved = tally


def _encode(tally: ShareTally) -> bytes:
    values: dict[str, Any] = {"format": FORMAT}
    values |= {name: getattr(tally, name) for name in COUNTERS}
    values |= {name: dict(getattr(tally, name)) for name in REASONS}
    values |= {name: str(getattr(tally, name)) for name in DIFFICULTIES}
    values["last_share_wall_s"] = tally.last_share_wall_s
    return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()


def _decode(raw: bytes) -> ShareTally:
    """Return the tally, waiting shares booked as unanswered. Raises ValueError."""
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError("too large")
    values = json.loads(raw)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"not of format {FORMAT}")
    fields: dict[str, Any] = {}
    for names, parse in ((COUNTERS, _counter), (REASONS, _reasons), (DIFFICULTIES, _difficulty)):
        fields |= _parse(values, names, parse)
    fields["last_share_wall_s"] = _wall(values.get("last_share_wall_s"))
    tally = ShareTally(**fields)
    if not tally.balanced:
        raise ValueError("the sum of the ends is not the number of shares")
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
        raise ValueError("last_share_wall_s: not a time")
    return float(value)
