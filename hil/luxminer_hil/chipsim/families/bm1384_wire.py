"""The BM1384's side of the wire: reads what a host sends, writes what a chip answers.

Written from the reference, sharing numbers (`facts`) and no code with the driver it judges.

Ref: docs/sources.md, Sticks.

**Commands and tasks.** A host sends 4-byte commands and 64-byte tasks on one line, neither with a
preamble. How a real chip tells them apart is not known. Here a frame boundary is followed by

1. a command, when four bytes are one (opcode, reserved bits and CRC5 are right) and the line then
   falls silent, or goes on with another command, or with what does not make the 64 bytes a task;
2. a task otherwise, of exactly 64 bytes.

Silence of `IDLE_GAP_S` ends a frame: what is left then is a command or a bad frame, and the next
byte begins a new one. The look-ahead of rule 1 is more than a chip can do. It is needed because
one midstate in about 65,000 begins with the bytes of a right PLL command, and because a host
process keeps no exact pauses on a pty; `StreamParser.ambiguous` counts such tasks.

Unproven: rule 1, the length of the gap, and that bits without a known meaning must be zero. The
last is strict on purpose: a frame that breaks it is counted and not obeyed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import luxminer_drivers.bm1384.facts as facts
from luxminer_drivers.bm1384.facts import Opcode, Register, ReplyType
from luxminer_hil.chipsim import wire
from luxminer_hil.chipsim.wire import BadFrame, BadReason, FrameKind, crc, cut, number

__all__ = [
    "IDLE_GAP_S",
    "BadFrame",
    "BadReason",
    "Command",
    "Frame",
    "FrameKind",
    "StreamParser",
    "Task",
    "crc",
    "nonce_reply",
    "pll_mhz",
    "pll_reply",
    "read_command",
    "read_task",
    "register_reply",
]

IDLE_GAP_S = 0.002
"""Silence that ends a frame: 23 byte times, and shorter than between two open-core tasks."""

HIGHEST_JOB_ID = (1 << facts.REPLY_LOW.width) - 1
"""A reply has five bits for the job id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(wire.Command):
    """A 4-byte command."""

    pll: int = 0
    """Register value of WRITE_PLL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(wire.Task):
    """A task frame, turned back into what has to be hashed."""

    midstate: bytes
    """State after header bytes 0 to 63: eight words a to h, most significant byte first."""
    tail: bytes
    """Header bytes 64 to 75 in header order."""
    ticket_difficulty: int
    nonce_range: int
    """Nonces for each chip; 0 where the host gives no range."""
    job_id: int


Frame = Command | Task | BadFrame


TASK_FIELDS = (
    facts.TASK_MIDSTATE,
    facts.TASK_TICKET,
    facts.TASK_NONCE_RANGE,
    facts.TASK_JOB_ID,
    facts.TASK_TAIL,
)
RESERVED_TASK_BYTES = tuple(
    at
    for at in range(facts.TASK_LENGTH)
    if not any(field.offset <= at < field.offset + field.width for field in TASK_FIELDS)
)


def read_command(frame: bytes) -> Command | BadFrame:
    """Read four bytes as a command."""
    assert len(frame) == facts.COMMAND_LENGTH
    to_all = bool(frame[0] & facts.ALL_CHIPS)
    code = frame[0] & ~facts.ALL_CHIPS
    low = frame[-1] & ((1 << facts.CRC5.width) - 1)
    address = number(frame, facts.COMMAND_ADDRESS)
    register = number(frame, facts.COMMAND_REGISTER)

    def bad(reason: BadReason) -> BadFrame:
        return BadFrame(reason=reason, raw=frame)

    if code not in (
        Opcode.SET_ADDRESS,
        Opcode.WRITE_PLL,
        Opcode.READ_REGISTER,
        Opcode.CHAIN_INACTIVE,
    ):
        return bad(BadReason.OPCODE)
    if crc(frame, facts.COMMAND_CRC_BITS, facts.CRC5) != low:
        return bad(BadReason.CRC)
    if frame[-1] != low:
        return bad(BadReason.RESERVED)
    if code == Opcode.WRITE_PLL and to_all:
        pll = number(frame, facts.COMMAND_PLL)
        return Command(kind=FrameKind.WRITE_PLL, address=None, pll=pll)
    if code == Opcode.CHAIN_INACTIVE and to_all and address == register == 0:
        return Command(kind=FrameKind.CHAIN_INACTIVE, address=None)
    if code == Opcode.SET_ADDRESS and not to_all and register == 0:
        return Command(kind=FrameKind.SET_ADDRESS, address=address)
    if code == Opcode.READ_REGISTER and not (to_all and address):
        kinds = {Register.CHIP_ID: FrameKind.READ_CHIP_ID, Register.PLL: FrameKind.READ_PLL}
        kind = kinds.get(Register(register)) if register in list(Register) else None
        if kind is None:
            return bad(BadReason.REGISTER)
        return Command(kind=kind, address=None if to_all else address)
    return bad(BadReason.RESERVED)


def read_task(frame: bytes) -> Task | BadFrame:
    """Read 64 bytes as a task."""
    assert len(frame) == facts.TASK_LENGTH
    job_id = number(frame, facts.TASK_JOB_ID)
    if any(frame[at] for at in RESERVED_TASK_BYTES) or job_id > HIGHEST_JOB_ID:
        return BadFrame(reason=BadReason.RESERVED, raw=frame)
    midstate = cut(frame, facts.TASK_MIDSTATE)
    tail = cut(frame, facts.TASK_TAIL)
    ticket_difficulty = number(frame, facts.TASK_TICKET) + 1
    nonce_range = number(frame, facts.TASK_NONCE_RANGE)
    kind = FrameKind.WORK
    if not any(midstate) and not any(tail):
        is_open_core = nonce_range == 0 and ticket_difficulty == 1
        kind = FrameKind.OPEN_CORE if is_open_core else FrameKind.BUSY
    return Task(
        kind=kind,
        midstate=midstate,
        tail=tail,
        ticket_difficulty=ticket_difficulty,
        nonce_range=nonce_range,
        job_id=job_id,
    )


class StreamParser:
    """Cuts the byte stream of a host into frames. Holds less than one task frame of bytes."""

    def __init__(
        self,
        command: Callable[[bytes], Command | BadFrame] = read_command,
        task: Callable[[bytes], Task | BadFrame] = read_task,
    ) -> None:
        """``command`` and ``task`` are the readings of a chip that shares this wire."""
        self.gap_s = IDLE_GAP_S
        self._read_command = command
        self._read_task = task
        self._buffer = bytearray()
        self.ambiguous = 0
        """Tasks whose first four bytes are also a right command."""

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes that followed the earlier ones without a gap."""
        self._buffer += data
        frames: list[Frame] = []
        while len(self._buffer) >= facts.TASK_LENGTH:
            head = bytes(self._buffer[: facts.TASK_LENGTH])
            command = self._read_command(head[: facts.COMMAND_LENGTH])
            task = self._read_task(head)
            if isinstance(command, Command) and not self._is_surely_task(task, head):
                self._take(command, facts.COMMAND_LENGTH, frames)
            else:
                self.ambiguous += isinstance(command, Command)
                self._take(task, facts.TASK_LENGTH, frames)
        return frames

    def idle(self) -> list[Frame]:
        """Take note that the line has been silent for `IDLE_GAP_S`; nothing stays pending."""
        frames: list[Frame] = []
        while self._buffer:
            groups = [
                self._read_command(bytes(self._buffer[at : at + facts.COMMAND_LENGTH]))
                for at in range(0, len(self._buffer) - 3, facts.COMMAND_LENGTH)
            ]
            is_whole = len(self._buffer) % facts.COMMAND_LENGTH == 0
            # A damaged command does not take the right ones behind it along.
            if groups and (
                isinstance(groups[0], Command)
                or (is_whole and all(isinstance(group, Command) for group in groups[1:]))
            ):
                self._take(groups[0], facts.COMMAND_LENGTH, frames)
            else:
                rest = BadFrame(reason=BadReason.LENGTH, raw=bytes(self._buffer))
                self._take(rest, len(self._buffer), frames)
        return frames

    def reset(self) -> bytes:
        """Forget and return the bytes of a frame that is not complete."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _take(self, frame: Frame, length: int, frames: list[Frame]) -> None:
        del self._buffer[:length]
        frames.append(frame)

    def _is_surely_task(self, task: Task | BadFrame, head: bytes) -> bool:
        """Tell a task from a command with other commands, or tasks of zeros, close behind it."""
        rest = head[facts.COMMAND_LENGTH : facts.TASK_MIDSTATE.width]
        following = self._read_command(rest[: facts.COMMAND_LENGTH])
        return isinstance(task, Task) and any(rest) and isinstance(following, BadFrame)


def register_reply(data: bytes) -> bytes:
    """Return the five bytes that carry four bytes of a register."""
    assert len(data) == facts.REPLY_LENGTH - 1
    kind = ReplyType.REGISTER << facts.REPLY_TYPE.shift
    return data + bytes([kind | crc(data + bytes([kind]), facts.REPLY_CRC_BITS, facts.CRC5)])


def nonce_reply(nonce: int, job_id: int) -> bytes:
    """Return the five bytes that report ``nonce``, the big-endian reading of header bytes 76-79."""
    kind = ReplyType.NONCE << facts.REPLY_TYPE.shift
    return nonce.to_bytes(facts.NONCE.width, "big") + bytes([kind | job_id])


def _bits(value: int, field: facts.BitField) -> int:
    return value >> field.shift & ((1 << field.width) - 1)


def pll_mhz(pll: int) -> float:
    """Return the clock that a PLL register value makes."""
    m, n, od = (_bits(pll, field) for field in (facts.PLL_M, facts.PLL_N, facts.PLL_OD))
    return facts.PLL_REFERENCE_MHZ * (m + 1) / ((n + 1) << od)


def pll_reply(pll: int, *, locked: bool) -> bytes:
    """Return the answer to a read of the PLL. Unproven: where the ninth bit of m goes (dropped)."""
    data = bytearray(facts.REPLY_LENGTH - 1)
    data[0] = facts.PLL_REPLY_START if locked else 0
    data[facts.PLL_REPLY_M.offset] = _bits(pll, facts.PLL_M) & 0xFF
    data[facts.PLL_REPLY_N.offset] = _bits(pll, facts.PLL_N)
    data[facts.PLL_REPLY_OD.offset] = _bits(pll, facts.PLL_OD)
    return register_reply(bytes(data))
