"""What a link sends and hears within a callback, on a real tty and on what cannot do that."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable

import pytest

from luxminer.errors import DeviceFault, TransportClosed
from luxminer.transport.serial import open_serial
from luxminer_drivers.common.link import READ_BYTES, Link
from tests.unit.drivers.fake_chain import FakeChain
from tests.unit.transport.pty_peer import PtyPeer

BAUD = 115200


@contextlib.asynccontextmanager
async def linked() -> AsyncIterator[tuple[Link, PtyPeer]]:
    with PtyPeer() as peer:
        transport = await open_serial(peer.path, BAUD)
        try:
            yield Link(transport), peer
        finally:
            await transport.close()


@contextlib.asynccontextmanager
async def hearing(
    link: Link, heard: Callable[[bytes], float | None]
) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(link.hear(heard))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], object]) -> None:
    for _ in range(2500):
        if condition():
            return
        await asyncio.sleep(0.002)
    pytest.fail("it did not come to that")


async def test_all_that_arrives_is_heard_once_and_in_order() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    sent = random.Random(seed).randbytes(4 * READ_BYTES + 17)
    pieces: list[bytes] = []
    async with linked() as (link, peer):
        await peer.send(sent[:100])  # before anybody listens
        await asyncio.sleep(0.02)
        async with hearing(link, lambda data: pieces.append(data)):
            await peer.send(sent[100:])
            await until(lambda: sum(map(len, pieces)) >= len(sent))
    assert b"".join(pieces) == sent
    assert max(map(len, pieces)) <= READ_BYTES


async def test_a_silence_is_told_once_and_only_where_it_was_asked_for() -> None:
    pieces: list[bytes] = []

    def heard(data: bytes) -> float | None:
        pieces.append(data)
        return 0.05 if data == b"half" else None

    async with linked() as (link, peer), hearing(link, heard):
        await peer.send(b"whole")
        await until(lambda: pieces)
        await peer.send(b"half")
        await until(lambda: len(pieces) == 3)
        await asyncio.sleep(0.1)
    assert pieces == [b"whole", b"half", b""]


async def test_a_silence_is_told_also_after_as_much_as_is_taken_at_once() -> None:
    pieces: list[bytes] = []

    def heard(data: bytes) -> float | None:
        pieces.append(data)
        return 0.05 if data else None

    async with linked() as (link, peer), hearing(link, heard):
        await peer.send(bytes(READ_BYTES))
        await until(lambda: len(pieces) == 2)
    assert pieces == [bytes(READ_BYTES), b""]


async def test_what_follows_in_time_is_no_silence() -> None:
    pieces: list[bytes] = []

    def heard(data: bytes) -> float | None:
        pieces.append(data)
        return 0.2 if data == b"half" else None

    async with linked() as (link, peer), hearing(link, heard):
        await peer.send(b"half")
        await until(lambda: pieces)
        await peer.send(b"rest")
        await asyncio.sleep(0.3)
    assert pieces == [b"half", b"rest"]


async def test_who_hears_may_fail_and_a_pulled_port_ends_it() -> None:
    def failing(_: bytes) -> float | None:
        raise DeviceFault("no sense")

    async with linked() as (link, peer):
        async with hearing(link, failing) as task:
            await peer.send(b"x")
            with pytest.raises(DeviceFault, match="no sense"):
                await task
        async with hearing(link, lambda _: None) as task:
            peer.unplug()
            with pytest.raises(TransportClosed):
                await task


async def test_who_is_cancelled_hears_no_more_and_leaves_the_bytes() -> None:
    pieces: list[bytes] = []
    async with linked() as (link, peer):
        async with hearing(link, lambda data: pieces.append(data)):
            await peer.send(b"one")
            await until(lambda: pieces)
        await peer.send(b"two")
        assert await link.read(1.0) == b"two"
    assert pieces == [b"one"]


async def test_a_pause_keeps_the_next_write_from_going_at_once() -> None:
    async with linked() as (link, peer):
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        assert link.can_send(now_s)
        link.send_now(b"task", now_s, 0.05)
        assert await peer.receive(4) == b"task"
        assert not link.can_send(now_s + 0.049)
        await link.send(b"next", 0.0)
        assert loop.time() >= now_s + 0.05
        assert await peer.receive(4) == b"next"


async def test_what_a_full_line_does_not_take_goes_before_the_next_frame() -> None:
    async with linked() as (link, peer):
        loop = asyncio.get_running_loop()
        frames = []
        for number in range(1000):
            if not link.can_send(loop.time()):
                break
            frames.append(number.to_bytes(2, "big") * 32)
            link.send_now(frames[-1], loop.time(), 0.0)
        else:
            pytest.fail("the line never filled")
        frames.append(b"last" * 16)
        sending = asyncio.create_task(link.send(frames[-1], 0.0))
        assert await peer.receive(64 * len(frames)) == b"".join(frames)
        await sending
        assert link.can_send(loop.time() + 1.0)


async def test_a_closed_port_takes_nothing() -> None:
    async with linked() as (link, peer):
        peer.unplug()
        await asyncio.sleep(0.02)
        with pytest.raises(TransportClosed):
            link.send_now(b"task", 0.0, 0.0)


async def test_a_chain_that_takes_no_bytes_is_seen_at_its_next_frame() -> None:
    chain = FakeChain()
    link = Link(chain)
    chain.accepts_writes = False
    now_s = asyncio.get_running_loop().time()
    link.send_now(b"task", now_s, 0.0)
    assert not link.can_send(now_s + 1.0)
    chain.accepts_writes = True
    await link.send(b"next", 0.0)
    assert [data for _, data in chain.written] == [b"task", b"next"]
