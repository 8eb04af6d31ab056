"""Five hundred others: idle, slow to ask or slow to take; a poll is answered as ever."""

import asyncio
import resource
import socket
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from luxminer.ports import allow_files
from tests.unit.api.snapshots import Rig, device, miner
from tests.unit.api.test_http_server import web
from tests.unit.api.wire import HOST, exchange, serving

OTHERS = 500
FILES = 2 * OTHERS + 200
POLLS = 20
DEVS = b'{"command":"devs"}'
LATE_S = 0.5
"""Far more than a poll takes, far less than anybody here is waited for."""


@pytest.fixture(autouse=True)
def _files() -> Iterator[None]:
    """Allow this process both ends of all connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        pytest.skip(f"this machine allows {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES // 2, hard))
    allow_files(FILES)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (FILES, hard)
    allow_files(FILES - 1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (FILES, hard)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def crowd(port: int, said: bytes) -> AsyncIterator[list[socket.socket]]:
    """Connect all the others; each says something, or nothing, and reads nothing."""
    loop = asyncio.get_running_loop()
    socks: list[socket.socket] = []
    try:
        for _ in range(OTHERS):
            sock = socket.socket()
            socks.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.setblocking(False)
            await loop.sock_connect(sock, (HOST, port))
            if said:
                await loop.sock_sendall(sock, said)
        yield socks
    finally:
        for sock in socks:
            sock.close()


async def slowest(port: int) -> float:
    """Poll some times and return how long the slowest took, in s."""
    taken = []
    for _ in range(POLLS):
        started_s = time.monotonic()
        assert (await exchange(port, b'{"command":"summary"}')).endswith(b"}\0")
        taken.append(time.monotonic() - started_s)
    print(f"median {statistics.median(taken) * 1000:.1f} ms, slowest {max(taken) * 1000:.1f} ms")
    return max(taken)


@pytest.mark.slow
@pytest.mark.parametrize("said", [b"", b'{"command":', DEVS])
async def test_no_crowd_delays_a_poll(said: bytes) -> None:
    sticks = tuple(device(id=number) for number in range(100))  # a reply that fills no small buffer
    async with (
        serving(Rig(miner(devices=sticks))) as server,
        crowd(server.port, said),
    ):
        assert await slowest(server.port) < LATE_S


@pytest.mark.slow
async def test_all_of_them_may_idle_on_http() -> None:
    async with web() as server:
        asked = b"GET /healthz HTTP/1.1\r\nHost: miner\r\n\r\n"
        async with crowd(server.port, asked) as socks, aiohttp.ClientSession() as session:
            loop = asyncio.get_running_loop()
            for sock in socks:
                async with asyncio.timeout(10):
                    assert (await loop.sock_recv(sock, 4096)).startswith(b"HTTP/1.1 200")
            for _ in range(POLLS):
                started_s = time.monotonic()
                url = f"http://{HOST}:{server.port}/api"
                async with session.post(url, data=DEVS) as reply:
                    assert reply.status == 200
                assert time.monotonic() - started_s < LATE_S
            await loop.sock_sendall(socks[0], asked)  # the oldest is still there
            async with asyncio.timeout(10):
                assert (await loop.sock_recv(socks[0], 4096)).startswith(b"HTTP/1.1 200")
