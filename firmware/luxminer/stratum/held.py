"""Shares that wait for a connection, a login, or the terms of one; bounded in number and in age."""

from collections import deque

from luxminer.work.job import Share

__all__ = ["MAX_CARRIED", "HeldShare", "HeldShares"]

MAX_CARRIED = 4096
"""Shares kept across a break."""

HeldShare = tuple[Share, bool]
"""A share, and whether it left on an earlier connection."""


class HeldShares:
    """Oldest first."""

    def __init__(self) -> None:
        self._held: deque[HeldShare] = deque()

    def add(self, share: Share, *, sent: bool) -> HeldShare | None:
        """Keep one more; returns the oldest when there are too many."""
        self._held.append((share, sent))
        return self._held.popleft() if len(self._held) > MAX_CARRIED else None

    def take(self) -> list[HeldShare]:
        """Return all, and keep none of them."""
        held = list(self._held)
        self._held.clear()
        return held

    def take_older(self, found_s: float) -> list[HeldShare]:
        """Return those that were found before this time (monotonic), and keep the others."""
        old = [(share, sent) for share, sent in self._held if share.found_s < found_s]
        if old:
            self._held = deque(each for each in self._held if each[0].found_s >= found_s)
        return old
