"""A host for the simulator's tests: plain bytes by the reference, no codec of anybody."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from luxminer.hashing import midstate
from luxminer_hil.chipsim import MemoryPort, VirtualStick
from luxminer_hil.memory_transport import MemoryTransport

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "bm13xx.json").read_text()
)

COUNT = bytes.fromhex("84000011")
CHAIN_INACTIVE = bytes.fromhex("8500000f")
READ_PLL = bytes.fromhex("84000400")
PLL_100 = bytes.fromhex("8207831c")
PLL_200 = bytes.fromhex("82078211")
CHIP_ID = bytes.fromhex("1384000013")
AT_100 = bytes.fromhex("800f000307")
AT_200 = bytes.fromhex("800f00020a")

DETECTION_JOB = bytes.fromhex(
    "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a"
    "000000000000000000000000000000000000000087320b1a1426674f2fa722ce"
)
"""Block 171874, the question that Icarus hosts ask an unknown device."""
DETECTION_NONCE = bytes.fromhex("000187a2")

DIFFICULTY_1 = 0xFFFF << 208


def crc5(data: bytes, bits: int) -> int:
    """Divide the message, with its first five bits inverted, by x^5 + x^2 + 1."""
    value = int.from_bytes(data, "big") >> (8 * len(data) - bits)
    value = (value << 5) ^ (0x1F << bits)
    for shift in range(bits - 1, -1, -1):
        if value >> (shift + 5) & 1:
            value ^= 0b100101 << shift
    return value


def command(first: int, second: int, third: int) -> bytes:
    data = bytes([first, second, third, 0])
    return data[:3] + bytes([crc5(data, 27)])


def set_address(address: int) -> bytes:
    return command(0x01, address, 0)


def read_pll(address: int) -> bytes:
    return command(0x04, address, 0x04)


def task(
    header: bytes, *, job_id: int = 0x10, ticket: int = 1, nonce_range: int = 0xFFFFFFFF
) -> bytes:
    state = midstate(header[:64])
    words = [state[at : at + 4] for at in range(0, 32, 4)]
    return (
        b"".join(reversed(words))
        + bytes(7)
        + bytes([ticket - 1])
        + nonce_range.to_bytes(4, "big")
        + bytes(7)
        + bytes([job_id])
        + header[72:76]
        + header[68:72]
        + header[64:68]
    )


def header_of(number: int) -> bytes:
    """Return 80 bytes that nobody else hashes."""
    return hashlib.sha512(b"%d" % number).digest() + hashlib.sha256(b"%d" % number).digest()[:16]


def hash_of(header: bytes, nonce: bytes) -> int:
    digest = hashlib.sha256(hashlib.sha256(header[:76] + nonce).digest()).digest()
    return int.from_bytes(digest, "little")


async def until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Return once ``condition`` holds. Raises TimeoutError."""
    for _ in range(int(limit_s / 0.005)):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError(f"not within {limit_s:g} s")


class Bench:
    """A stick on a memory port with a host that has it open."""

    def __init__(self, stick: VirtualStick) -> None:
        assert isinstance(stick.port, MemoryPort)
        self.stick = stick
        self.port = stick.port
        self.transport = MemoryTransport(stick.port, 115200)

    async def ask(self, data: bytes, length: int) -> bytes:
        """Send and collect ``length`` bytes of answer."""
        await self.transport.write(data)
        return await self.receive(length)

    async def receive(self, length: int) -> bytes:
        got = b""
        async with asyncio.timeout(20):
            while len(got) < length:
                got += await self.transport.read(length - len(got))
        return got

    async def silence(self, data: bytes) -> bytes:
        """Send, wait until the line is quiet, and return what came although nothing should."""
        await self.transport.write(data)
        await until(lambda: self.stick.is_line_quiet)
        return self.stick_said()

    def stick_said(self) -> bytes:
        return bytes(self.transport._host._unread)

    async def address(self, chips: int) -> None:
        """Give every chip its address, as a host does after counting."""
        await self.transport.write(CHAIN_INACTIVE)
        for index in range(chips):
            await self.transport.write(set_address(256 // chips * index))
        await until(lambda: self.stick.counters().frames.get("set_address", 0) >= chips)
