"""Names are looked up beside everything else, however long a resolver takes."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from luxminer.stratum.lookup import look_up


class SlowNames:
    """A resolver that answers for ``.slow`` when it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[str] = []
        self._real = socket.getaddrinfo

    def getaddrinfo(self, host: str, port: int, *args: Any, **options: Any) -> Any:
        if not host.endswith(".slow") or options.get("flags"):
            return self._real(host, port, *args, **options)
        self.asked.append(host)
        self.go.wait(20)
        if host.startswith("no."):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return self._real("127.0.0.1", port, *args, **options)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowNames]:
    slow = SlowNames()
    monkeypatch.setattr(socket, "getaddrinfo", slow.getaddrinfo)
    yield slow
    slow.go.set()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_an_address_needs_no_thread(address: str) -> None:
    before = threading.active_count()
    (found,) = await look_up(address, 3333)
    assert found[4][:2] == (address, 3333)
    assert threading.active_count() == before


async def test_names_that_hang_keep_no_thread_of_the_loop(names: SlowNames) -> None:
    async def try_again(host: str) -> None:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await look_up(host, 3333)

    hosts = [f"{number}.slow" for number in range(40)]
    await asyncio.gather(*map(try_again, hosts))
    assert sorted(names.asked) == sorted(hosts)
    async with asyncio.timeout(2.0):
        assert await asyncio.to_thread(lambda: 7) == 7
    assert all(thread.daemon for thread in threading.enumerate() if ".slow" in thread.name)


async def test_the_answer_is_for_all_who_wait_and_for_nobody_later(names: SlowNames) -> None:
    waiting = [asyncio.create_task(look_up("a.slow", 1)) for _ in range(3)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()
    await asyncio.wait({waiting[0]})
    names.go.set()
    (one,), (other,) = await asyncio.gather(*waiting[1:])
    assert one == other
    assert names.asked == ["a.slow"]
    await look_up("a.slow", 1)
    assert names.asked == ["a.slow"] * 2


async def test_what_cannot_be_found_is_said(names: SlowNames) -> None:
    names.go.set()
    with pytest.raises(socket.gaierror):
        await look_up("no.slow", 1)
    with pytest.raises((OSError, ValueError)):
        await look_up("x" * 70 + ".example", 1)
