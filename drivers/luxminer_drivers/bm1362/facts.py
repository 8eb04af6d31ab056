"""BM1362 on GekkoScience Compac A1 and Terminus A1: what a data sheet would print.

Ref: as in `luxminer_drivers.bm13xx.facts`; a row that names no source is from cgminer, executed.
Unproven rows say so; REFERENCE.md beside this file tells the same in words.
"""

from enum import IntEnum

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
    """Registers that are known by name, of BM1362 and later. mj."""

    CHIP_ID = 0x00
    PLL = 0x08
    NONCE_OFFSET = 0x0C
    """Chains of BM1370."""
    HASH_COUNT = 0x10
    """In ticks of the crystal; 0 stops hashing."""
    TICKET = 0x14
    MISC_CONTROL = 0x18
    """Enables reports of nonces, too."""
    UART = 0x28
    UART_RELAY = 0x2C
    CORE_MAILBOX = 0x3C
    """31 all cores, 23:16 core, 15 write, 12:8 register of the core, 7:0 value."""
    ANALOG_MUX = 0x54
    DRIVER_STRENGTH = 0x58
    OSCILLATOR_PADS = 0x68
    PLL_DIVIDER = 0x70
    VERSION_ROLLING = 0xA4
    SOFT_RESET = 0xA8
    ADC = 0xB9


UART_DIVIDER = BitField("UART divider", 8, 8)
"""Of UART. esp, mj."""
UART_RESET = 0x01301A00
"""Power-on. mj."""

VERSION_CONTROL = 0x9000
"""Upper half of VERSION_ROLLING: automatic, generation code 1. Also esp, mj."""
MISC_VALUE = 0xB000C100
SOFT_RESET_CHIP_VALUE = 0x00000002
ANALOG_MUX_VALUE = 0x00000003
DRIVER_STRENGTH_VALUE = 0x00011111
CORE_VALUES = (0x80008540, 0x80008008)
"""To CORE_MAILBOX of all chips, then of each."""
CORE_CHIP_VALUE = 0x800082AA
"""To CORE_MAILBOX of each chip after them."""
PLL_DIVIDER_VALUE = 0x0F0F0F00

CHIP_ID_REPLY = b"\x13\x62\x00\x00\x00\x00\x00\x00"
"""Value, address, register, two more; the third byte was 03 in one capture (mj)."""
MISC_RESET = 0x0000C100
"""A reply in the short form, `aa 55 00 00 c1 00 00 18 02` (mj)."""

PLL = PllForm(
    prefix=0x40,
    prefix_fast=0x50,
    fast_mhz=2400.0,
    post_offset=1,
    bands=(
        PllBand(500.0, True, 1, 5, 1),
        PllBand(250.0, False, 2, 5, 1),
        PllBand(150.0, False, 2, 5, 2),
        PllBand(0.0, True, 2, 5, 3),
    ),
    min_mhz=100.0,
    max_mhz=800.0,
    step_mhz=6.25,
    can_stop=True,
    search_from=160,
    search_to=239,
)
"""The fast prefix is from esp and mj, with captures; the original always sends the other. Where the
bands do not give a clock exactly, all dividers with this feedback are searched (mj)."""

BM1362 = Family(
    name="BM1362",
    chip_id=0x1362,
    cores=512,
    request_preamble=b"\x55\xaa",
    reply_preamble=b"\xaa\x55",
    opcodes=Opcodes(set_address=0x40, write=0x41, read=0x42, chain_inactive=0x43),
    nonce_length=9,
    register_lengths=(7, 9),
    reply_names_register=True,
    registers=Registers(chip_id=0x00, pll=0x08, ticket=0x14, hash_count=0x10, version=0xA4),
    id_byte=IdByte(job_mask=0xF8, job_shift=0, index_mask=0x07),
    nonce_address=NonceAddress(BitField("chip", 18, 7), Split.STEP),
    core_bits=BitField("core", 25, 7),
    midstate_counts=(),
    header_length_byte=0x36,
    header_count_byte=0x01,
    job_id_first=0x10,
    job_id_last=0x78,
    job_id_step=8,
    core_groups=65,
    versions_per_batch=8,
    hash_count_less=0,
    tickets=TICKET_ROWS,
    ticket_orders=(TicketOrder.REVERSED,),
    pll=PLL,
)
"""Chip and core in the nonce, and the groups of cores, are from mj."""

BM1366 = Family(
    name="BM1366",
    chip_id=0x1366,
    cores=894,
    request_preamble=b"\x55\xaa",
    reply_preamble=b"\xaa\x55",
    opcodes=Opcodes(set_address=0x40, write=0x41, read=0x42, chain_inactive=0x43),
    nonce_length=9,
    register_lengths=(7, 9),
    reply_names_register=True,
    registers=Registers(chip_id=0x00, pll=0x08, ticket=0x14, hash_count=0x10, version=0xA4),
    id_byte=IdByte(job_mask=0xF8, job_shift=0, index_mask=0x07),
    nonce_address=NonceAddress(BitField("chip", 17, 8), Split.STEP),
    core_bits=BitField("core", 25, 7),
    midstate_counts=(),
    header_length_byte=0x56,
    header_count_byte=0x01,
    job_id_first=0x08,
    job_id_last=0x78,
    job_id_step=8,
    core_groups=112,
    versions_per_batch=8,
    hash_count_less=0,
    tickets=TICKET_ROWS,
    ticket_orders=(TicketOrder.REVERSED,),
    pll=PLL,
)
"""On no stick; the next of kin of the BM1362. All from esp."""

COMPACA1 = Model(
    product=Product(
        name="compaca1",
        title="GekkoScience Compac A1",
        code="GSA1",
        vendor_id=0x10C4,
        product_id=0xEA70,
        manufacturers=("Silicon Labs",),
        product="GekkoScience Compac A1",
        chips=0,
        frequency_mhz=300.0,
    ),
    start_mhz=300.0,
    chips_required=1,
    rate_scale=1.0,
    ramp_window_s=300.0,
    core_mv=300,
)
TERMINUSA1 = Model(
    product=Product(
        name="terminusa1",
        title="GekkoScience Terminus A1",
        code="GSA1",
        vendor_id=0x10C4,
        product_id=0xEA70,
        manufacturers=("Silicon Labs",),
        product="GekkoScience Terminus A1",
        chips=0,
        frequency_mhz=300.0,
    ),
    start_mhz=300.0,
    chips_required=1,
    rate_scale=1.0,
    ramp_window_s=300.0,
    core_mv=300,
)
MODELS = (COMPACA1, TERMINUSA1)
PRODUCTS = (COMPACA1.product, TERMINUSA1.product)
