"""SHA-256 written from FIPS 180-4 with whole numbers, and headers hashed with hashlib. Slow, plain.

Imports nothing of ours.
"""

import hashlib
import struct
from math import isqrt

MASK = 0xFFFFFFFF


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _cube_root(number: int) -> int:
    low, high = 0, number
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


INITIAL = [isqrt(prime << 64) & MASK for prime in _primes(8)]
CONSTANTS = [_cube_root(prime << 96) & MASK for prime in _primes(64)]


def _rotate(word: int, by: int) -> int:
    return (word >> by | word << (32 - by)) & MASK


def compress(state: list[int], block: bytes) -> list[int]:
    """One round of the compression function, as section 6.2.2 spells it."""
    words = list(struct.unpack(">16I", block))
    for t in range(16, 64):
        s0 = _rotate(words[t - 15], 7) ^ _rotate(words[t - 15], 18) ^ words[t - 15] >> 3
        s1 = _rotate(words[t - 2], 17) ^ _rotate(words[t - 2], 19) ^ words[t - 2] >> 10
        words.append((words[t - 16] + s0 + words[t - 7] + s1) & MASK)
    a, b, c, d, e, f, g, h = state
    for t in range(64):
        big1 = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
        t1 = h + big1 + (e & f ^ ~e & MASK & g) + CONSTANTS[t] + words[t]
        big0 = _rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)
        t2 = big0 + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & MASK, a, b, c, (d + t1) & MASK, e, f, g
    new = (a, b, c, d, e, f, g, h)
    return [(old + more) & MASK for old, more in zip(state, new, strict=True)]


def midstate(header64: bytes) -> bytes:
    """State after 64 bytes, eight big-endian words."""
    return struct.pack(">8I", *compress(INITIAL, header64))


def double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def meets(block_hash: bytes, target_le: bytes) -> bool:
    return int.from_bytes(block_hash, "little") <= int.from_bytes(target_le, "little")


def scan(header76: bytes, first_be: int, count: int, target_le: bytes) -> list[int]:
    """Positions (big-endian reading of header bytes 76 to 79) that meet the target."""
    return [
        position
        for position in range(first_be, first_be + count)
        if meets(double_sha256(header76 + struct.pack(">I", position)), target_le)
    ]
