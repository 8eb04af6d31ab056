"""ASICMINER Block Erupter and its Icarus protocol: what a data sheet would print.

Ref: cgminer 4.13.6 (kanoi, commit d689d3a9), driver-icarus and usbutils, run with its I/O recorded;
bfgminer (commit 866fd36f), driver-icarus ("bfg"). Unproven rows say so; REFERENCE.md beside this
file tells the same in words.
"""

from luxminer_drivers.bm1384.facts import TASK_JOB_ID as TASK_JOB_ID
from luxminer_drivers.bm1384.facts import TASK_LENGTH as TASK_LENGTH
from luxminer_drivers.bm1384.facts import TASK_MIDSTATE as TASK_MIDSTATE
from luxminer_drivers.bm1384.facts import TASK_TAIL as TASK_TAIL
from luxminer_drivers.common.facts import Field as Field
from luxminer_drivers.common.facts import Product as Product

# --- Chip ----------------------------------------------------------------------------------------

CHIP = "BE100"
"""Unproven: stated by one source, without bytes."""

HASH_NS = 2.9761
"""Time for one hash: 336 MH/s. Cannot be changed. Also bfg."""

MHZ = 336.0
"""Unproven: one hash per clock."""

BAUDRATE = 115200
"""8N1."""

# --- Replies: 4 bytes, without id and check sum --------------------------------------------------

REPLY_LENGTH = 4
NONCE = Field("nonce", 0, 4)
"""The bytes stand as in the block header, whose number is their little-endian reading."""

# --- Detection -----------------------------------------------------------------------------------

DETECT_TASK = (
    b"\x46\x79\xba\x4e\xc9\x98\x76\xbf\x4b\xfe\x08\x60\x82\xb4\x00\x25"
    b"\x4d\xf6\xc3\x56\x45\x14\x71\x13\x9a\x3a\xfa\x71\xe4\x8f\x54\x4a"
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    b"\x87\x32\x0b\x1a\x14\x26\x67\x4f\x2f\xa7\x22\xce"
)
"""Block 171874 as a task frame. Also bfg."""
DETECT_NONCE = b"\x00\x01\x87\xa2"
"""Its answer; an Antminer adds a byte. Also bfg."""
DETECT_ANSWER_S = 0.1
"""Within which it must come, and with which the line must be silent after it."""

# --- Timing --------------------------------------------------------------------------------------

TASK_PAUSE_S = 0.001
"""After each task frame, as with all later chips."""
SETTLE_S = 0.060
"""After the port was opened, as with the BM1384."""

# --- Products ------------------------------------------------------------------------------------

BLOCK_ERUPTER = Product(
    name="blockerupter",
    title="ASICMINER Block Erupter",
    code="AMU",
    vendor_id=0x10C4,
    product_id=0xEA60,
    manufacturers=(),
    product="",
    chips=1,
    frequency_mhz=336.0,
)
UNNAMED_MANUFACTURERS = ("", "Silicon Labs")
UNNAMED_PRODUCTS = ("", "CP2102 USB to UART Bridge Controller")
"""What a bridge says that nobody has given a name. Ref: CP2102 data sheet, default strings."""

PRODUCTS = (BLOCK_ERUPTER,)
"""Its strings are those of the bare bridge, so it can only be told by its answer."""
