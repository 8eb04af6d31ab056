"""What the miner did, in spans of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Bucket", "ReadsHistory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One span; rates and power are means over the part of it in which the service ran."""

    end_wall_s: float
    """Full minute, hour ... at which it is complete; of one under way, the time of asking."""
    seconds: float
    """Covered by it: less than its length after a start, or when the clock was set."""
    rate_hs: float
    power_w: float
    temperature_c: float | None
    """Highest of all sticks; None where nothing measures it."""
    accepted: int
    rejected: int
    stale: int
    hw_errors: int


class ReadsHistory(Protocol):
    """Complete buckets never change."""

    def buckets(self, size_s: int, since_wall_s: float, *, partial: bool) -> Sequence[Bucket]:
        """Return those that end after a time, the oldest first, and then the one under way."""
