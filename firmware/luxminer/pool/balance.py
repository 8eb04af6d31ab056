"""How much work each pool of a group had of late, so that one that was away can catch up.

Ref: docs/sources.md, "Stratum" (CGMiner's strategy "balance": formula and interval).
"""

__all__ = ["INTERVAL_S", "RecentWork", "rolling"]

INTERVAL_S = 600.0

WEIGHT = 0.63
"""Of an interval against all before it."""


def rolling(utility: float, difficulty: float) -> float:
    """Return the work of an interval, smoothed over the intervals before it."""
    return (utility + difficulty * WEIGHT) / (1.0 + WEIGHT)


class RecentWork:
    """Of one pool, in units of difficulty 1."""

    def __init__(self) -> None:
        self._utility = 0.0
        self._fresh = 0.0

    @property
    def difficulty(self) -> float:
        """Smoothed work of an interval, and what was found since the last one ended."""
        return self._utility + self._fresh

    def add(self, difficulty: float) -> None:
        self._fresh += difficulty

    def end_interval(self) -> None:
        """Take note that `INTERVAL_S` are over."""
        self._utility, self._fresh = rolling(self._utility, self._fresh), 0.0
