"""What can become of a share after it was found: exactly one of five ends."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Outcome", "ShareResult"]


class Outcome(StrEnum):
    """The ends of a share; until it reached one it is *waiting*."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    STALE = "stale"
    """Judged too old here and never sent."""
    DROPPED = "dropped"
    """Could not be delivered."""
    UNANSWERED = "unanswered"
    """Sent, and the pool never said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareResult:
    """The end of one share.

    ``reason`` is a stable word for rejected and dropped, empty else; ``text`` is the pool's own
    explanation without control characters; ``latency_s`` runs from submit to answer.
    """

    outcome: Outcome
    reason: str = ""
    text: str = ""
    latency_s: float | None = None
