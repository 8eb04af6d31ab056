"""A scripted Block Erupter: knows the nonces of real blocks, keeps what it was sent."""

import asyncio
from collections.abc import Callable

from luxminer.errors import TransportClosed
from luxminer.hashing import midstate
from luxminer.transport.base import PlainTransport
from luxminer_drivers.icarus import facts
from luxminer_drivers.icarus.codec import TaskFrame
from tests.unit.drivers.fake_chain import HEADERS

__all__ = ["ANSWERS", "DETECT", "DETECT_ANSWER", "FakeErupter"]

DETECT = bytes.fromhex(
    "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a"
    "0000000000000000000000000000000000000000"
    "87320b1a1426674f2fa722ce"
)
DETECT_ANSWER = bytes.fromhex("000187a2")

ANSWERS = {
    TaskFrame(midstate=midstate(bytes.fromhex(h)[:64]), tail=bytes.fromhex(h)[64:76]).encode(): (
        bytes.fromhex(h)[76:80]
    )
    for h in HEADERS
}
"""Task of a real block -> the nonce bytes that solved it."""


class FakeErupter(PlainTransport):
    """Answers known tasks after ``delay_s``; keeps what was written, with its time."""

    def __init__(self, delay_s: float = 3.0, *, suffix: bytes = b"") -> None:
        self.delay_s = delay_s
        self.suffix = suffix
        self.is_dead = False
        self.answers: Callable[[bytes], bytes] = lambda task: ANSWERS.get(task, b"")
        self.written: list[tuple[float, bytes]] = []
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._pending: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        return "fake:"

    async def read(self, limit: int = 4096) -> bytes:
        data = await self._inbox.get()
        if not data:
            raise TransportClosed("gone")
        return data

    async def write(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.written.append((loop.time(), data))
        if self.is_dead or len(data) != facts.TASK_LENGTH:
            return
        if self._pending is not None:
            self._pending.cancel()
        delay_s, answer = self.delay_s, self.answers(data)
        if data == DETECT:
            delay_s, answer = 0.0005, DETECT_ANSWER
        if answer:
            self._pending = loop.call_later(delay_s, self.say, answer + self.suffix)

    def say(self, data: bytes) -> None:
        self._inbox.put_nowait(data)

    def discard_input(self) -> int:
        dropped = 0
        while not self._inbox.empty():
            dropped += len(self._inbox.get_nowait())
        return dropped

    async def set_baudrate(self, baudrate: int) -> None:
        raise AssertionError("it has one rate")

    async def close(self) -> None:
        self.say(b"")

    @property
    def tasks(self) -> list[tuple[float, bytes]]:
        """Those with work: neither detection nor all zeros."""
        return [(at, data) for at, data in self.written if data != DETECT and any(data)]
