"""One TCP connection: dialling, both directions bounded, one reason for its end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from luxminer.errors import TransportError, TransportTimeout
from luxminer.stratum.connection import (
    MAX_INPUT_BYTES_S,
    MAX_UNSENT_BYTES,
    PIECE_BYTES,
    PoolConnection,
    dial,
)
from luxminer.stratum.endpoint import Endpoint
from tests.unit.stratum.client_rig import until


def at(host: str, port: int) -> Endpoint:
    return Endpoint(host=host, port=port, tls=False)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(
    serve: Serve,
    opened: Callable[[PoolConnection], None] = lambda _: None,
    received: Callable[[bytes], None] = lambda _: None,
) -> AsyncIterator[tuple[PoolConnection, list[bytes]]]:
    """Dial a server that treats its one peer with ``serve``; yields what arrives, too."""
    over = asyncio.Event()
    ended = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        await over.wait()
        writer.transport.abort()
        ended.set()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    got: list[bytes] = []

    def take(data: bytes) -> None:
        got.append(data)
        received(data)

    connection = await dial(at("127.0.0.1", port), 2.0, opened, take)
    try:
        yield connection, got
    finally:
        connection.abort("test is over")
        over.set()
        await ended.wait()
        await connection.closed.wait()
        server.close()
        await asyncio.sleep(0.01)


async def idle(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Neither reads on purpose nor writes."""


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())


async def test_bytes_go_both_ways_at_once() -> None:
    async with connected(echo) as (connection, got):
        connection.write(b"hello\n")
        await until(lambda: b"".join(got) == b"hello\n", "echo")


async def test_opened_is_called_before_anything_arrives() -> None:
    order: list[str] = []

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"first")

    opened, received = lambda _: order.append("opened"), lambda _: order.append("received")
    async with connected(greet, opened, received):
        await until(lambda: len(order) == 2, "both calls")
    assert order == ["opened", "received"]


async def test_small_packets_leave_at_once_and_a_dead_peer_is_noticed() -> None:
    options: list[int] = []

    def look(connection: PoolConnection) -> None:
        transport = connection._transport
        assert transport is not None
        sock = transport.get_extra_info("socket")
        options.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        options.append(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    async with connected(idle, look):
        assert options
        assert all(options)


async def test_a_peer_that_never_reads_is_left() -> None:
    async with connected(idle) as (connection, _):
        written = 0
        while not connection.reason and written < 64 << 20:
            connection.write(bytes(64 << 10))
            written += 64 << 10
        assert connection.reason == "does not read what it is sent"
        assert written > MAX_UNSENT_BYTES
        await asyncio.wait_for(connection.closed.wait(), 1)


async def test_a_flood_ends_the_connection() -> None:
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(32):
                writer.write(bytes(1 << 20))
                await writer.drain()
        except ConnectionError:
            return

    async with connected(flood) as (connection, got):
        await asyncio.wait_for(connection.closed.wait(), 5)
        assert "MiB in a second" in connection.reason
        assert sum(map(len, got)) <= MAX_INPUT_BYTES_S


async def test_nothing_is_received_after_the_end_was_decided() -> None:
    async with connected(echo) as (connection, got):
        connection.write(b"hello\n")
        connection.close("enough")
        await connection.closed.wait()
        assert not got
        assert connection.reason == "enough"
        connection.abort("later")
        assert connection.reason == "enough"
        connection.write(b"into the void")


async def test_the_end_by_the_peer_has_a_reason() -> None:
    async def leave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with connected(leave) as (connection, _):
        await asyncio.wait_for(connection.closed.wait(), 2)
        assert connection.reason == "connection closed by the pool"


@pytest.mark.parametrize("host", ["127.0.0.1", "a" * 300 + ".example", "no such name"])
async def test_an_address_nobody_answers_at_is_named(host: str) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        with pytest.raises(TransportError) as caught:
            await dial(at(host, port), 5.0, lambda _: None, lambda _: None)
    assert f"{host}:{port}" in str(caught.value)


async def test_dialling_has_a_time_limit() -> None:
    """A full queue of connections is the local picture of an address that swallows packets."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting: list[PoolConnection] = []

        async def fill() -> None:
            for _ in range(16):
                made = await dial(at("127.0.0.1", port), 0.2, lambda _: None, lambda _: None)
                waiting.append(made)

        with pytest.raises(TransportTimeout, match=r"in 0\.2 s"):
            await fill()
        for connection in waiting:
            connection.abort("over")
            await connection.closed.wait()


async def test_a_flood_of_small_lines_leaves_others_their_turn() -> None:
    turns = 0
    pieces: list[tuple[int, int]] = []
    lines = b'{"id":null}\n' * 20_000

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(lines)
        await writer.drain()

    def turn() -> None:
        nonlocal turns
        turns += 1
        if sum(length for length, _ in pieces) < len(lines):
            asyncio.get_running_loop().call_soon(turn)

    turn()
    async with connected(flood, received=lambda data: pieces.append((len(data), turns))) as (
        _,
        got,
    ):
        await until(lambda: sum(map(len, got)) == len(lines), "all of it")
    assert b"".join(got) == lines
    assert max(length for length, _ in pieces) <= PIECE_BYTES
    assert len({at for _, at in pieces}) == len(pieces), "each piece in a turn of its own"


async def test_what_waits_is_dropped_when_the_end_is_decided() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(20 * PIECE_BYTES))

    connections: list[PoolConnection] = []
    async with connected(talk, connections.append, lambda _: connections[0].abort("enough")) as (
        connection,
        got,
    ):
        await connection.closed.wait()
        assert len(got) == 1
