"""BM1384 on GekkoScience Compac, 2Pac and Terminus: what a data sheet would print.

Ref: cgminer 4.13.6 (kanoi, commit d689d3a9), driver-gekko and usbutils, run with its I/O recorded:
the source of every row that names no other. "bfg": bfgminer 866fd36f. "vt": cgminer 3339a51e.
Unproven rows say so; REFERENCE.md beside this file tells the same in words.
"""

from enum import IntEnum
from typing import NamedTuple

from luxminer_drivers.common.facts import CRC5 as CRC5
from luxminer_drivers.common.facts import GRACE_S as GRACE_S
from luxminer_drivers.common.facts import MAX_CHIPS as MAX_CHIPS
from luxminer_drivers.common.facts import NONCE_LIMIT_FACTOR as NONCE_LIMIT_FACTOR
from luxminer_drivers.common.facts import NONCE_SPACE as NONCE_SPACE
from luxminer_drivers.common.facts import WORD_LENGTH as WORD_LENGTH
from luxminer_drivers.common.facts import BitField as BitField
from luxminer_drivers.common.facts import Crc as Crc
from luxminer_drivers.common.facts import Field as Field
from luxminer_drivers.common.facts import Order as Order
from luxminer_drivers.common.facts import Product as Product

# --- Chip ----------------------------------------------------------------------------------------

CHIP = "BM1384"

CORES = 55
"""Each core hashes once per clock: 0.055 GH/s per MHz and chip."""

POWER_ON_MHZ = 200.0
"""Unproven: a chip that suddenly reports this clock is taken by vt as one that reset itself."""

BAUDRATE = 115200
"""8N1 from power-on for good. The original adds a MARK parity bit, bfg does without."""

# --- Check sums ----------------------------------------------------------------------------------

COMMAND_CRC_BITS = 27
"""Three bytes and the upper three bits of the last, whose lower five bits are the check sum."""

REPLY_CRC_BITS = 35
"""Four bytes and the three type bits of the last. Nonce replies carry no check sum."""

# --- Commands: host to chip, 4 bytes -------------------------------------------------------------

COMMAND_LENGTH = 4


class Opcode(IntEnum):
    """Lower seven bits of the first byte of a command."""

    SET_ADDRESS = 0x01
    """Taken by the first chip of the chain that has no address."""
    WRITE_PLL = 0x02
    READ_REGISTER = 0x04
    CHAIN_INACTIVE = 0x05
    """All chips forget their addresses."""


ALL_CHIPS = 0x80
"""Bit of the first byte: every chip is meant, the address is 0."""


class Register(IntEnum):
    """What READ_REGISTER can ask for."""

    CHIP_ID = 0x00
    PLL = 0x04


COMMAND_OPCODE = Field("opcode", 0, 1)
COMMAND_ADDRESS = Field("address", 1, 1)
"""SET_ADDRESS and READ_REGISTER."""
COMMAND_REGISTER = Field("register", 2, 1)
"""READ_REGISTER."""
COMMAND_PLL = Field("pll", 1, 2)
"""WRITE_PLL: takes the place of address and register, so it can only be meant for all chips."""

# --- Clock ---------------------------------------------------------------------------------------

PLL_REFERENCE_MHZ = 50.0
"""clock = PLL_REFERENCE_MHZ * (m + 1) / ((n + 1) * 2^od); the crystal has 25 MHz. Also bfg."""

PLL_M = BitField("m", 7, 9)
PLL_N = BitField("n", 2, 5)
PLL_OD = BitField("od", 0, 2)

MIN_MHZ = 6.25
MAX_MHZ = 500.0
STEP_MHZ = 6.25
"""Requests are rounded up to a multiple of this ..."""
COARSE_FROM_MHZ = 400.0
COARSE_STEP_MHZ = 12.5
"""... and from COARSE_FROM_MHZ on to a multiple of this: the dividers below give no other."""


class PllBand(NamedTuple):
    """Output divider for clocks from ``from_mhz`` up to the next band."""

    from_mhz: float
    od: int


PLL_BANDS = (PllBand(6.25, 3), PllBand(200.0, 2), PllBand(400.0, 1))
PLL_WHOLE_MHZ = 25.0
"""Multiples of this use n = 0, others ..."""
PLL_FINE_FROM_MHZ = 100.0
"""... from this clock on n = 1. Below it n = 0 always fits."""

START_MHZ = 100.0
"""Clock at which a stick starts before it is raised to its target."""

# --- Replies: chip to host, 5 bytes --------------------------------------------------------------

REPLY_LENGTH = 5
REPLY_LAST = Field("type and check sum, or type and job id", 4, 1)
REPLY_TYPE = BitField("type", 5, 3)
"""Of the last byte."""
REPLY_LOW = BitField("check sum or job id", 0, 5)
"""Of the last byte."""


class ReplyType(IntEnum):
    """Upper three bits of the last byte."""

    REGISTER = 0b000
    NONCE = 0b100


NONCE = Field("nonce", 0, 4)
"""The bytes stand as in the block header, whose number is their little-endian reading."""

CHIP_ID_START = 0x13
"""First byte of the reply to a read of register 00 (`84 00 00 11` counts the chips)."""
CHIP_ID_REPLY = b"\x13\x84\x00\x00"
"""The four data bytes. Unproven beyond the first: the original was seen to accept these."""

PLL_REPLY_START = 0x80
"""Lock flag, first byte of the reply to a read of the PLL."""
PLL_REPLY_M = Field("m", 1, 1)
PLL_REPLY_N = Field("n", 2, 1)
PLL_REPLY_OD = Field("od", 3, 1)

# --- Task frames: host to chip, 64 bytes, no check sum -------------------------------------------

TASK_LENGTH = 64
TASK_MIDSTATE = Field("midstate", 0, 32, Order.WORDS_REVERSED)
"""SHA-256 state after header bytes 0 to 63; words h to a, each most significant byte first."""
TASK_TICKET = Field("ticket difficulty - 1", 39, 1)
"""The chip reports hashes of at least this difficulty; no bit reversal, unlike later chips."""
TASK_NONCE_RANGE = Field("nonces per chip", 40, 4)
"""NONCE_SPACE divided by the number of chips; 0 in open-core frames."""
TASK_JOB_ID = Field("job id", 51, 1)
TASK_TAIL = Field("header bytes 64 to 75", 52, 12, Order.WORDS_REVERSED)
"""bits, time, last four merkle bytes; each in header order."""

MAX_TICKET_DIFFICULTY = 256
"""What one byte can say. The original bounds it by 4001 and would overflow the byte."""

JOB_ID_FIRST = 0x10
JOB_ID_LAST = 0x1F
JOB_ID_STEP = 1

OPEN_CORE_FRAMES = 57
"""Zero frames after the addresses: cores + 2 ..."""
OPEN_CORE_JOB_IDS = 32
"""... with the job id counting modulo this."""

# --- Timing --------------------------------------------------------------------------------------

COMMAND_PAUSE_S = 0.001
"""After each command and each task frame."""
SETTLE_S = 0.060
"""After the port was opened."""
COUNT_FIRST_S = 1.0
"""How long the first reply to the count may take."""
COUNT_QUIET_S = 0.020
"""Silence that ends the count."""
BEFORE_ADDRESSES_S = 0.050
"""Between the count and CHAIN_INACTIVE."""
OPEN_CORE_PAUSE_S = 0.010
RAMP_INTERVAL_S = 1.0
"""Between two steps of STEP_MHZ upwards."""
SLOW_DOWN_STEP_MHZ = 25.0
SLOW_DOWN_INTERVAL_S = 0.1
"""Between two steps of SLOW_DOWN_STEP_MHZ downwards."""
WAIT_FACTOR = 0.5
"""A task is replaced after this part of the time that the whole nonce range takes."""
NONCES_PER_SCAN = 2
"""The ticket is so hard that in this time about so many come at most."""

# --- Products ------------------------------------------------------------------------------------


COMPAC = Product(
    name="compac",
    title="GekkoScience Compac",
    code="GSC",
    vendor_id=0x10C4,
    product_id=0xEA60,
    manufacturers=("GekkoScience", "bitshopperde"),
    product="Compac BM1384 Bitcoin Miner",
    chips=1,
    frequency_mhz=150.0,
)
TWOPAC = Product(
    name="2pac",
    title="GekkoScience 2Pac",
    code="GSD",
    vendor_id=0x10C4,
    product_id=0xEA60,
    manufacturers=("GekkoScience", "bitshopperde"),
    product="2Pac BM1384 Bitcoin Miner",
    chips=2,
    frequency_mhz=100.0,
)
TERMINUS = Product(
    name="terminus",
    title="GekkoScience Terminus",
    code="GSE",
    vendor_id=0x10C4,
    product_id=0xEA60,
    manufacturers=("GekkoScience", "bitshopperde"),
    product="Terminus BM1384 Bitcoin Miner",
    chips=0,
    frequency_mhz=150.0,
)
PRODUCTS = (COMPAC, TWOPAC, TERMINUS)
