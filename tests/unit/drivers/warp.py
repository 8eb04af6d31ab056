"""An event loop whose clock jumps to the next timer, for peers that live in the same process."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from luxminer.clock import Clock

__all__ = ["WarpClock", "warped"]

LIMIT_S = 1e6
"""A test that gets here waits for something that never comes."""

P = ParamSpec("P")


class WarpSelector(selectors.DefaultSelector):
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


class WarpClock(Clock):
    """Time of the running loop."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return 1.7e9 + self.monotonic()


def warped(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine test on a `WarpLoop`."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(debug=False, loop_factory=WarpLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
