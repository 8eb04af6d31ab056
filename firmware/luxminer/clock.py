"""Time as a dependency: monotonic seconds for intervals, wall seconds for what users read."""

import asyncio
import socket
import time
from typing import Protocol

__all__ = ["Clock", "SystemClock", "beat"]


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


async def beat(interval_s: float, told: socket.socket | None = None) -> bool:
    """Sleep until the loop's clock shows the next multiple of ``interval_s``, or ``told`` has data.

    True in the latter case. Duties of the same interval so wake the machine together: waking costs
    more than most of them.
    """
    loop = asyncio.get_running_loop()
    due: asyncio.Future[bool] = loop.create_future()
    beats = int(loop.time() / interval_s + ROUNDING) + 1
    timer = loop.call_at(beats * interval_s, _ring, due, False)
    if told is not None:
        loop.add_reader(told.fileno(), _ring, due, True)
    try:
        return await due
    finally:
        timer.cancel()
        if told is not None:
            loop.remove_reader(told)


def _ring(due: asyncio.Future[bool], is_told: bool) -> None:
    if not due.done():
        due.set_result(is_told)
