"""A host of BM1387 and later for the simulator's tests: plain bytes by the reference."""

import binascii
import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from luxminer.hashing import midstate
from luxminer_hil.chipsim import Fault, FaultPlan, MemoryPort, VirtualStick
from tests.unit.chipsim.host import Bench, crc5, hash_of, header_of

PREAMBLE = b"\x55\xaa"
DIFFICULTY_1 = 0xFFFF << 208

SCALE = "0.000000001"
"""Of sticks that do 100,000 times what this machine can: one nonce for four hashes."""


@dataclass(frozen=True)
class Wire:
    """What sets the frames of the families apart."""

    preamble: bytes
    set_address: int
    read: int
    write: int
    inactive: int
    nonce_length: int

    def sealed(self, data: bytes) -> bytes:
        return self.preamble + data + bytes([crc5(data, 8 * len(data))])

    def read_all(self, register: int) -> bytes:
        return self.sealed(bytes([self.read | 0x10, 5, 0, register]))

    def read_one(self, address: int, register: int) -> bytes:
        return self.sealed(bytes([self.read, 5, address, register]))

    def write_all(self, register: int, value: int) -> bytes:
        return self.sealed(bytes([self.write | 0x10, 9, 0, register]) + value.to_bytes(4, "big"))

    def write_one(self, address: int, register: int, value: int) -> bytes:
        return self.sealed(bytes([self.write, 9, address, register]) + value.to_bytes(4, "big"))

    def chain_inactive(self) -> bytes:
        return self.sealed(bytes([self.inactive, 5, 0, 0]))

    def address(self, address: int) -> bytes:
        return self.sealed(bytes([self.set_address, 5, address, 0]))

    def task(self, data: bytes) -> bytes:
        return self.preamble + data + binascii.crc_hqx(data, 0xFFFF).to_bytes(2, "big")


BM1387 = Wire(b"", 0x41, 0x44, 0x48, 0x55, 7)
BM1397 = Wire(PREAMBLE, 0x40, 0x42, 0x41, 0x53, 9)
BM1362 = Wire(PREAMBLE, 0x40, 0x42, 0x41, 0x53, 11)

WIRES = {
    "newpac": BM1387,
    "r606": BM1387,
    "compacf": BM1397,
    "r909": BM1397,
    "compaca1": BM1362,
    "terminusa1": BM1362,
    "compaca2": BM1362,
    "terminusa2": BM1362,
}


def words_reversed(data: bytes) -> bytes:
    words = [data[at : at + 4] for at in range(0, len(data), 4)]
    return b"".join(reversed(words))


def versioned(header: bytes, version: int) -> bytes:
    return version.to_bytes(4, "little") + header[4:]


def midstate_task(wire: Wire, headers: Sequence[bytes], job_id: int) -> bytes:
    """Headers that differ in their first 64 bytes only."""
    states = b"".join(words_reversed(midstate(header[:64])) for header in headers)
    length = 22 + 32 * len(headers)
    head = bytes([0x21, length, job_id, len(headers), 0, 0, 0, 0])
    return wire.task(head + words_reversed(headers[0][64:76]) + states)


def header_task(header: bytes, job_id: int, length: int = 0x36, count: int = 1) -> bytes:
    head = bytes([0x21, length, job_id, count, 0, 0, 0, 0])
    parts = (
        *(header[72:76], header[68:72], words_reversed(header[36:68])),
        *(words_reversed(header[4:36]), header[:4]),
    )
    return BM1362.task(head + b"".join(parts))


def open_core_task(job_id: int) -> bytes:
    return BM1387.task(bytes([0x21, 0x36, job_id, 1, 0, 0, 0, 0]) + b"\xff" * 12 + bytes(32))


@dataclass(frozen=True)
class Nonce:
    """A nonce reply, taken apart."""

    nonce: bytes
    detail: int
    id_byte: int
    version_bits: int

    def difficulty(self, header: bytes) -> float:
        return DIFFICULTY_1 / hash_of(header, self.nonce)


class FramedBench(Bench):
    """A stick with a host that speaks its frames."""

    def __init__(self, stick: VirtualStick) -> None:
        super().__init__(stick)
        self.wire = WIRES[stick.model]
        self.chips = len(stick.counters().chips)

    async def bring_up(self) -> None:
        """Addresses, and what lets each family hash and report."""
        await self.transport.write(self.wire.chain_inactive())
        for index in range(self.chips):
            await self.transport.write(self.wire.address(256 // self.chips * index))
        if self.wire is BM1387:
            await self.silence(BM1387.write_all(0x1C, 0x00200100))
            await self.transport.set_baudrate(1_500_000)
            for number in range(114):
                await self.transport.write(open_core_task(number))
        if self.wire is BM1362:
            for register, value in ((0xA4, 0x9000FFFF), (0x10, 0x12C9), (0x18, 0xF000C100)):
                await self.transport.write(self.wire.write_all(register, value))
        await self.settle()
        self.transport.discard_input()

    async def settle(self) -> None:
        """Wait until all that was written has been read, and answered."""
        await self.silence(b"")

    async def speed_up(self) -> None:
        """Set a high clock."""
        fast = {BM1387: (0x0C, 0x00900221), BM1397: (0x08, 0x40780115), BM1362: (0x08, 0x40780140)}
        await self.silence(self.wire.write_all(*fast[self.wire]))

    async def nonce(self) -> Nonce:
        """Return the next reply, whose check sum must be right."""
        raw = await self.receive(self.wire.nonce_length)
        if self.wire.preamble:
            assert raw[:2] == b"\xaa\x55", raw.hex()
            raw = raw[2:]
        assert raw[-1] >> 5 == 0b100
        assert crc5(raw, 8 * len(raw) - 5) == raw[-1] & 0x1F
        version_bits = int.from_bytes(raw[6:8], "big") if len(raw) == 9 else 0
        return Nonce(raw[:4], raw[4], raw[5], version_bits)


@contextlib.asynccontextmanager
async def framed_bench(
    model: str,
    *faults: Fault,
    chips: int | None = None,
    chip: str | None = None,
    scale: str = SCALE,
) -> AsyncIterator[FramedBench]:
    stick = VirtualStick(
        model, chips=chips, chip=chip, scale=scale, port=MemoryPort(), faults=FaultPlan(faults)
    )
    async with stick:
        yield FramedBench(stick)


def real_header(number: int) -> bytes:
    """Return 80 bytes that nobody else hashes, with a version that has room to roll."""
    return versioned(header_of(number), 0x20000000)


def double_sha256(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(hashlib.sha256(data).digest()).digest(), "little")
