"""An event loop whose clock jumps to the next timer, for sticks that live in the same process.

An hour passes in the time that its events take. Nothing outside of the process may be waited for.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from luxminer.clock import Clock

__all__ = ["LoopClock", "WarpLoop", "run_warped"]

LIMIT_S = 1e6
"""What gets here waits for something that never comes."""

WALL_S = 1.7e9

T = TypeVar("T")


class WarpSelector(selectors.DefaultSelector):
    """Never waits: where it would, the clock goes on instead."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout is not None:
            self.now_s += max(timeout, 0.0)
        if self.now_s > LIMIT_S or (timeout is None and not events):
            raise RuntimeError(f"nothing can happen any more after {self.now_s:.0f} s")
        return events


class WarpLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._warp = WarpSelector()
        super().__init__(self._warp)

    def time(self) -> float:
        return self._warp.now_s


class LoopClock(Clock):
    """Time of the running loop, warped or not. Its wall time is only good for differences."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return WALL_S + self.monotonic()


def run_warped(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a `WarpLoop`."""
    with asyncio.Runner(debug=False, loop_factory=WarpLoop) as runner:
        return runner.run(main)
