"""BM1380 on Antminer U1 and U2: what a data sheet would print.

Ref: cgminer 4.13.6 (kanoi, commit d689d3a9), driver-icarus and usbutils, run with its I/O recorded:
the source of every row that names no other. "bfg": bfgminer 866fd36f, driver-antminer. Unproven
rows say so; REFERENCE.md beside this file tells the same in words.
"""

from luxminer_drivers.common.facts import CRC5 as CRC5
from luxminer_drivers.common.facts import CRYSTAL_MHZ as CRYSTAL_MHZ
from luxminer_drivers.common.facts import BitField as BitField
from luxminer_drivers.common.facts import Field as Field
from luxminer_drivers.common.facts import Product as Product

# --- Chip ----------------------------------------------------------------------------------------

CHIP = "BM1380"

CORES = 8
"""Hashes per clock: 0.125 us per MHz and hash. bfg counts 2.1 GH/s, at whatever clock."""

BAUDRATE = 115200
"""8N1. Also bfg."""

# --- Commands: host to chip, 4 bytes -------------------------------------------------------------

COMMAND_LENGTH = 4
WRITE_PLL = 0x82
"""First byte of the only command that hosts send."""
COMMAND_PLL = Field("pll", 1, 2)
COMMAND_CRC_BITS = 27
"""Three bytes and the upper three bits of the last, whose lower five bits are the check sum."""

# --- Clock ---------------------------------------------------------------------------------------

PLL_BAND = BitField("band", 14, 1)
PLL_M = BitField("m", 7, 6)
PLL_N = BitField("n", 2, 4)
PLL_OD = BitField("od", 0, 2)
"""clock = CRYSTAL_MHZ * (m + 1) / ((n + 1) * 2^od)."""
BAND_FROM_MHZ = 500.0
BAND_TO_MHZ = 1000.0
"""The band bit is set when the clock before the output divider, 2^od of the clock, is in here."""

MIN_MHZ = 100.0
"""Where bfg's table begins; cgminer's option begins at 125."""
MAX_MHZ = 500.0
STEP_MHZ = 12.5
"""Finest step of which the dividers give every multiple in this range exactly. Computed."""

# --- Tasks and replies ---------------------------------------------------------------------------

JOB_ID_FIRST = 0x00
JOB_ID_LAST = 0x1E
"""Of the id in a task, whose frame is else a Block Erupter's. Bytes for ticket and range are 0."""

REPLY_LENGTH = 5
NONCE = Field("nonce", 0, 4)
REPLY_LAST = Field("type and job id", 4, 1)
REPLY_JOB_ID = BitField("job id", 0, 5)
REPLY_TYPE = BitField("type", 5, 3)
NONCE_TYPE = 0b100
"""Of all answers that were accepted; not looked at by the original."""

# --- Timing --------------------------------------------------------------------------------------

COMMAND_PAUSE_S = 0.001
"""After each task frame, as with all later chips."""
CLOCK_SETTLE_S = 0.5
"""After a change of the clock. bfg."""
SETTLE_S = 0.060
"""After the port was opened, as with the BM1384."""

# --- Products ------------------------------------------------------------------------------------

U1 = Product(
    name="u1",
    title="Antminer U1",
    code="ANU",
    vendor_id=0x10C4,
    product_id=0xEA60,
    manufacturers=(),
    product="",
    chips=1,
    frequency_mhz=250.0,
)
U2 = Product(
    name="u2",
    title="Antminer U2",
    code="ANU",
    vendor_id=0x10C4,
    product_id=0xEA60,
    manufacturers=(),
    product="",
    chips=1,
    frequency_mhz=250.0,
)
PRODUCTS = (U1, U2)
"""Their strings are those of the bare bridge, so they can only be told by their answer."""
