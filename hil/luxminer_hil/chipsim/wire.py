"""What every family's side of the wire has in common: names of frames, check sums, link rates.

A *parser* cuts the byte stream of a host into frames, one module of `families` knows which. Frames
that no chip obeys are met with silence and counted by their reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from luxminer_drivers.common.facts import WORD_LENGTH, Crc, Field, Order

__all__ = [
    "TASK_KINDS",
    "BadFrame",
    "BadReason",
    "Command",
    "Frame",
    "FrameKind",
    "Parser",
    "Task",
    "crc",
    "cut",
    "number",
    "same_rate",
    "words_reversed",
]

BYTE_BITS = 8

RATE_TOLERANCE = 0.045
"""A receiver samples the stop bit half a bit before it ends, after 9.5 bits, so at 5 % it reads
noise. Sticks run with host and chips 4.2 % apart. Ref: reference section 2.3."""


class FrameKind(StrEnum):
    """What a frame asks for; the names under which frames are counted."""

    READ_CHIP_ID = "read_chip_id"
    READ_PLL = "read_pll"
    READ_REGISTER = "read_register"
    """Any other register."""
    WRITE_PLL = "write_pll"
    WRITE_REGISTER = "write_register"
    """Any other register."""
    SET_ADDRESS = "set_address"
    CHAIN_INACTIVE = "chain_inactive"
    OPEN_CORE = "open_core"
    """BM1384: a task of zeros but for its job id. BM1387, BM1397: a zero midstate, a tail of ff."""
    BUSY = "busy"
    """A task without content, sent while there is no work."""
    WORK = "work"


TASK_KINDS = frozenset({FrameKind.OPEN_CORE, FrameKind.BUSY, FrameKind.WORK})


class BadReason(StrEnum):
    """Why bytes were not obeyed; the names under which bad frames are counted."""

    OPCODE = "opcode"
    CRC = "crc"
    RESERVED = "reserved"
    """Right, but for bits that must be zero, or an address where all chips are meant."""
    REGISTER = "register"
    """A register that the reference does not know."""
    LENGTH = "length"
    """The line fell silent inside a frame, or a length byte that its kind of frame cannot have."""
    NOISE = "noise"
    """Bytes before a preamble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command with a right check sum. ``address`` is None when all chips are meant."""

    kind: FrameKind
    address: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task with a right check sum, where its family has one."""

    kind: FrameKind


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFrame:
    """Bytes that no chip obeys."""

    reason: BadReason
    raw: bytes


Frame = Command | Task | BadFrame


class Parser(Protocol):
    """Cuts the byte stream of a host into frames; holds a bounded number of bytes."""

    gap_s: float
    """Silence that ends a frame."""

    @property
    def ambiguous(self) -> int:
        """Tasks that begin like a command, where a family has no preamble to tell them apart."""
        ...

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete."""
        ...

    def feed(self, data: bytes) -> Iterable[Frame]:
        """Take bytes that followed the earlier ones without a gap."""
        ...

    def idle(self) -> Iterable[Frame]:
        """Take note that the line has been silent for ``gap_s``; nothing stays pending."""
        ...

    def reset(self) -> bytes:
        """Forget and return the bytes that have not become a frame."""
        ...


def crc(data: bytes, bits: int, parameters: Crc) -> int:
    """Return the check sum of the first ``bits`` bits of ``data``, most significant bit first."""
    table = _bytewise(parameters)
    whole, rest = divmod(bits, BYTE_BITS)
    # At the top of its bytes a register meets the bits that come next, whatever its width.
    room = -parameters.width % BYTE_BITS
    shift = parameters.width + room - BYTE_BITS
    keep = (1 << shift) - 1
    register = parameters.initial << room
    for byte in data[:whole]:
        register = (register & keep) << BYTE_BITS ^ table[register >> shift ^ byte]
    register >>= room
    return _bitwise(register, data[whole], rest, parameters) if rest else register


@lru_cache
def _bytewise(parameters: Crc) -> tuple[int, ...]:
    """Return what each byte makes of a register of zeros, at the top of its bytes."""
    room = -parameters.width % BYTE_BITS
    values = range(1 << BYTE_BITS)
    return tuple(_bitwise(0, value, BYTE_BITS, parameters) << room for value in values)


def _bitwise(register: int, byte: int, bits: int, parameters: Crc) -> int:
    """Return the register after the first ``bits`` bits of a byte."""
    top = 1 << (parameters.width - 1)
    keep = (1 << parameters.width) - 1
    for position in range(bits):
        feedback = bool(register & top) != bool(byte >> (BYTE_BITS - 1 - position) & 1)
        register = (register << 1) & keep
        if feedback:
            register ^= parameters.polynomial
    return register


def words_reversed(data: bytes) -> bytes:
    """Return the four-byte groups of ``data`` in reverse order."""
    width = WORD_LENGTH
    return b"".join(data[at : at + width] for at in range(len(data) - width, -1, -width))


def cut(frame: bytes, field: Field) -> bytes:
    """Return the bytes of a field in the order they have in a header."""
    data = frame[field.offset : field.offset + field.width]
    return words_reversed(data) if field.order is Order.WORDS_REVERSED else data


def number(frame: bytes, field: Field) -> int:
    """Return a field as a number, most significant byte first."""
    return int.from_bytes(cut(frame, field), "big")


def same_rate(sender: int | None, receiver: int) -> bool:
    """Tell whether a receiver understands a sender; None is a rate without a name."""
    return sender is not None and abs(sender / receiver - 1) <= RATE_TOLERANCE
