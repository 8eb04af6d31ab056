"""However bytes are cut on their way, the same bytes come out: nothing lost, added or reordered."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from luxminer.transport.serial import open_serial
from tests.unit.transport.pty_peer import PtyPeer

PIECES = st.lists(st.binary(min_size=1, max_size=9000), min_size=1, max_size=12)
LIMITS = st.lists(st.integers(1, 5000), min_size=1, max_size=5)


@given(pieces=PIECES, limits=LIMITS, pauses=st.lists(st.booleans(), min_size=1, max_size=5))
def test_what_a_stick_sends_is_read_unchanged(
    pieces: list[bytes], limits: list[int], pauses: list[bool]
) -> None:
    sent = b"".join(pieces)

    async def send(peer: PtyPeer) -> None:
        for number, piece in enumerate(pieces):
            await peer.send(piece)
            if pauses[number % len(pauses)]:
                await asyncio.sleep(0)

    async def exchange() -> None:
        with PtyPeer() as peer:
            transport = await open_serial(peer.path, 115200)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(send(peer))
                received = bytearray()
                turn = 0
                while len(received) < len(sent):
                    limit = limits[turn % len(limits)]
                    part = await transport.read(limit)
                    assert 1 <= len(part) <= limit
                    received += part
                    turn += 1
            assert bytes(received) == sent
            await transport.close()

    asyncio.run(exchange())


@given(pieces=PIECES, chunk=st.integers(1, 5000))
def test_what_is_written_reaches_the_stick_unchanged(pieces: list[bytes], chunk: int) -> None:
    sent = b"".join(pieces)
    chunk = max(chunk, len(sent) // 500 + 1)

    async def exchange() -> None:
        with PtyPeer() as peer:
            transport = await open_serial(peer.path, 115200)
            async with asyncio.TaskGroup() as tasks:
                receiving = tasks.create_task(peer.receive(len(sent), chunk=chunk, pause_s=0))
                for piece in pieces:
                    await transport.write(piece)
            assert receiving.result() == sent
            await transport.close()

    asyncio.run(exchange())
