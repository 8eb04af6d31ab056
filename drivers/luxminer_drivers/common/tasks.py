"""Coroutines of one driver that live and die together, and callbacks that fail with them."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from luxminer.errors import LuxminerError, TransportClosed

__all__ = ["PassOn", "run_together"]

TELLING = (TransportClosed, LuxminerError, Exception)
"""What explains an end best, first. The end of the port explains whatever else went wrong."""


async def run_together(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, then end the others; raise what tells most of what they raised.

    Unlike a `TaskGroup` it never cancels its caller: on Python before 3.11.4 a time limit that
    the caller sets afterwards, to leave chips quiet, would take that for its own.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    failures = [task.exception() for task in tasks if not task.cancelled()]
    for kind in TELLING:
        for failure in failures:
            if isinstance(failure, kind):
                raise failure


class PassOn:
    """Lets who awaits ``waiter`` raise what a callback of the loop raises within this context."""

    def __init__(self, waiter: asyncio.Future[None]) -> None:
        self._waiter = waiter

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(exc, Exception):
            return False
        if not self._waiter.done():
            self._waiter.set_exception(exc)
        return True
