"""Where the next connection of a pool goes, and how long to wait before it.

Ref: docs/sources.md, "Stratum" (timers, redirects).
"""

import random
from collections import deque
from collections.abc import Sequence

from luxminer.stratum.endpoint import Endpoint

__all__ = ["MAX_REDIRECTS", "REDIRECT_WINDOW_S", "STABLE_S", "Itinerary"]

STABLE_S = 60.0
"""A connection that lived this long starts the back-off anew."""

MAX_REDIRECTS = 5
REDIRECT_WINDOW_S = 600.0
"""More redirects than `MAX_REDIRECTS` within this time are a broken or hostile pool."""


class Itinerary:
    """The addresses of one pool in turn, and for one connection where the pool has sent us.

    An address that gave a login is tried once more when it breaks, for the session may go on there;
    one that does not give a login, or breaks early twice in a row, is left for the next. The pause
    doubles after each round.
    """

    def __init__(
        self, places: Sequence[Endpoint], lower_s: float, upper_s: float, rng: random.Random
    ) -> None:
        assert places
        self._places = places
        self._lower_s = lower_s
        self._upper_s = upper_s
        self._rng = rng
        self._pause_s = 0.0
        self._broke_early = False
        self._redirect: Endpoint | None = None
        self._redirect_wait_s = 0.0
        self._redirects: deque[float] = deque()
        self._is_away = False
        self._is_left = False
        self.place = 0
        """Number of the address in use; a pool that sends us elsewhere does not change it."""

    @property
    def home(self) -> Endpoint:
        """The address in use, as the owner wrote it."""
        return self._places[self.place]

    def next(self) -> Endpoint:
        """Return where to connect now. A redirect counts for one connection."""
        target, self._redirect = self._redirect or self.home, None
        self._is_away = target is not self.home
        return target

    def redirect(self, target: Endpoint, wait_s: float, now_s: float) -> bool:
        """Go to ``target`` next; False when there were too many redirects, then nothing changes."""
        while self._redirects and now_s - self._redirects[0] > REDIRECT_WINDOW_S:
            self._redirects.popleft()
        if len(self._redirects) >= MAX_REDIRECTS:
            return False
        self._redirects.append(now_s)
        self._redirect, self._redirect_wait_s = target, wait_s
        return True

    def leave(self) -> None:
        """Go to the next address, if there is one, when this connection has ended."""
        self._is_left = len(self._places) > 1

    def pause_after(self, lived_s: float, *, logged_in: bool) -> float:
        """Take the end of a connection, or of the attempt at one; returns the seconds to wait."""
        stable = lived_s >= STABLE_S
        early = logged_in and not stable
        stays = self._is_away or self._redirect is not None
        moves = not stays and (not logged_in or (early and self._broke_early))
        if self._is_left:
            moves, self._is_left, self._redirect = True, False, None
        self._broke_early = early
        if moves:
            self.place = (self.place + 1) % len(self._places)
        base_s = self._lower_s
        if stable:
            self._pause_s = 0.0
        if not moves or self.place == 0:
            self._pause_s = min(self._pause_s * 2, self._upper_s) or self._lower_s
            base_s = self._pause_s
        wait_s, self._redirect_wait_s = self._redirect_wait_s, 0.0
        return wait_s or base_s * self._rng.uniform(0.5, 1.0)
