"""Runs coroutine tests on a fresh event loop each, and loads the hypothesis profiles."""

import asyncio
import inspect
import os
from pathlib import Path

import pytest
from hypothesis import settings

TEST_TIMEOUT_S = 60.0
"""No single coroutine test may hang the suite; slow ones say so with ``timeout_s``."""

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=300, deadline=None, print_blob=True)
settings.register_profile("soak", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bitcoind", type=Path, help="a Bitcoin node to mine regtest blocks with")


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

    with asyncio.Runner(debug=True) as runner:
        runner.run(bounded())
    return True
