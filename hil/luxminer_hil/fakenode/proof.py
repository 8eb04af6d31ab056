"""Arithmetic of blocks with `hashlib` only; shares no code with the miner.

Ref: Bitcoin developer reference (blocks, transactions, merkle trees, nBits); BIP141.
Hashes are as SHA-256 gives them; `shown` is how they are printed.
"""

from collections.abc import Sequence

from luxminer_hil.fakepool.proof import nbits_target, sha256d

__all__ = [
    "commitment_of",
    "compact",
    "nbits_target",
    "root_of",
    "script_number",
    "sha256d",
    "shown",
]

COMMITMENT_HEADER = b"\xaa\x21\xa9\xed"


def shown(digest: bytes) -> str:
    return digest[::-1].hex()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the merkle root, by recursion from the top down."""
    if len(hashes) == 1:
        return hashes[0]
    width = 1
    while width * 2 < len(hashes):
        width *= 2
    left, right = hashes[:width], list(hashes[width:])
    while len(right) < width:  # what is missing on the right repeats the end, level by level
        half = _lowest_bit(len(right))
        right += right[-half:]
    return sha256d(root_of(left) + root_of(right))


def _lowest_bit(number: int) -> int:
    return number & -number


def commitment_of(wtxids: Sequence[bytes], reserved: bytes) -> bytes:
    """Return the digest over the witnesses: ``wtxids`` without that of the coinbase."""
    return sha256d(root_of([bytes(32), *wtxids]) + reserved)


def script_number(value: int) -> bytes:
    """Return how a script pushes a height (BIP34 as Bitcoin Core builds it)."""
    if value == 0:
        return b"\x00"
    if value <= 16:
        return bytes([0x50 + value])
    digits = b""
    while value:
        digits += bytes([value % 256])
        value //= 256
    if digits[-1] >= 0x80:
        digits += b"\x00"
    return bytes([len(digits)]) + digits


def compact(number: int) -> bytes:
    """Return a count as it stands before the transactions of a block."""
    for limit, mark, size in ((0xFC, b"", 1), (0xFFFF, b"\xfd", 2), (0xFFFFFFFF, b"\xfe", 4)):
        if number <= limit:
            return mark + number.to_bytes(size, "little")
    raise ValueError(f"{number} is no count of a block")
