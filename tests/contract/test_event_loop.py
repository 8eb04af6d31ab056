"""What runs coroutine tests finds calls that come from the wrong thread."""

import asyncio

import pytest


async def test_a_call_from_another_thread_has_to_say_so() -> None:
    loop = asyncio.get_running_loop()
    called = asyncio.Event()
    with pytest.raises(RuntimeError, match="call_soon_threadsafe"):
        await asyncio.to_thread(loop.call_soon, called.set)
    with pytest.raises(RuntimeError, match="call_soon_threadsafe"):
        await asyncio.to_thread(loop.call_later, 0, called.set)
    assert not called.is_set()
    await asyncio.to_thread(loop.call_soon_threadsafe, called.set)
    await asyncio.wait_for(called.wait(), 10)
