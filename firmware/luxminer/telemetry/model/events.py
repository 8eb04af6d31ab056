"""Events as `events` shows them."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "EventSnapshot",
    "EventTarget",
    "Severity",
]


class Severity(StrEnum):
    NOTICE = "notice"
    """Worth knowing; nothing need be done."""
    WARNING = "warning"
    """Something is worse than it should be."""
    ERROR = "error"
    """Work is lost, or will be."""


class EventTarget(StrEnum):
    """What an event is about; the words are those of LUXminer's kind."""

    MINER = "MINER"
    POOL = "POOL"
    BOARD = "BOARD"
    """A stick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSnapshot:
    """A condition that holds now, or a notice of something that happened of late."""

    code: str
    severity: Severity
    target: EventTarget
    id: int | None
    """Position of the pool or stick, None for the miner as a whole."""
    text: str
    """What is wrong, in the pool's own words where there are any, and what to do about it."""
    is_notice: bool
    first_wall_s: float
    last_wall_s: float
    count: int
    """How often it happened; 1 for a condition."""
