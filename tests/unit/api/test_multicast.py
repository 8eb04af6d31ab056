"""Discovery over multicast on loopback: who is answered, how, and how often."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from luxminer.api.access import AccessRules
from luxminer.api.multicast import PACE_S, Discovery, check_discovery
from luxminer.config.schema import ApiConfig
from luxminer.errors import ConfigError
from tests.unit.api.snapshots import FakeClock
from tests.unit.api.wire import HOST

GROUP = "224.0.0.75"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


@asynccontextmanager
async def discovery(clock: FakeClock, **settings: Any) -> AsyncIterator[int]:
    config = ApiConfig(listen=HOST, mcast=True, mcast_port=free_port(), **settings)
    found = Discovery(config, AccessRules(), clock, 4028)
    await found.start()
    try:
        yield config.mcast_port
    finally:
        await found.stop()


@contextmanager
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HOST))
        yield sock


async def ask(sock: socket.socket, port: int, request: str) -> bytes | None:
    """Ask the group; {port} in the request is where the answer goes to."""
    data = request.replace("{port}", str(sock.getsockname()[1])).encode()
    sock.sendto(data, (GROUP, port))
    try:
        async with asyncio.timeout(0.1):
            return await asyncio.get_running_loop().sock_recv(sock, 32)
    except TimeoutError:
        return None


@pytest.mark.parametrize("request_text", ["cgminer-FTW-{port}", "cgminer-FTW-{port}\n"])
async def test_who_asks_is_told_the_port(request_text: str) -> None:
    async with discovery(FakeClock()) as port:
        with client() as sock:
            assert await ask(sock, port, request_text) == b"cgm-FTW-4028-\0"


async def test_code_and_description_are_the_owners() -> None:
    settings = {"mcast_code": "shed", "mcast_description": "left rack"}
    async with discovery(FakeClock(), **settings) as port:
        with client() as sock:
            assert await ask(sock, port, "cgminer-shed-{port}") == b"cgm-FTW-4028-left rack\0"


@pytest.mark.slow
async def test_what_is_wrong_is_not_answered_and_one_a_second_is_looked_at() -> None:
    clock = FakeClock()
    async with discovery(clock) as port:
        with client() as sock:
            for wrong in (
                "cgminer-ftw-{port}",
                "cgm-FTW-{port}",
                "cgminer-FTW-0",
                "cgminer-FTW-",
                "",
            ):
                assert await ask(sock, port, wrong) is None
                clock.now_s += PACE_S
            assert await ask(sock, port, "cgminer-FTW-{port}") is not None
            assert await ask(sock, port, "cgminer-FTW-{port}") is None
            clock.now_s += PACE_S
            assert await ask(sock, port, "cgminer-FTW-{port}") is not None


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("mcast_address", "192.168.1.1"),
        ("mcast_address", "ff02::1"),
        ("mcast_code", "a-b"),
        ("mcast_code", ""),
        ("mcast_description", "\n"),
    ],
)
def test_settings_that_cannot_work(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        check_discovery(ApiConfig(**{setting: value}))
    assert caught.value.key == f"api.{setting}"
    check_discovery(ApiConfig())
