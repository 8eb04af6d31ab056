"""An event loop whose clock jumps to the next timer, for peers that live in the same process."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from luxminer_hil.acceptance.warp import LoopClock as WarpClock
from luxminer_hil.acceptance.warp import WarpLoop

__all__ = ["WarpClock", "warped"]

P = ParamSpec("P")


def warped(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine test on a `WarpLoop`."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(debug=False, loop_factory=WarpLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
