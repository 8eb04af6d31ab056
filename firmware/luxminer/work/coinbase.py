"""What a coinbase transaction holds: its script, its outputs, and the height that it begins with.

Coinbases come from pools and nodes: every length is checked against the bytes there are.

Ref: Bitcoin developer reference (transactions, compact size); BIP34 (height), BIP141 (witness).
"""

from dataclasses import dataclass, field

from luxminer.work.header import script_height
from luxminer.work.job import PoolJob

__all__ = [
    "MAX_SCRIPT_SIG",
    "Coinbase",
    "TxOutput",
    "coinbase_of",
    "compact_size",
    "height_push",
    "parse_coinbase",
    "push",
]

MIN_SCRIPT_SIG = 2
MAX_SCRIPT_SIG = 100
"""Bytes of a coinbase script that consensus allows."""

MAX_HEIGHT = 0x7FFFFFFF
MAX_DIRECT_PUSH = 75
"""Bytes that an opcode of its own length pushes."""

_NO_OUTPOINT = bytes(32) + b"\xff\xff\xff\xff"
_SEGWIT = b"\x00\x01"
_WITNESS_SIZE = 32
_MIN_OUTPUT = 9
"""Value, and the length of an empty script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TxOutput:
    """``value_sat`` goes to whoever can satisfy ``script``."""

    value_sat: int
    script: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Coinbase:
    """A coinbase transaction taken apart. ``height`` is None where the script begins otherwise."""

    version: int
    script_sig: bytes = field(repr=False)
    sequence: int
    outputs: tuple[TxOutput, ...]
    lock_time: int
    height: int | None
    has_witness: bool


def coinbase_of(job: PoolJob) -> bytes:
    """Return the coinbase of a job with an extranonce2 of zeros."""
    return job.coinb1 + job.extranonce1 + bytes(job.extranonce2_size) + job.coinb2


def parse_coinbase(raw: bytes) -> Coinbase:
    """Take a coinbase apart, with or without its witness.

    Raises ValueError for whatever is not exactly one coinbase transaction.
    """
    reader = _Reader(raw)
    version = reader.number(4, "version")
    has_witness = reader.peek(2) == _SEGWIT
    if has_witness:
        reader.take(2, "segwit marker")
    inputs = reader.compact("input count")
    if inputs != 1:
        raise ValueError(f"coinbase has {inputs} inputs instead of 1")
    if reader.take(36, "previous output") != _NO_OUTPOINT:
        raise ValueError("coinbase spends an output: this is another transaction")
    size = reader.compact("script length")
    if not MIN_SCRIPT_SIG <= size <= MAX_SCRIPT_SIG:
        allowed = f"{MIN_SCRIPT_SIG} to {MAX_SCRIPT_SIG}"
        raise ValueError(f"coinbase script has {size} bytes instead of {allowed}")
    script_sig = reader.take(size, "script")
    sequence = reader.number(4, "sequence")
    outputs = _outputs(reader)
    if has_witness:
        _skip_witness(reader)
    lock_time = reader.number(4, "lock time")
    if reader.rest:
        raise ValueError(f"coinbase is followed by {reader.rest} bytes too many")
    return Coinbase(
        version=version,
        script_sig=script_sig,
        sequence=sequence,
        outputs=outputs,
        lock_time=lock_time,
        height=script_height(script_sig),
        has_witness=has_witness,
    )


def _outputs(reader: "_Reader") -> tuple[TxOutput, ...]:
    count = reader.compact("output count")
    if count == 0:
        raise ValueError("coinbase has no outputs")
    if count > reader.rest // _MIN_OUTPUT:
        raise ValueError(f"coinbase announces {count} outputs in {reader.rest} bytes")
    outputs = []
    for number in range(count):
        value_sat = reader.number(8, f"value of output {number}")
        size = reader.compact(f"script length of output {number}")
        script = reader.take(size, f"script of output {number}")
        outputs.append(TxOutput(value_sat=value_sat, script=script))
    return tuple(outputs)


def _skip_witness(reader: "_Reader") -> None:
    if reader.compact("witness count") != 1 or reader.compact("witness length") != _WITNESS_SIZE:
        raise ValueError("coinbase witness is not one item of 32 bytes")
    reader.take(_WITNESS_SIZE, "witness")


class _Reader:
    """Reads a transaction from its start; every read past the end is a ValueError."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    @property
    def rest(self) -> int:
        return len(self._raw) - self._at

    def peek(self, size: int) -> bytes:
        return self._raw[self._at : self._at + size]

    def take(self, size: int, name: str) -> bytes:
        if size > self.rest:
            raise ValueError(f"coinbase ends in its {name}: {size - self.rest} bytes are missing")
        data = self.peek(size)
        self._at += size
        return data

    def number(self, size: int, name: str) -> int:
        return int.from_bytes(self.take(size, name), "little")

    def compact(self, name: str) -> int:
        first = self.number(1, name)
        if first < 0xFD:
            return first
        size = 1 << (first - 0xFC)
        value = self.number(size, name)
        if value < (0xFD if size == 2 else 1 << 4 * size):
            raise ValueError(f"coinbase spells its {name} {value} with too many bytes")
        return value


def compact_size(value: int) -> bytes:
    """Return a count as transactions and blocks spell it (1, 3, 5 or 9 bytes)."""
    if value < 0xFD:
        return value.to_bytes(1, "little")
    for marker, size in ((b"\xfd", 2), (b"\xfe", 4)):
        if value < 1 << 8 * size:
            return marker + value.to_bytes(size, "little")
    return b"\xff" + value.to_bytes(8, "little")


def push(data: bytes) -> bytes:
    """Return script bytes that push 1 to 75 bytes. Raises ValueError for more, or none."""
    if not 1 <= len(data) <= MAX_DIRECT_PUSH:
        raise ValueError(f"{len(data)} bytes are no direct push of 1 to {MAX_DIRECT_PUSH}")
    return bytes([len(data)]) + data


def height_push(height: int) -> bytes:
    """Return how the script of a block of this height has to begin (BIP34).

    The shortest form, an opcode up to 16. Raises ValueError for no height of a block.
    """
    if not 0 <= height <= MAX_HEIGHT:
        raise ValueError(f"height {height} is not from 0 to {MAX_HEIGHT}")
    if height == 0:
        return b"\x00"
    if height <= 16:
        return bytes([0x50 + height])
    return push(height.to_bytes(height.bit_length() // 8 + 1, "little"))  # room for a sign bit
