"""A chain of BM1384 that speaks bytes: written from the reference, with no code of the driver.

It knows the winning nonces of the real block headers in the golden vectors, by the task frames that
the original program made for them, and answers such a task with its nonce at once.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from luxminer.errors import TransportClosed, TransportTimeout
from luxminer.transport.base import PlainTransport
from tests.oracles.crc import crc

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "bm13xx.json").read_text()
)

TASKS = [vector for vector in VECTORS["vectors"]["task"] if vector["family"] == "BM1384"]
HEADERS = sorted({vector["input"]["header"] for vector in TASKS})
"""Complete headers whose nonce is right."""

COUNT = "84000011"
CHAIN_INACTIVE = "8500000f"
READ_PLL = "84000400"
AT_100_REPLY = bytes.fromhex("800f000307")
AT_200_REPLY = bytes.fromhex("800f00020a")
AT_6_25 = "82000308"
AT_100 = "8207831c"


def sealed(body: bytes) -> bytes:
    return body + bytes([crc(body + b"\0", 35, width=5, polynomial=0x05, initial=0x1F)])


CHIP_ID = sealed(b"\x13\x84\x00\x00")


def searched(frame: bytes) -> tuple[bytes, bytes]:
    """What a task frame asks to search, as it stands on the wire."""
    return frame[:32], frame[52:]


WINNERS = {
    searched(bytes.fromhex(vector["expect"]["frame"])): bytes.fromhex(vector["input"]["header"])[
        76:
    ]
    for vector in TASKS
}


class FakeChain(PlainTransport):
    """A `luxminer.transport.base.Transport` with chips at its other end."""

    def __init__(self, chips: int = 1) -> None:
        self.chips = chips
        self.written: list[tuple[float, bytes]] = []
        """Time and bytes of every write, in order."""
        self.answers: Callable[[bytes], bytes] = self.answer
        self.accepts_writes = True
        self.room: int | None = None
        """So many bytes are taken at once; None for all."""
        self.deaf_counts = 0
        """So many counts are not answered."""
        self.clock = AT_100_REPLY
        """What each chip answers when it is asked for its clock."""
        self._unread = bytearray()
        self._arrived = asyncio.Event()
        self._heard: Callable[[], None] | None = None
        self._is_gone = False

    @property
    def name(self) -> str:
        return "fake:"

    def answer(self, frame: bytes) -> bytes:
        """What the chips say to a frame."""
        if frame.hex() == COUNT:
            if self.deaf_counts:
                self.deaf_counts -= 1
                return b""
            return CHIP_ID * self.chips
        if frame.hex() == READ_PLL:
            return self.clock * self.chips
        nonce = WINNERS.get(searched(frame)) if len(frame) == 64 else None
        return nonce + bytes([0x80 | frame[51]]) if nonce else b""

    def say(self, data: bytes) -> None:
        self._unread += data
        self._tell()

    def unplug(self) -> None:
        self._is_gone = True
        self._tell()

    def _tell(self) -> None:
        self._arrived.set()
        if self._heard is not None:
            asyncio.get_running_loop().call_soon(self._heard)

    def listen(self, heard: Callable[[], None] | None) -> None:
        self._heard = heard
        if heard is not None:
            heard()

    def take(self, limit: int) -> bytes:
        if not self._unread and self._is_gone:
            raise TransportClosed("pulled out")
        data = bytes(self._unread[:limit])
        del self._unread[:limit]
        return data

    async def read(self, limit: int = 4096) -> bytes:
        while not (data := self.take(limit)):
            self._arrived.clear()
            await self._arrived.wait()
        return data

    async def write(self, data: bytes) -> None:
        if not self.accepts_writes:
            await asyncio.sleep(2.0)
            raise TransportTimeout("full")
        self._write(data)

    def write_now(self, data: bytes) -> int:
        if not self.accepts_writes:
            return 0
        taken = data[: self.room]
        self._write(taken)
        return len(taken)

    def _write(self, data: bytes) -> None:
        if self._is_gone:
            raise TransportClosed("pulled out")
        self.written.append((asyncio.get_running_loop().time(), data))
        if reply := self.answers(data):
            self.say(reply)

    def discard_input(self) -> int:
        count = len(self._unread)
        self._unread.clear()
        return count

    async def set_baudrate(self, baudrate: int) -> None:
        raise AssertionError("a BM1384 has one rate")

    async def close(self) -> None:
        self.unplug()

    @property
    def frames(self) -> list[str]:
        return [data.hex() for _, data in self.written]

    @property
    def clocks(self) -> list[tuple[float, str]]:
        """Time and bytes of all commands that set the clock."""
        return [(at, data.hex()) for at, data in self.written if len(data) == 4 and data[0] == 0x82]

    @property
    def tasks(self) -> list[tuple[float, bytes]]:
        """Time and bytes of all task frames that carry work."""
        return [(at, data) for at, data in self.written if len(data) == 64 and any(data[:32])]

    @property
    def busy(self) -> list[tuple[float, bytes]]:
        """The same of busy frames; open-core frames have no nonce range."""
        return [
            (at, data)
            for at, data in self.written
            if len(data) == 64 and not any(data[:32]) and any(data[40:44])
        ]
