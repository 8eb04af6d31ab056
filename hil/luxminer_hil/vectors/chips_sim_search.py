"""What all simulator checks need: finding a nonce again, and comparing tasks with headers."""

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from luxminer.hashing import midstate, scan
from luxminer_hil.chipsim.chip import ticket_target
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["Vector", "expect_hash", "expect_header", "find"]

Vector = Mapping[str, Any]

NONCES = 1 << 32

BEFORE = 500
AROUND = 1000


def find(state: bytes, tail: bytes, nonce: int) -> int:
    """Search around ``nonce`` as a chip does, and return what is found."""
    first = max(nonce - BEFORE, 0)
    count = min(AROUND, NONCES - first)
    target = ticket_target(1, Fraction(1)).to_bytes(32, "little")
    found = scan(state, tail, first, count, target)
    if nonce not in found:
        raise Mismatch(f"{nonce:08x}", [f"{one:08x}" for one in found], "nonces found")
    return nonce


def expect_header(header: bytes, state: bytes, tail: bytes) -> None:
    """Compare what a chip will hash with the header that the task was made from."""
    expect(midstate(header[:64]).hex(), state.hex(), "midstate")
    expect(header[64:76].hex(), tail.hex(), "tail")


def expect_hash(expected: Mapping[str, Any], header: bytes) -> None:
    """Compare a complete header and its hash with those of a vector."""
    expect(expected["header"], header.hex(), "header")
    digest = hashlib.sha256(hashlib.sha256(header).digest()).digest()
    expect(expected["hash"], digest[::-1].hex(), "hash")
