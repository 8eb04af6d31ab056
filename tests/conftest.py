"""Runs coroutine tests on a fresh event loop each, and loads the hypothesis profiles."""

import asyncio
import inspect
import os
import threading
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import TypeVarTuple

import pytest
from hypothesis import settings

Ts = TypeVarTuple("Ts")

TEST_TIMEOUT_S = 60.0
"""No single coroutine test may hang the suite; slow ones say so with ``timeout_s``."""

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=300, deadline=None, print_blob=True)
settings.register_profile("soak", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bitcoind", type=Path, help="a Bitcoin node to mine regtest blocks with")


class OneThreadLoop(asyncio.SelectorEventLoop):
    """Refuses calls from other threads that do not say so, as an event loop in debug mode does.

    Debug mode also notes where each handle, task and future was made, which takes 15 times what
    the tests do themselves.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        super().__init__()

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self._check(callback)
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        self._check(callback)
        return super().call_at(when, callback, *args, context=context)

    def _check(self, callback: object) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError(f"{callback!r} comes from another thread: call_soon_threadsafe")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run ``async def test_*``; fixtures stay ordinary functions or coroutine-free factories."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    marker = pyfuncitem.get_closest_marker("slow")
    limit_s = marker.kwargs.get("timeout_s", 240.0) if marker else TEST_TIMEOUT_S

    async def bounded() -> None:
        async with asyncio.timeout(limit_s):
            await pyfuncitem.obj(**arguments)

    with asyncio.Runner(loop_factory=OneThreadLoop) as runner:
        runner.run(bounded())
    return True
