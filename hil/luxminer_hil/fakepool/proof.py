"""Arithmetic of the judge, with `hashlib` and exact integers only; shares no code with the miner.

Ref: docs/sources.md, "Stratum" (job assembly, difficulty, target). Hashes are in header order.
"""

import hashlib
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from fractions import Fraction

__all__ = [
    "DIFFICULTY_1_TARGET",
    "Number",
    "exact_difficulty",
    "hash_difficulty",
    "header_bytes",
    "json_number",
    "merkle_root",
    "nbits_target",
    "prevhash_text",
    "sha256d",
    "target_of",
]

Number = int | float | str | Decimal | Fraction
"""What a difficulty may be given as; a float means the decimal number that it prints as."""

DIFFICULTY_1_TARGET = 0xFFFF << 208
MAX_HASH = (1 << 256) - 1
LOWEST_DIFFICULTY = Decimal("1e-9")
"""Just above the value at which every hash is a share (2.3e-10)."""
HIGHEST_DIFFICULTY = Decimal("1e30")
MAX_DIGITS = 400
"""Longest exact decimal number that is written into a line."""


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def merkle_root(coinbase: bytes, branch: Iterable[bytes]) -> bytes:
    root = sha256d(coinbase)
    for sibling in branch:
        root = sha256d(root + sibling)
    return root


def header_bytes(
    *, version: int, prev_hash: bytes, root: bytes, ntime: int, nbits: int, nonce: int
) -> bytes:
    """Join the 80 bytes of a header; numbers are the unsigned 32-bit fields."""
    return (
        version.to_bytes(4, "little")
        + prev_hash
        + root
        + ntime.to_bytes(4, "little")
        + nbits.to_bytes(4, "little")
        + nonce.to_bytes(4, "little")
    )


def prevhash_text(prev_hash: bytes) -> str:
    """Spell a previous block as stratum does: every 4-byte word of the header field reversed."""
    return b"".join(prev_hash[at : at + 4][::-1] for at in range(0, 32, 4)).hex()


def exact_difficulty(value: Number) -> Fraction:
    """Read a difficulty. Raises ValueError for no number or one outside 1e-9 to 1e30."""
    if isinstance(value, Fraction):
        exact = value
    else:
        try:
            decimal = Decimal(value) if isinstance(value, int | str | Decimal) else _shortest(value)
        except InvalidOperation:
            raise ValueError(f"difficulty {value!r} is not a number") from None
        if isinstance(value, bool) or not decimal.is_finite():
            raise ValueError(f"difficulty {value!r} is not a finite number")
        if not LOWEST_DIFFICULTY <= decimal <= HIGHEST_DIFFICULTY:
            raise ValueError(f"difficulty {value!r} is outside 1e-9 to 1e30")
        exact = Fraction(decimal)
    if not Fraction(LOWEST_DIFFICULTY) <= exact <= Fraction(HIGHEST_DIFFICULTY):
        raise ValueError(f"difficulty {value} is outside 1e-9 to 1e30")
    return exact


def _shortest(value: float) -> Decimal:
    return Decimal(repr(value))


def json_number(value: Fraction) -> str:
    """Write ``value`` exactly. Raises ValueError for a ratio without decimal form (1/3)."""
    if value.denominator == 1:
        return str(value.numerator)
    with localcontext(Context(prec=MAX_DIGITS, traps=[Inexact])):
        try:
            return format(Decimal(value.numerator) / Decimal(value.denominator), "f")
        except Inexact:
            raise ValueError(f"difficulty {value} has no finite decimal form") from None


def target_of(difficulty: Fraction) -> int:
    """Return the largest hash, as a number, that is a share: ``floor(D1 / difficulty)``."""
    return min(
        DIFFICULTY_1_TARGET * difficulty.denominator // difficulty.numerator,
        MAX_HASH,
    )


def hash_difficulty(block_hash: bytes) -> Fraction:
    """Return the share difficulty of a hash; a hash of zero counts as one."""
    return Fraction(DIFFICULTY_1_TARGET, max(int.from_bytes(block_hash, "little"), 1))


def nbits_target(nbits: int) -> int:
    """Expand a compact number. Raises ValueError where it is negative, zero or too large."""
    exponent, mantissa = nbits >> 24, nbits & 0x7FFFFF
    target = mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)
    if not 0 <= nbits <= 0xFFFFFFFF or nbits & 0x800000 or not 0 < target <= MAX_HASH:
        raise ValueError(f"nbits {nbits:08x} is no target")
    return target
