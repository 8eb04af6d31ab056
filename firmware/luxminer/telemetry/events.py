"""What an owner should know: conditions that hold now, and notices of what happened.

A condition is one event from its beginning to its end, however often it is found to hold; a notice
is shown for `NOTICE_S`, and one that comes again is counted. Told once in the log when it begins
and when it ends.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from luxminer.clock import Clock
from luxminer.logs import RateLimit
from luxminer.telemetry.model import EventSnapshot, EventTarget, Severity

__all__ = ["MAX_EVENTS", "NOTICE_S", "EventKind", "EventLog"]

log = logging.getLogger(__name__)

MAX_EVENTS = 256
"""Kept at once; the one that was last seen longest ago goes first, notices before conditions."""

NOTICE_S = 3600.0

LEVELS = {
    Severity.NOTICE: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}

PositionOf = Callable[[int], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """One row of a table of events."""

    code: str
    """Never renamed: programs look for it."""
    severity: Severity
    target: EventTarget
    cure: str = ""
    """What the owner can do; stands behind the text of each event of this kind."""
    is_notice: bool = False
    """Happened, and is over."""


@dataclass(slots=True, kw_only=True)
class _Entry:
    kind: EventKind
    number: int | None
    text: str
    first_wall_s: float
    last_wall_s: float
    last_s: float
    count: int = 1


class EventLog:
    """Keyed by kind and by the number of its target, None for the miner as a whole."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, int | None], _Entry] = {}
        self._positions: dict[EventTarget, PositionOf] = {}
        self._limit = RateLimit()

    def number(self, target: EventTarget, position_of: PositionOf) -> None:
        """Say how numbers of a target become those that users see, None for one that is gone."""
        self._positions[target] = position_of

    def note(self, kind: EventKind, number: int | None, text: str) -> None:
        """Begin an event, or take note that it still holds or came once more.

        A condition counts once until it is cleared.
        """
        now_s, wall_s = self._clock.monotonic(), self._clock.wall()
        entry = self._entries.get((kind.code, number))
        if entry is not None and kind.is_notice and now_s - entry.last_s > NOTICE_S:
            entry = None
        if entry is None:
            self._make_room()
            self._entries[kind.code, number] = _Entry(
                kind=kind,
                number=number,
                text=text,
                first_wall_s=wall_s,
                last_wall_s=wall_s,
                last_s=now_s,
            )
            self._tell(kind, number, text, now_s)
            return
        entry.text, entry.last_wall_s, entry.last_s = text, wall_s, now_s
        entry.count += kind.is_notice

    def clear(self, kind: EventKind, number: int | None) -> None:
        """Take note that a condition is over, if it held."""
        entry = self._entries.pop((kind.code, number), None)
        if entry is None:
            return
        if self._limit.admit(f"end {kind.code} {number}", self._clock.monotonic()) is not None:
            log.info("%sis over: %s", self._where(kind, number), entry.text)

    def forget(self, target: EventTarget, number: int) -> None:
        """Drop all events of something that is there no more."""
        self._entries = {
            key: entry
            for key, entry in self._entries.items()
            if entry.kind.target is not target or entry.number != number
        }

    def holds(self, kind: EventKind, number: int | None) -> bool:
        return (kind.code, number) in self._entries

    def snapshot(self) -> tuple[EventSnapshot, ...]:
        """Return conditions that hold and fresh notices, in the order of their beginning."""
        now_s = self._clock.monotonic()
        shown = []
        for entry in self._entries.values():
            kind, position = entry.kind, self._position(entry.kind, entry.number)
            if entry.number is not None and position is None:
                continue
            if kind.is_notice and now_s - entry.last_s > NOTICE_S:
                continue
            shown.append(
                EventSnapshot(
                    code=kind.code,
                    severity=kind.severity,
                    target=kind.target,
                    id=position,
                    text=f"{entry.text}; {kind.cure}" if kind.cure else entry.text,
                    is_notice=kind.is_notice,
                    first_wall_s=entry.first_wall_s,
                    last_wall_s=entry.last_wall_s,
                    count=entry.count,
                )
            )
        return tuple(shown)

    def _make_room(self) -> None:
        if len(self._entries) >= MAX_EVENTS:
            oldest = min(
                self._entries.items(), key=lambda e: (not e[1].kind.is_notice, e[1].last_s)
            )
            del self._entries[oldest[0]]

    def _position(self, kind: EventKind, number: int | None) -> int | None:
        position_of = self._positions.get(kind.target)
        return number if number is None or position_of is None else position_of(number)

    def _where(self, kind: EventKind, number: int | None) -> str:
        where = kind.target.lower()
        return "" if number is None else f"{where} {self._position(kind, number)}: "

    def _tell(self, kind: EventKind, number: int | None, text: str, now_s: float) -> None:
        """Log a condition that begins; what notices tell is logged where it happens."""
        if kind.is_notice or self._limit.admit(f"{kind.code} {number}", now_s) is None:
            return
        cure = f"; {kind.cure}" if kind.cure else ""
        log.log(LEVELS[kind.severity], "%s%s%s", self._where(kind, number), text, cure)
