"""Coinbase, merkle root and block header as bytes; word and byte orders live here.

Three spellings of a hash: *internal*, the bytes that SHA-256d gives and a header stores;
*display*, those reversed, as explorers print; *wire*, how ``mining.notify`` spells the previous
block: internal, with the bytes of each 32-bit word reversed.

Ref: docs/sources.md, "Stratum"; every step checked against real blocks.
"""

import struct

from luxminer.work.job import WorkItem

__all__ = [
    "MIN_COINBASE",
    "block_height",
    "coinbase",
    "display",
    "first_64_bytes",
    "from_display",
    "header_bytes",
    "header_start",
    "header_tail",
    "script_height",
    "strip_witness",
    "swap_words",
]

MIN_COINBASE = 42
"""Bytes that both parts have at least: version, input count, previous output, script length."""

_HEIGHT_OFFSET = 4 + 1 + 36  # script length follows version, input count, previous output
_MAX_HEIGHT_BYTES = 3  # lasts until the year 2168; four bytes are the time stamps of old blocks
_SEGWIT = b"\x00\x01"
_WITNESS = b"\x01\x20"  # one item, of 32 bytes
_WITNESS_SIZE = len(_WITNESS) + 32
_LOCK_TIME_SIZE = 4


def swap_words(data: bytes) -> bytes:
    """Reverse the bytes of each 4-byte word: wire to internal previous hash, and back.

    Raises ValueError when the length is no multiple of 4.
    """
    count, rest = divmod(len(data), 4)
    if rest:
        raise ValueError(f"{len(data)} bytes are not whole words")
    return struct.pack(f"<{count}I", *struct.unpack(f">{count}I", data))


def display(block_hash: bytes) -> str:
    """Return an internal hash as explorers print it."""
    return block_hash[::-1].hex()


def from_display(text: str) -> bytes:
    """Return the internal bytes of a printed hash. Raises ValueError for bad hex."""
    return bytes.fromhex(text)[::-1]


def coinbase(coinb1: bytes, extranonce1: bytes, extranonce2: bytes, coinb2: bytes) -> bytes:
    """Join the parts of a coinbase transaction as the pool means them."""
    return coinb1 + extranonce1 + extranonce2 + coinb2


def header_start(version: int, prev_hash: bytes, merkle_root: bytes) -> bytes:
    """Return header bytes 0 to 63, which a midstate stands for. Hashes are internal."""
    return struct.pack("<I", version) + prev_hash + merkle_root[:28]


def header_tail(merkle_root: bytes, ntime: int, nbits: int) -> bytes:
    """Return header bytes 64 to 75: the end of the root, time, compact target."""
    return merkle_root[28:] + struct.pack("<II", ntime, nbits)


def header_bytes(
    version: int, prev_hash: bytes, merkle_root: bytes, ntime: int, nbits: int, nonce: int
) -> bytes:
    """Return the 80 header bytes. Hashes are internal, integers the numbers of the fields."""
    start = header_start(version, prev_hash, merkle_root)
    return start + header_tail(merkle_root, ntime, nbits) + struct.pack("<I", nonce)


def first_64_bytes(work: WorkItem) -> bytes:
    """Return header bytes 0 to 63 of a work item with the first of its versions."""
    return header_start(work.versions[0], work.job.prev_hash, work.merkle_root)


def strip_witness(coinb1: bytes, coinb2: bytes) -> tuple[bytes, bytes]:
    """Return both parts without segwit marker, flag and witness; as they are if there are none.

    A block's merkle tree holds the hash of the stripped form, and a coinbase never has zero
    inputs, so a marker is not mistaken. The witness of a coinbase is always one item of 32 bytes
    (BIP141). Raises ValueError when there is a marker and no such witness before the lock time.
    """
    if coinb1[4:6] != _SEGWIT:
        return coinb1, coinb2
    end = len(coinb2) - _LOCK_TIME_SIZE
    start = end - _WITNESS_SIZE
    if start < 0 or not coinb2.startswith(_WITNESS, start):
        raise ValueError("coinbase has a segwit marker and no witness of 32 bytes at its end")
    return coinb1[:4] + coinb1[6:], coinb2[:start] + coinb2[end:]


def block_height(coinb1: bytes) -> int | None:
    """Return the height that a coinbase begins its script with (BIP34), for display only.

    None when the first part of the coinbase does not hold it, or holds something else there, as
    blocks before BIP34 do.
    """
    at = _HEIGHT_OFFSET + (2 if coinb1[4:6] == _SEGWIT else 0)
    return script_height(coinb1[at + 1 :])  # its length, at most 100, is one byte


def script_height(script: bytes) -> int | None:
    """Return the height that a coinbase script begins with; None when it begins otherwise."""
    if not script:
        return None
    opcode = script[0]
    if opcode == 0:
        return 0
    if 0x51 <= opcode <= 0x60:
        return opcode - 0x50
    push = script[1 : 1 + opcode]
    if not 1 <= opcode <= _MAX_HEIGHT_BYTES or len(push) < opcode or push[-1] & 0x80:
        return None
    return int.from_bytes(push, "little")
