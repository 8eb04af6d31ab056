"""The wire of BM1387 and later: frames with length and check sum, from BM1397 on with preambles.

The reading of the reference's sections 3.1 to 3.3, 5 to 7 that belongs to the chip; of the driver
it shares only the numbers.

A frame that is not right is skipped byte by byte up to where a right one begins, which is the next
preamble where there is one; all that was skipped in a row counts as one bad frame. That is also
what becomes of the original's frame `55 aa 53 05 00 18 f0 00 c1 00 02`, whose length byte lies.

Unproven: how real chips find back to a frame boundary; that silence ends a frame; that registers
the reference does not name, and bits without a known meaning, are not obeyed (strict on purpose).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import NamedTuple

import luxminer_drivers.bm13xx.facts as facts
from luxminer_drivers.bm13xx.facts import Family, ReplyType
from luxminer_hil.chipsim import wire
from luxminer_hil.chipsim.wire import BadFrame, BadReason, FrameKind, crc, cut, number

__all__ = [
    "Command",
    "FramedParser",
    "HeaderTask",
    "MidstateTask",
    "nonce_reply",
    "register_reply",
]

GAP_S = 0.010
"""Silence that ends a frame. Hosts of this kind of stick pause for 1 to 100 ms between frames."""

MAX_SKIPPED = 4096
"""Bytes without a right frame that are counted as one bad frame at most."""

HIGHEST_JOB_ID = 0x7F
"""Replies have seven bits for job id and index together."""

HEADER_LENGTH_BYTES = frozenset({0x36, 0x56, 0xFF})
"""What hosts write as length of a whole-header task; the chip takes it by its opcode."""
HEADER_COUNT_BYTES = frozenset({0, 1})

CRC_BYTE_BITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(wire.Command):
    """A command about a register, or about addresses."""

    register: int = 0
    value: int = 0
    """Of a write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MidstateTask(wire.Task):
    """What BM1387 and BM1397 hash: each nonce with every midstate."""

    midstates: tuple[bytes, ...]
    """States after header bytes 0 to 63: eight words a to h, most significant byte first."""
    tail: bytes
    """Header bytes 64 to 75 in header order."""
    job_id: int
    numbers: Iterator[int] = field(default_factory=count, compare=False)
    """Numbers of the solutions that the chain finds for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderTask(wire.Task):
    """What BM1362 and later hash: a header whose version they roll."""

    header: bytes
    """The 76 bytes before the nonce."""
    job_id: int


class _Operation(NamedTuple):
    name: str
    to_all: bool


def _operations(family: Family) -> dict[int, _Operation]:
    """Return opcode -> what it does."""
    codes = family.opcodes
    return {
        codes.set_address: _Operation("address", to_all=False),
        codes.write: _Operation("write", to_all=False),
        codes.write | facts.ALL_CHIPS: _Operation("write", to_all=True),
        codes.read: _Operation("read", to_all=False),
        codes.read | facts.ALL_CHIPS: _Operation("read", to_all=True),
        codes.chain_inactive | facts.ALL_CHIPS: _Operation("inactive", to_all=True),
    }


class FramedParser:
    """Cuts the byte stream of a host into frames. Holds less than one frame, and what it skips."""

    def __init__(self, family: Family, registers: frozenset[int]) -> None:
        """Read for a chip that has ``registers``."""
        self.gap_s = GAP_S
        self.ambiguous = 0
        self._family = family
        self._registers = registers
        self._operations = _operations(family)
        self._buffer = bytearray()
        self._skipped = bytearray()
        self._reason = BadReason.NOISE

    @property
    def pending(self) -> int:
        return len(self._buffer) + len(self._skipped)

    def feed(self, data: bytes) -> Iterator[wire.Frame]:
        """Take bytes that followed the earlier ones without a gap."""
        self._buffer += data
        return self._frames(is_idle=False)

    def idle(self) -> Iterator[wire.Frame]:
        """Take note that the line has been silent for `GAP_S`; nothing stays pending."""
        return self._frames(is_idle=True)

    def reset(self) -> bytes:
        rest = bytes(self._skipped + self._buffer)
        self._skipped.clear()
        self._buffer.clear()
        return rest

    def _frames(self, *, is_idle: bool) -> Iterator[wire.Frame]:
        preamble = self._family.request_preamble
        while self._buffer:
            got = self._first()
            if got is None and not is_idle:
                return
            if got is None:
                got = BadReason.LENGTH
            if not isinstance(got, BadReason):
                if self._skipped:
                    yield self._bad()
                length, frame = got
                del self._buffer[:length]
                yield frame
                continue
            is_next = bool(preamble) and self._buffer.startswith(preamble)
            if self._skipped and (is_next or len(self._skipped) >= MAX_SKIPPED):
                yield self._bad()
            if not self._skipped:
                self._reason = got
            self._skipped.append(self._buffer.pop(0))
        if is_idle and self._skipped:
            yield self._bad()

    def _bad(self) -> BadFrame:
        frame = BadFrame(reason=self._reason, raw=bytes(self._skipped))
        self._skipped.clear()
        return frame

    def _first(self) -> tuple[int, wire.Frame] | BadReason | None:
        """Read the head of the buffer: a frame and its length, or what is wrong with it.

        None when more bytes are needed to tell.
        """
        preamble = self._family.request_preamble
        head = bytes(self._buffer[: len(preamble)])
        if head != preamble:
            is_part = len(head) < len(preamble) and preamble.startswith(head)
            return None if is_part else BadReason.NOISE
        body = self._buffer[len(preamble) :]
        if not body:
            return None
        opcode = body[facts.COMMAND_OPCODE.offset]
        if opcode != facts.TASK_OPCODE and opcode not in self._operations:
            return BadReason.OPCODE
        if len(body) <= facts.COMMAND_LENGTH.offset:
            return None
        length = self._length(opcode, body[facts.COMMAND_LENGTH.offset])
        if length is None:
            return BadReason.LENGTH
        if len(body) < length:
            return None
        raw = bytes(body[:length])
        frame = self._task(raw) if opcode == facts.TASK_OPCODE else self._command(raw)
        if isinstance(frame, BadReason):
            return frame
        if isinstance(frame, BadFrame):
            frame = replace(frame, raw=preamble + raw)
        return len(preamble) + length, frame

    def _length(self, opcode: int, byte: int) -> int | None:
        """Return the length without preamble of a frame that begins so, None for none."""
        if opcode != facts.TASK_OPCODE:
            is_write = self._operations[opcode].name == "write"
            right = facts.WRITE_LENGTH if is_write else facts.SHORT_COMMAND_LENGTH
            return right if byte == right else None
        if not self._family.midstate_counts:
            return facts.TASK_HEADER_LENGTH if byte in HEADER_LENGTH_BYTES else None
        further, rest = divmod(byte - facts.TASK_MIDSTATE_LENGTH, facts.TASK_MIDSTATES.width)
        return byte if rest == 0 and 1 + further in (1, 2, 4) else None

    def _command(self, raw: bytes) -> wire.Frame | BadReason:
        if crc(raw, CRC_BYTE_BITS * (len(raw) - 1), facts.CRC5) != raw[-1]:
            return BadReason.CRC
        operation = self._operations[raw[facts.COMMAND_OPCODE.offset]]
        address = number(raw, facts.COMMAND_ADDRESS)
        register = number(raw, facts.COMMAND_REGISTER)
        if operation.to_all and address:
            return BadFrame(reason=BadReason.RESERVED, raw=raw)
        target = None if operation.to_all else address
        if operation.name in ("inactive", "address"):
            if register:
                return BadFrame(reason=BadReason.RESERVED, raw=raw)
            is_address = operation.name == "address"
            kind = FrameKind.SET_ADDRESS if is_address else FrameKind.CHAIN_INACTIVE
            return Command(kind=kind, address=target)
        if register not in self._registers:
            return BadFrame(reason=BadReason.REGISTER, raw=raw)
        is_pll = register == self._family.registers.pll
        if operation.name == "write":
            kind = FrameKind.WRITE_PLL if is_pll else FrameKind.WRITE_REGISTER
            value = number(raw, facts.COMMAND_VALUE)
            return Command(kind=kind, address=target, register=register, value=value)
        kind = FrameKind.READ_PLL if is_pll else FrameKind.READ_REGISTER
        if register == self._family.registers.chip_id:
            kind = FrameKind.READ_CHIP_ID
        return Command(kind=kind, address=target, register=register)

    def _task(self, raw: bytes) -> wire.Frame | BadReason:
        at = len(raw) - facts.TASK_CRC_WIDTH
        if crc(raw, CRC_BYTE_BITS * at, facts.CRC16) != int.from_bytes(raw[at:], "big"):
            return BadReason.CRC
        job_id = number(raw, facts.TASK_JOB_ID)
        times = number(raw, facts.TASK_COUNT)
        read_task = _midstate_task if self._family.midstate_counts else _header_task
        task = read_task(raw, job_id, times)
        if job_id > HIGHEST_JOB_ID or task is None:
            return BadFrame(reason=BadReason.RESERVED, raw=raw)
        return task


def _midstate_task(raw: bytes, job_id: int, times: int) -> MidstateTask | None:
    """Read a task with midstates; a host may send room for more of them than it counts."""
    field = facts.TASK_MIDSTATES
    room = (len(raw) - facts.TASK_CRC_WIDTH - field.offset) // field.width
    if times not in (1, 2, 4) or times > room:
        return None
    midstates = tuple(
        cut(raw, field._replace(offset=field.offset + at * field.width)) for at in range(times)
    )
    tail = cut(raw, facts.TASK_TAIL)
    is_empty = times == 1 and not any(midstates[0]) and set(tail) == {facts.OPEN_CORE_TAIL_BYTE}
    kind = FrameKind.OPEN_CORE if is_empty else FrameKind.WORK
    return MidstateTask(kind=kind, midstates=midstates, tail=tail, job_id=job_id)


def _header_task(raw: bytes, job_id: int, times: int) -> HeaderTask | None:
    if times not in HEADER_COUNT_BYTES or number(raw, facts.TASK_START_NONCE):
        return None
    fields = (
        *(facts.TASK_VERSION, facts.TASK_PREVIOUS_HASH, facts.TASK_MERKLE_ROOT),
        *(facts.TASK_TIME, facts.TASK_BITS),
    )
    header = b"".join(cut(raw, field) for field in fields)
    kind = FrameKind.WORK if any(header) else FrameKind.BUSY
    return HeaderTask(kind=kind, header=header, job_id=job_id)


# --- Replies -------------------------------------------------------------------------------------


def _sealed(family: Family, body: bytes, kind: ReplyType) -> bytes:
    """Close a reply: type and check sum, which covers the type."""
    last = kind << facts.REPLY_TYPE.shift
    bits = CRC_BYTE_BITS * len(body) + facts.REPLY_TYPE.width
    check = crc(body + bytes([last]), bits, facts.CRC5)
    return family.reply_preamble + body + bytes([last | check])


def register_reply(family: Family, length: int, value: int, address: int, register: int) -> bytes:
    """Return the answer to a read, ``length`` bytes without preamble."""
    body = value.to_bytes(facts.REPLY_VALUE.width, "big")
    if family.reply_names_register:
        body += bytes([address, register])
    return _sealed(family, body.ljust(length - 1, b"\0"), ReplyType.REGISTER)


def nonce_reply(
    family: Family, nonce: int, detail: int, id_byte: int, version_bits: int | None
) -> bytes:
    """Return the report of ``nonce``, the big-endian reading of header bytes 76 to 79."""
    body = nonce.to_bytes(facts.REPLY_NONCE.width, "big") + bytes([detail, id_byte])
    if version_bits is not None:
        body += version_bits.to_bytes(facts.REPLY_VERSION.width, "big")
    return _sealed(family, body, ReplyType.NONCE)
