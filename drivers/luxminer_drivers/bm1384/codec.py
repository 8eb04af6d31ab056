"""Frames of the BM1384 as values: commands and tasks to the chip, replies from it.

No I/O and no clock. Replies are cut out of the byte stream by `Decoder`. Ref: REFERENCE.md.
"""

from dataclasses import dataclass

from luxminer.errors import FrameError
from luxminer_drivers.bm1384 import facts
from luxminer_drivers.bm1384.pll import Pll
from luxminer_drivers.common.crc import TableCrc
from luxminer_drivers.common.fields import get_bits, get_bytes, get_number, in_order, put

__all__ = [
    "BUSY_MIDSTATE",
    "BUSY_TAIL",
    "REPLY_TYPES",
    "ChainInactive",
    "ChipIdReply",
    "Command",
    "NonceReply",
    "PllReply",
    "ReadRegister",
    "SetAddress",
    "TaskFrame",
    "TaskTemplate",
    "WritePll",
    "busy_task",
    "crc5",
    "decode_command",
    "decode_nonce",
    "decode_register",
    "open_core_tasks",
]

crc5 = TableCrc(*facts.CRC5)

BUSY_MIDSTATE = bytes(facts.TASK_MIDSTATE.width)
BUSY_TAIL = bytes(facts.TASK_TAIL.width)
"""The "header" that chips hash when there is no work."""


# --- Commands ------------------------------------------------------------------------------------


def _command(opcode: facts.Opcode, *parts: tuple[facts.Field, int], to_all: bool) -> bytes:
    frame = bytearray(facts.COMMAND_LENGTH)
    put(frame, facts.COMMAND_OPCODE, opcode | (facts.ALL_CHIPS if to_all else 0))
    for field, value in parts:
        put(frame, field, value)
    frame[-1] |= crc5(bytes(frame), facts.COMMAND_CRC_BITS)
    return bytes(frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRegister:
    """Ask one chip, or with ``address`` None all chips, for a register."""

    register: facts.Register
    address: int | None = None

    def encode(self) -> bytes:
        return _command(
            facts.Opcode.READ_REGISTER,
            (facts.COMMAND_ADDRESS, self.address or 0),
            (facts.COMMAND_REGISTER, self.register),
            to_all=self.address is None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainInactive:
    """All chips forget their addresses."""

    def encode(self) -> bytes:
        return _command(facts.Opcode.CHAIN_INACTIVE, to_all=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAddress:
    """Give the next chip without an address this one."""

    address: int

    def encode(self) -> bytes:
        return _command(
            facts.Opcode.SET_ADDRESS, (facts.COMMAND_ADDRESS, self.address), to_all=False
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePll:
    """Set the clock of all chips."""

    pll: Pll

    def encode(self) -> bytes:
        return _command(facts.Opcode.WRITE_PLL, (facts.COMMAND_PLL, self.pll.encode()), to_all=True)


Command = ReadRegister | ChainInactive | SetAddress | WritePll


def decode_command(raw: bytes) -> Command:
    """Read a command as a chip would. Raises FrameError for one that no chip would take."""
    if len(raw) != facts.COMMAND_LENGTH:
        raise FrameError("command of wrong length", raw)
    if crc5(raw, facts.COMMAND_CRC_BITS) != raw[-1]:
        raise FrameError("command with a wrong check sum", raw)
    opcode = get_number(raw, facts.COMMAND_OPCODE)
    to_all = bool(opcode & facts.ALL_CHIPS)
    address = get_number(raw, facts.COMMAND_ADDRESS)
    match opcode & ~facts.ALL_CHIPS, to_all:
        case facts.Opcode.READ_REGISTER, _:
            try:
                register = facts.Register(get_number(raw, facts.COMMAND_REGISTER))
            except ValueError:
                raise FrameError("read of an unknown register", raw) from None
            return ReadRegister(register=register, address=None if to_all else address)
        case facts.Opcode.CHAIN_INACTIVE, True:
            return ChainInactive()
        case facts.Opcode.SET_ADDRESS, False:
            return SetAddress(address=address)
        case facts.Opcode.WRITE_PLL, True:
            return WritePll(pll=Pll.decode(get_number(raw, facts.COMMAND_PLL)))
    raise FrameError("unknown command", raw)


# --- Tasks ---------------------------------------------------------------------------------------


class TaskTemplate:
    """Encodes tasks that differ in header and job id alone: one goes out every few hundred ms."""

    def __init__(self, *, ticket_difficulty: int, nonce_range: int) -> None:
        """See `TaskFrame` for both."""
        blank, start = bytearray(facts.TASK_LENGTH), 0
        put(blank, facts.TASK_TICKET, ticket_difficulty - 1)
        put(blank, facts.TASK_NONCE_RANGE, nonce_range)
        self._fixed: list[bytes] = []
        """What stands before the midstate, then before the job id, then before the tail."""
        for field in (facts.TASK_MIDSTATE, facts.TASK_JOB_ID, facts.TASK_TAIL):
            assert field.offset >= start, "the fields stand in this order"
            self._fixed.append(bytes(blank[start : field.offset]))
            start = field.offset + field.width
        self._end = bytes(blank[start:])

    def encode(self, midstate: bytes, tail: bytes, job_id: int) -> bytes:
        """Return the bytes of a `TaskFrame` with these values."""
        first, second, third = self._fixed
        job = job_id.to_bytes(facts.TASK_JOB_ID.width, "big")
        state, rest = in_order(facts.TASK_MIDSTATE, midstate), in_order(facts.TASK_TAIL, tail)
        return b"".join((first, state, second, job, third, rest, self._end))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFrame:
    """One header to search.

    ``midstate`` is the SHA-256 state after header bytes 0 to 63 (eight big-endian words, a to h);
    ``tail`` is header bytes 64 to 75 in header order.
    """

    midstate: bytes
    tail: bytes
    ticket_difficulty: int
    """Difficulty of the easiest hash that is reported, 1 to 256."""
    nonce_range: int
    """Nonces that each chip searches."""
    job_id: int
    """0 to 31, comes back with every nonce."""

    def encode(self) -> bytes:
        template = TaskTemplate(
            ticket_difficulty=self.ticket_difficulty, nonce_range=self.nonce_range
        )
        return template.encode(self.midstate, self.tail, self.job_id)

    @classmethod
    def decode(cls, raw: bytes) -> "TaskFrame":
        """Read a task. It has no check sum; raises FrameError only for a wrong length."""
        if len(raw) != facts.TASK_LENGTH:
            raise FrameError("task of wrong length", raw)
        return cls(
            midstate=get_bytes(raw, facts.TASK_MIDSTATE),
            tail=get_bytes(raw, facts.TASK_TAIL),
            ticket_difficulty=get_number(raw, facts.TASK_TICKET) + 1,
            nonce_range=get_number(raw, facts.TASK_NONCE_RANGE),
            job_id=get_number(raw, facts.TASK_JOB_ID),
        )


def busy_task(*, ticket_difficulty: int, nonce_range: int, job_id: int) -> TaskFrame:
    """Return the task that keeps a chip from going on with dead work: an all-zero header."""
    return TaskFrame(
        midstate=BUSY_MIDSTATE,
        tail=BUSY_TAIL,
        ticket_difficulty=ticket_difficulty,
        nonce_range=nonce_range,
        job_id=job_id,
    )


def open_core_tasks() -> tuple[TaskFrame, ...]:
    """Return the frames that wake one core after the other at bring-up."""
    return tuple(
        busy_task(ticket_difficulty=1, nonce_range=0, job_id=number % facts.OPEN_CORE_JOB_IDS)
        for number in range(facts.OPEN_CORE_FRAMES)
    )


# --- Replies -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipIdReply:
    """Answer of one chip to a read of its id; ``data`` is all four bytes before the last."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PllReply:
    """Answer of one chip to a read of its PLL. It does not say which chip."""

    pll: Pll


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceReply:
    """Claim of a chip. ``nonce`` is the header field as a number (little-endian reading)."""

    job_id: int
    nonce: int
    is_verified: bool
    """The host has hashed it and found it right. Also what tells that the frame was in step."""


def _reply_type(last: int) -> facts.ReplyType | None:
    try:
        return facts.ReplyType(get_bits(last, facts.REPLY_TYPE))
    except ValueError:
        return None


REPLY_TYPES = tuple(_reply_type(last) for last in range(256))
"""What each value of the last byte makes of a reply; None where no reply ends so."""


def decode_nonce(raw: bytes) -> tuple[int, int]:
    """Return job id and nonce of five bytes whose last one means a nonce."""
    job_id = get_bits(get_number(raw, facts.REPLY_LAST), facts.REPLY_LOW)
    return job_id, int.from_bytes(get_bytes(raw, facts.NONCE), "little")


def decode_register(raw: bytes) -> ChipIdReply | PllReply:
    """Read five bytes whose last one means a register. Raises FrameError for any other."""
    if crc5(raw, facts.REPLY_CRC_BITS) != get_bits(
        get_number(raw, facts.REPLY_LAST), facts.REPLY_LOW
    ):
        raise FrameError("register reply with a wrong check sum", raw)
    if raw[0] == facts.CHIP_ID_START:
        return ChipIdReply(data=raw[: facts.REPLY_LAST.offset])
    if raw[0] != facts.PLL_REPLY_START:
        raise FrameError("reply of a register that is never read", raw)
    pll = Pll(
        m=get_number(raw, facts.PLL_REPLY_M),
        n=get_number(raw, facts.PLL_REPLY_N),
        od=get_number(raw, facts.PLL_REPLY_OD),
    )
    if Pll.decode(pll.m << facts.PLL_M.shift | pll.n << facts.PLL_N.shift | pll.od) != pll:
        raise FrameError("PLL reply with impossible dividers", raw)
    return PllReply(pll=pll)
