"""Difficulties, targets and what a hash is worth. Exact integers and ratios, never floats.

A target is the largest hash that counts, as a number; a hash is read little-endian. Difficulty 1
is the pools' usual one ("bdiff"), ``0xFFFF * 2^208``.

Ref: Bitcoin Core arith_uint256 (compact form); docs/sources.md, "Stratum", recomputed.
"""

import re
from decimal import Decimal
from fractions import Fraction

__all__ = [
    "DIFF1_TARGET",
    "HASHES_PER_DIFFICULTY",
    "MAX_TARGET",
    "difficulty_of_hash",
    "difficulty_of_target",
    "hash_meets",
    "network_difficulty",
    "parse_difficulty",
    "target_from_nbits",
    "target_le",
    "target_of",
]

DIFF1_TARGET = 0xFFFF << 208
MAX_TARGET = (1 << 256) - 1

HASHES_PER_DIFFICULTY = Fraction(1 << 256, DIFF1_TARGET + 1)
"""Hashes expected for one of difficulty 1; the customary 2^32 is 15 ppm lower."""

SMALLEST_EXPONENT = -400
"""Decimal exponent of the smallest difficulty worth telling from zero."""

LARGEST_EXPONENT = 67
"""Decimal exponent of `DIFF1_TARGET`; difficulties beyond it have the target zero."""

MAX_TEXT = 1000
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,9})?", re.ASCII)


def target_of(difficulty: Fraction) -> int:
    """Return ``floor(D1 / difficulty)``, at most 2^256 - 1. Raises ValueError for 0 and less."""
    if difficulty <= 0:
        raise ValueError(f"difficulty {difficulty} is not positive")
    return min(DIFF1_TARGET * difficulty.denominator // difficulty.numerator, MAX_TARGET)


def difficulty_of_target(target: int) -> Fraction:
    """Return ``D1 / target``. Raises ValueError for a target that no hash can meet."""
    if not 0 < target <= MAX_TARGET:
        raise ValueError(f"target {target:#x} is not between 1 and 2^256 - 1")
    return Fraction(DIFF1_TARGET, target)


def difficulty_of_hash(block_hash: bytes) -> Fraction:
    """Return the difficulty that a hash (32 bytes, header order) meets.

    The hash zero counts as the hash one: larger than every real difficulty, and still finite.
    """
    return Fraction(DIFF1_TARGET, int.from_bytes(block_hash, "little") or 1)


def hash_meets(block_hash: bytes, target: int) -> bool:
    """Tell whether a hash (32 bytes, header order) meets a target; equality counts."""
    return int.from_bytes(block_hash, "little") <= target


def target_le(target: int) -> bytes:
    """Return the 32 bytes, least significant first, that ``hashing.verify`` compares with."""
    return target.to_bytes(32, "little")


def target_from_nbits(nbits: int) -> int:
    """Expand the compact form. Raises ValueError when it is negative, too large or zero."""
    if not 0 <= nbits <= 0xFFFFFFFF:
        raise ValueError(f"nbits {nbits:#x} is no 32-bit number")
    exponent, mantissa = nbits >> 24, nbits & 0x7FFFFF
    if exponent <= 3:
        mantissa >>= 8 * (3 - exponent)
    if mantissa == 0:
        raise ValueError(f"nbits {nbits:08x} is the target zero")
    if nbits & 0x800000:
        raise ValueError(f"nbits {nbits:08x} is a negative target")
    target = mantissa << 8 * max(exponent - 3, 0)
    if target > MAX_TARGET:
        raise ValueError(f"nbits {nbits:08x} is a target over 256 bits")
    return target


def network_difficulty(nbits: int) -> Fraction:
    """Return the difficulty of a block. Raises ValueError as `target_from_nbits` does."""
    return difficulty_of_target(target_from_nbits(nbits))


def parse_difficulty(value: object) -> Fraction:
    """Read a JSON number (int or Decimal), or a plain decimal in a string.

    Raises ValueError for anything else (a bool is no number), for zero and less, and for numbers
    so large that no hash meets them or so small that they only cost memory.
    """
    if isinstance(value, str) and len(value) <= MAX_TEXT and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"difficulty {str(value)[:40]!r} is not a number")
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"difficulty {value} is not a finite number")
    if value <= 0:
        raise ValueError("difficulty is not positive")
    if isinstance(value, Decimal):
        if value.adjusted() < SMALLEST_EXPONENT:
            raise ValueError("difficulty is too small to matter")
        if value.adjusted() > LARGEST_EXPONENT:
            raise ValueError("difficulty is too large for any hash")
    if value > DIFF1_TARGET:
        raise ValueError("difficulty is too large for any hash")
    return Fraction(value)
