"""Time as a dependency: monotonic seconds for intervals, wall seconds for what users read."""

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


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
