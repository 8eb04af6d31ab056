"""What can become of a share after it was found: exactly one of five ends."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["DropReason", "Outcome", "ShareResult"]


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


class DropReason(StrEnum):
    """Why a share could not be delivered over the connection of its pool."""

    CONNECTION_LOST = "connection lost"
    """And the pool offers no session to go on with, or is left for good."""
    SESSION_LOST = "session lost"
    """The pool did not go on with the session that the share was made in."""
    TOO_OLD = "too old"
    """It waited for a connection as long as it may."""
    TOO_MANY = "too many"
    """More waited than are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareResult:
    """The end of one share.

    ``reason`` is a stable word for rejected and dropped, empty else; ``text`` explains, in the
    pool's own words where it has answered, without control characters; ``latency_s`` runs from
    submit to answer.
    """

    outcome: Outcome
    reason: str = ""
    text: str = ""
    latency_s: float | None = None
