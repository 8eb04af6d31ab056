# cython: language_level=3, binding=True, embedsignature=True
"""Puts a task frame together: words in reverse order, check sum at the end. Some hundred a second.

Ref: facts.py (order of words, CRC16).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy

from luxminer_drivers.common import facts

cdef enum:
    WORD = 4
    CRC_SIZE = 2

# table[n][byte]: the check sum of a byte with n zero bytes behind it. Four bytes are looked up at
# once, because a look-up has to wait for the one before it.
cdef uint16_t table[4][256]


cdef void fill_table(uint16_t polynomial) noexcept:
    cdef uint16_t register
    cdef int byte, bit, zeros
    for byte in range(256):
        register = <uint16_t>(byte << 8)
        for bit in range(8):
            register = <uint16_t>(register << 1) ^ (polynomial if register & 0x8000 else 0)
        table[0][byte] = register
    for zeros in range(1, 4):
        for byte in range(256):
            register = table[zeros - 1][byte]
            table[zeros][byte] = <uint16_t>(register << 8) ^ table[0][register >> 8]


assert facts.CRC16.width == 16
assert facts.WORD_LENGTH == WORD
fill_table(facts.CRC16.polynomial)
cdef uint16_t INITIAL = facts.CRC16.initial


cdef inline uint16_t crc16(const uint8_t *data, Py_ssize_t size) noexcept:
    cdef uint16_t register = INITIAL
    while size >= 4:
        register = (
            table[3][data[0] ^ (register >> 8)]
            ^ table[2][data[1] ^ (register & 0xFF)]
            ^ table[1][data[2]]
            ^ table[0][data[3]]
        )
        data += 4
        size -= 4
    while size > 0:
        register = <uint16_t>(register << 8) ^ table[0][(register >> 8) ^ data[0]]
        data += 1
        size -= 1
    return register


cdef inline uint8_t *put_reversed(uint8_t *place, bytes part) except NULL:
    cdef Py_ssize_t left = PyBytes_GET_SIZE(part)
    cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(part)
    if left & (WORD - 1):
        raise ValueError(f"part of {left} bytes; it must have whole words of {WORD}")
    while left > 0:
        left -= WORD
        memcpy(place, data + left, WORD)
        place += WORD
    return place


def seal(bytes preamble not None, bytes head not None, bytes first not None, tuple more not None):
    """Return ``preamble``, ``head``, ``first`` and ``more``, and the CRC16 of all but the preamble.

    Each part but the first two is sent in reverse order of its four-byte words; bytes inside a
    word keep theirs. Raises ValueError for a part that has no whole words.
    """
    cdef Py_ssize_t before = PyBytes_GET_SIZE(preamble)
    cdef Py_ssize_t size = before + PyBytes_GET_SIZE(head) + PyBytes_GET_SIZE(first) + CRC_SIZE
    cdef uint16_t check
    for part in more:
        if not isinstance(part, bytes):
            raise TypeError(f"more holds {type(part).__name__}; it must hold bytes")
        size += PyBytes_GET_SIZE(part)
    frame = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t *start = <uint8_t *>PyBytes_AS_STRING(frame)
    cdef uint8_t *place = start
    memcpy(place, PyBytes_AS_STRING(preamble), before)
    place += before
    memcpy(place, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head))
    place = put_reversed(place + PyBytes_GET_SIZE(head), first)
    for part in more:
        place = put_reversed(place, part)
    check = crc16(start + before, place - start - before)
    place[0] = <uint8_t>(check >> 8)
    place[1] = <uint8_t>check
    return frame
