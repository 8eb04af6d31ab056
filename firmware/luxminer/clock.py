"""Time as a dependency: monotonic seconds for intervals, wall seconds for what users read."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from luxminer.logs import RateLimit

__all__ = ["Bell", "Chores", "Clock", "SystemClock", "beat", "next_beat"]

log = logging.getLogger(__name__)

ROUNDING = 1e-6
"""Of an interval: so near before a beat it is that beat, and the next one is waited for."""


class Clock(Protocol):
    """Both readings in seconds. ``monotonic`` never jumps; ``wall`` is Unix time and may."""

    def monotonic(self) -> float: ...
    def wall(self) -> float: ...


class SystemClock:
    """The clocks of the machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class Bell:
    """Wakes one coroutine at a time that it sets, or earlier when somebody rings.

    A timer and a future, and no time limit that cancels: a wait of half the effort.
    """

    def __init__(self) -> None:
        self._waiter: asyncio.Future[bool] | None = None

    def ring(self) -> None:
        """Wake who waits now, if anybody does."""
        self._wake(is_rung=True)

    async def wait_until(self, due_s: float) -> bool:
        """Wait until the loop's clock shows ``due_s``; True when rung before."""
        assert self._waiter is None, "a bell wakes one"
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_at(due_s, self._wake)
        try:
            return await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self, *, is_rung: bool = False) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(is_rung)


def next_beat(interval_s: float) -> float:
    """Return when the loop's clock will show the next multiple of ``interval_s``.

    Duties of the same interval so wake the machine together: waking costs more than most of them.
    """
    beats = int(asyncio.get_running_loop().time() / interval_s + ROUNDING) + 1
    return beats * interval_s


async def beat(interval_s: float) -> None:
    """Sleep until the `next_beat`."""
    await Bell().wait_until(next_beat(interval_s))


class Chores:
    """What is to be done every ``interval_s`` or so, best when the machine is awake anyway.

    Whoever is woken often says so by `nudge`; when nobody has done so ``slack_s`` after it was due,
    a timer does it.
    """

    def __init__(self, interval_s: float = 1.0, slack_s: float = 0.5) -> None:
        self._interval_s = interval_s
        self._slack_s = slack_s
        self._chores: list[Callable[[], None]] = []
        self._seldom: dict[Callable[[], None], tuple[float, float]] = {}
        """Those that come less often: every so many seconds, and when next."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._limit = RateLimit()

    def add(self, chore: Callable[[], None], every_s: float = 0.0) -> None:
        """Do one more. What it raises is logged, now and then, and keeps no other from its turn.

        With ``every_s`` it has its turn when about so much time has passed since the last one.
        """
        self._chores.append(chore)
        if every_s:
            self._seldom[chore] = (every_s, 0.0)
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._wind_up(self._loop)

    def remove(self, chore: Callable[[], None]) -> None:
        """Do it no more. Raises ValueError for one that was not added."""
        self._chores.remove(chore)
        self._seldom.pop(chore, None)
        if not self._chores and self._timer is not None:
            self._timer.cancel()
            self._loop = self._timer = None

    def nudge(self) -> None:
        """Do what is due."""
        if self._loop is not None and self._loop.time() >= self._due_s:
            self._do_all()

    def _do_all(self) -> None:
        loop = self._loop
        if loop is None:
            return
        now_s = loop.time()
        self._due_s = now_s + self._interval_s  # not before: a chore may nudge
        for chore in tuple(self._chores):
            if chore not in self._chores:
                continue  # another one has just removed it
            if chore in self._seldom:
                every_s, due_s = self._seldom[chore]
                if now_s < due_s:
                    continue
                self._seldom[chore] = (every_s, now_s + every_s - self._slack_s)
            try:
                chore()
            except Exception:
                if self._limit.admit(repr(chore), now_s) is not None:
                    log.exception("a periodic duty failed")
        if self._loop is not None:
            self._wind_up(self._loop)

    def _wind_up(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due_s = loop.time() + self._interval_s
        self._timer = loop.call_at(self._due_s + self._slack_s, self._do_all)
