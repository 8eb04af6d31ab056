"""What all chip families share: how facts are written down, and the check sums.

Only numbers with sources, so that drivers and simulators can share them without sharing code.
Ref: docs/sources.md, Sticks, executed originals ("cg", "bfg", "esp", "mj", "br").
"""

from enum import Enum
from typing import NamedTuple

# --- How facts are written down ------------------------------------------------------------------


class Order(Enum):
    """How the bytes of a field stand on the wire."""

    BIG = "a number, most significant byte first"
    WORDS_REVERSED = "groups of four bytes, last group first, bytes inside a group unchanged"


class Field(NamedTuple):
    """``width`` bytes at ``offset``."""

    name: str
    offset: int
    width: int
    order: Order = Order.BIG


class BitField(NamedTuple):
    """``width`` bits above bit ``shift`` of a number."""

    name: str
    shift: int
    width: int


WORD_LENGTH = 4
"""Bytes of a group in `Order.WORDS_REVERSED`."""


class Product(NamedTuple):
    """A stick: how USB names it and how it is run. ``chips`` is 0 where only counting tells."""

    name: str
    title: str
    code: str
    vendor_id: int
    product_id: int
    manufacturers: tuple[str, ...]
    product: str
    chips: int
    frequency_mhz: float


# --- Check sums ----------------------------------------------------------------------------------


class Crc(NamedTuple):
    """Most significant bit first, no reflection, no final XOR."""

    width: int
    polynomial: int
    initial: int


CRC5 = Crc(width=5, polynomial=0x05, initial=0x1F)
"""Commands and replies of every family. cg, bfg, esp, mj, br."""

CRC16 = Crc(width=16, polynomial=0x1021, initial=0xFFFF)
"""CRC-16/CCITT-FALSE over the task frames of BM1387 and later. cg, esp, mj, br."""

# --- Chains --------------------------------------------------------------------------------------

MAX_CHIPS = 256
"""A chip address is one byte, so no chain can be longer."""

CRYSTAL_MHZ = 25.0
"""Of every family; clocks and link rates are derived from it."""

NONCE_SPACE = 0xFFFFFFFF
"""What the original divides among the chips of a chain; there is one nonce more."""

# --- Judgement -----------------------------------------------------------------------------------

NONCE_LIMIT_FACTOR = 20.0
"""Silence of this many expected nonce intervals is a failure."""
GRACE_S = 10.0
"""Nothing is judged in the first seconds after a reset."""
