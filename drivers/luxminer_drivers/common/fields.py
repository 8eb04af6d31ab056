"""Reads and writes the fields of frames as `luxminer_drivers.common.facts` describes them."""

from array import array
from typing import Final

from luxminer_drivers.common.facts import WORD_LENGTH, BitField, Field, Order

__all__ = ["get_bits", "get_bytes", "get_number", "in_order", "put", "put_bits", "reversed_words"]


WORD: Final = "I"
"""Four bytes to `array`; only their place matters here, not the number that they are."""
assert array(WORD).itemsize == WORD_LENGTH


def reversed_words(data: bytes) -> bytes:
    """Return groups of four bytes in reverse order; bytes inside a group keep theirs."""
    words = array(WORD, data)
    words.reverse()
    return words.tobytes()


def in_order(field: Field, data: bytes) -> bytes:
    """Return bytes of exactly the field's width as they stand in a frame, or back again."""
    assert len(data) == field.width, (field, data)
    return reversed_words(data) if field.order is Order.WORDS_REVERSED else data


def put(frame: bytearray, field: Field, value: int | bytes) -> None:
    """Write a number (most significant byte first) or bytes of exactly the field's width."""
    data = value if isinstance(value, bytes) else value.to_bytes(field.width, "big")
    frame[field.offset : field.offset + field.width] = in_order(field, data)


def get_bytes(frame: bytes, field: Field) -> bytes:
    """Return the bytes of a field, in header order where they stand reversed."""
    return in_order(field, frame[field.offset : field.offset + field.width])


def get_number(frame: bytes, field: Field) -> int:
    """Return the number in a field."""
    return int.from_bytes(get_bytes(frame, field), "big")


def get_bits(value: int, field: BitField) -> int:
    """Return the number in some bits of ``value``."""
    return value >> field.shift & ((1 << field.width) - 1)


def put_bits(field: BitField, value: int) -> int:
    """Return ``value`` at its place, to be ORed with other fields."""
    assert 0 <= value < 1 << field.width, (field, value)
    return value << field.shift
