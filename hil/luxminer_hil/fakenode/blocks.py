"""Blocks as they come: taken apart byte by byte, strictly.

Ref: Bitcoin developer reference (serialized blocks and transactions); BIP144 (witness form).
"""

from dataclasses import dataclass

from luxminer_hil.fakenode.proof import sha256d

__all__ = ["Block", "Output", "Spent", "Tx", "read_block", "read_tx"]

MAX_BLOCK_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Spent:
    outpoint: bytes
    script: bytes
    sequence: int


@dataclass(frozen=True, slots=True)
class Output:
    value: int
    script: bytes


@dataclass(frozen=True, slots=True)
class Tx:
    raw: bytes
    version: int
    inputs: tuple[Spent, ...]
    outputs: tuple[Output, ...]
    witness: tuple[tuple[bytes, ...], ...]
    """Of each input; empty tuples where it has none."""
    locktime: int
    txid: bytes
    wtxid: bytes

    @property
    def has_witness(self) -> bool:
        return any(self.witness)


@dataclass(frozen=True, slots=True)
class Block:
    header: bytes
    version: int
    previous: bytes
    root: bytes
    time: int
    bits: int
    nonce: int
    txs: tuple[Tx, ...]
    digest: bytes


class _Bytes:
    """Takes bytes off the front. Raises ValueError when they run out."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, size: int) -> bytes:
        part = self.raw[self.at : self.at + size]
        if len(part) != size:
            raise ValueError(f"ends at byte {len(self.raw)}, {size - len(part)} too early")
        self.at += size
        return part

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def count(self) -> int:
        """Read a compact size; it must be the shortest form."""
        first = self.take(1)[0]
        if first < 253:
            return first
        size = {253: 2, 254: 4, 255: 8}[first]
        value = int.from_bytes(self.take(size), "little")
        if value <= {2: 252, 4: 0xFFFF, 8: 0xFFFFFFFF}[size]:
            raise ValueError(f"spells {value} with {size} bytes")
        if value > MAX_BLOCK_BYTES:
            raise ValueError(f"announces {value} of something")
        return value

    def text(self) -> bytes:
        return self.take(self.count())


def read_block(raw: bytes) -> Block:
    """Read a block that fills ``raw``. Raises ValueError."""
    if len(raw) > MAX_BLOCK_BYTES:
        raise ValueError(f"has {len(raw)} bytes")
    source = _Bytes(raw)
    header = source.take(80)
    count = source.count()
    txs = tuple(_tx(source) for _ in range(count))
    if source.at != len(raw):
        raise ValueError(f"has {len(raw) - source.at} bytes behind its end")
    word = [int.from_bytes(header[at : at + 4], "little") for at in (0, 68, 72, 76)]
    return Block(
        header=header,
        version=word[0],
        previous=header[4:36],
        root=header[36:68],
        time=word[1],
        bits=word[2],
        nonce=word[3],
        txs=txs,
        digest=sha256d(header),
    )


def read_tx(raw: bytes) -> Tx:
    """Read a transaction that fills ``raw``. Raises ValueError."""
    source = _Bytes(raw)
    tx = _tx(source)
    if source.at != len(raw):
        raise ValueError("has bytes behind its end")
    return tx


def _tx(source: _Bytes) -> Tx:
    start = source.at
    version = source.take(4)
    body = source.at
    is_extended = source.raw[source.at : source.at + 2] == b"\x00\x01"
    if is_extended:
        source.take(2)
        body = source.at
    inputs = tuple(Spent(source.take(36), source.text(), source.u32()) for _ in _times(source))
    outputs = tuple(
        Output(int.from_bytes(source.take(8), "little"), source.text()) for _ in _times(source)
    )
    if not inputs or not outputs:
        raise ValueError("has a transaction without inputs or outputs")
    stripped_end = source.at
    witness: tuple[tuple[bytes, ...], ...] = ((),) * len(inputs)
    if is_extended:
        witness = tuple(tuple(source.text() for _ in _times(source)) for _ in inputs)
        if not any(witness):
            raise ValueError("has a transaction in witness form without a witness")
    locktime = source.take(4)
    raw = source.raw[start : source.at]
    stripped = version + source.raw[body:stripped_end] + locktime
    return Tx(
        raw=raw,
        version=int.from_bytes(version, "little"),
        inputs=inputs,
        outputs=outputs,
        witness=witness,
        locktime=int.from_bytes(locktime, "little"),
        txid=sha256d(stripped),
        wtxid=sha256d(raw),
    )


def _times(source: _Bytes) -> range:
    return range(source.count())
