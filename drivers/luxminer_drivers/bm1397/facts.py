"""BM1397 on GekkoScience Compac F and R909: what a data sheet would print.

Ref: as in `luxminer_drivers.bm13xx.facts`; a row that names no source is from cgminer, executed.
Unproven rows say so; REFERENCE.md beside this file tells the same in words.
"""

from enum import IntEnum
from typing import NamedTuple

from luxminer_drivers.bm13xx.facts import (
    TICKET_ROWS,
    BitField,
    Family,
    IdByte,
    Model,
    NonceAddress,
    Opcodes,
    PllBand,
    PllForm,
    Product,
    Registers,
    Split,
    TicketOrder,
)


class Register(IntEnum):
    """Registers that are known by name. sk."""

    CHIP_ID = 0x00
    HASH_RATE = 0x04
    PLL = 0x08
    HASH_COUNT = 0x10
    TICKET = 0x14
    MISC_CONTROL = 0x18
    ORDERED_CLOCK_ENABLE = 0x20
    FAST_UART = 0x28
    CORE_CONTROL = 0x3C
    CORE_VALUE = 0x40
    """May arrive unasked."""
    NONCE_ERRORS = 0x4C
    ANALOG_MUX = 0x54
    DRIVER_STRENGTH = 0x58
    PLL1 = 0x60
    PLL2 = 0x64
    PLL3 = 0x68
    PLL_DIVIDER = 0x70
    CLOCK_ORDER_0 = 0x80
    CLOCK_ORDER_1 = 0x84


UART_DIVIDER = BitField("UART divider", 8, 5)
"""Of MISC_CONTROL. Also esp."""
MISC_VALUE = 0x00006031
"""Of MISC_CONTROL; the UART divider is added. Also esp."""
CLOCK_ORDER_VALUE = 0x00000000
ORDERED_CLOCK_VALUE = 0x00000001
CORE_CONTROL_VALUE = 0x80008074
FAST_UART_VALUE = 0x0600000F
PLL3_VALUE = 0xC0700111
"""2800 MHz; only matters for link rates above 3.125 M (sk)."""
PLL_DIVIDER_VALUE = 0x0F0F0F00
"""These five also esp, and in its log of a logic analyser."""

CHIP_ID_REPLY = b"\x13\x97\x18\x00\x00\x00"
"""Value, address and register. Logged by esp."""
PLL_RESET = 0xC0600161
"""Power-on value of the PLL: locked, 400 MHz. sk; not seen on a stick."""
MISC_RESET = 0x00003A01
"""sk."""

PLL = PllForm(
    prefix=0x40,
    prefix_fast=0x40,
    fast_mhz=0.0,
    post_offset=0,
    bands=(
        PllBand(500.0, True, 1, 1, 5),
        PllBand(250.0, False, 2, 1, 5),
        PllBand(150.0, False, 2, 2, 5),
        PllBand(0.0, True, 2, 3, 5),
    ),
    min_mhz=100.0,
    max_mhz=800.0,
    step_mhz=5.0,
    can_stop=True,
    search_from=0,
    search_to=0,
)
"""esp searches other dividers with the same prefix, feedback 60 to 200."""

BM1397 = Family(
    name="BM1397",
    chip_id=0x1397,
    cores=672,
    request_preamble=b"\x55\xaa",
    reply_preamble=b"\xaa\x55",
    opcodes=Opcodes(set_address=0x40, write=0x41, read=0x42, chain_inactive=0x43),
    nonce_length=7,
    register_lengths=(7,),
    reply_names_register=True,
    registers=Registers(chip_id=0x00, pll=0x08, ticket=0x14, hash_count=0x10, version=None),
    id_byte=IdByte(job_mask=0xFC, job_shift=0, index_mask=0x03),
    nonce_address=NonceAddress(BitField("chip", 16, 6), Split.STEP),
    core_bits=BitField("core", 25, 7),
    midstate_counts=(1, 4),
    header_length_byte=0,
    header_count_byte=0,
    job_id_first=0x10,
    job_id_last=0x7F,
    job_id_step=4,
    core_groups=0,
    versions_per_batch=0,
    hash_count_less=0,
    tickets=TICKET_ROWS,
    ticket_orders=(TicketOrder.REVERSED,),
    pll=PLL,
)
"""Where the chip stands in a nonce: the original's table for the six chips of an R909, which is the
upper six bits of the address. The core is from esp (unproven on sticks)."""

NONCE_ADDRESS_ESP = NonceAddress(BitField("chip", 17, 8), Split.STEP)
"""esp reads the chip from other bits than the original; only statistics depend on it."""


class Kin(NamedTuple):
    """What sets the frames of a chip that is on no stick apart from those of the BM1397."""

    name: str
    chip_id: int
    request_preamble: bytes
    reply_preamble: bytes
    midstate_counts: tuple[int, ...]


BM1391 = Kin(
    name="BM1391",
    chip_id=0x1391,
    request_preamble=b"",
    reply_preamble=b"",
    midstate_counts=(1, 2, 4),
)
"""br: its frames, and how many midstates its FPGA sends. Nothing here runs such a chip."""

COMPACF = Model(
    product=Product(
        name="compacf",
        title="GekkoScience Compac F",
        code="GSF",
        vendor_id=0x0403,
        product_id=0x6015,
        manufacturers=("GekkoScience",),
        product="CompacF Bitcoin Miner",
        chips=1,
        frequency_mhz=200.0,
    ),
    start_mhz=200.0,
    chips_required=1,
    rate_scale=0.78125,
    ramp_window_s=300.0,
    core_mv=0,
)
"""The scale is an allowance for chips that stay below their nominal rate at low clocks."""
R909 = Model(
    product=Product(
        name="r909",
        title="GekkoScience R909",
        code="GSFM",
        vendor_id=0x0403,
        product_id=0x6015,
        manufacturers=("GekkoScience",),
        product="R909 Bitcoin Miner",
        chips=6,
        frequency_mhz=450.0,
    ),
    start_mhz=400.0,
    chips_required=1,
    rate_scale=1.0,
    ramp_window_s=300.0,
    core_mv=0,
)
MODELS = (COMPACF, R909)
PRODUCTS = (COMPACF.product, R909.product)
