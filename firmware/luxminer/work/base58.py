"""Base58 with a checksum: the spelling of legacy and P2SH addresses.

Ref: Bitcoin Core base58.cpp (alphabet, checksum), described in the Bitcoin developer reference.
"""

from hashlib import sha256

__all__ = ["decode", "encode"]

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {letter: value for value, letter in enumerate(ALPHABET)}

CHECKSUM_SIZE = 4
MAX_TEXT = 128
"""Characters read: the time for decoding grows with their square."""


def encode(payload: bytes) -> str:
    """Spell ``payload``, with its checksum at its end."""
    data = payload + _checksum(payload)
    number = int.from_bytes(data, "big")
    text = ""
    while number:
        number, digit = divmod(number, len(ALPHABET))
        text = ALPHABET[digit] + text
    zeros = len(data) - len(data.lstrip(b"\0"))
    return ALPHABET[0] * zeros + text


def decode(text: str) -> bytes:
    """Return what `encode` was given. Raises ValueError that says what is wrong with ``text``."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"has {len(text)} characters, which is too long")
    number = 0
    for place, letter in enumerate(text, 1):
        if letter not in _DIGITS:
            raise ValueError(f"has {letter!r} at place {place}, which no such address uses")
        number = number * len(ALPHABET) + _DIGITS[letter]
    zeros = len(text) - len(text.lstrip(ALPHABET[0]))
    data = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, checksum = data[:-CHECKSUM_SIZE], data[-CHECKSUM_SIZE:]
    if len(data) < CHECKSUM_SIZE or checksum != _checksum(payload):
        raise ValueError("has a wrong checksum: a letter is mistyped or missing")
    return payload


def _checksum(payload: bytes) -> bytes:
    return sha256(sha256(payload).digest()).digest()[:CHECKSUM_SIZE]
