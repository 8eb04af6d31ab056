"""BM1370 (and BM1368) on GekkoScience Compac A2 and Terminus A2: what a data sheet would print.

Ref: as in `luxminer_drivers.bm13xx.facts`; a row that names no source is from cgminer, executed.
Registers have the names and numbers of `luxminer_drivers.bm1362.facts`. Unproven rows say so;
REFERENCE.md beside this file tells the same in words.
"""

from luxminer_drivers.bm13xx.facts import (
    TICKET_ROWS,
    BitField,
    Family,
    IdByte,
    Model,
    NonceAddress,
    Opcodes,
    Product,
    Registers,
    Split,
    TicketOrder,
)
from luxminer_drivers.bm1362.facts import PLL as PLL
from luxminer_drivers.bm1362.facts import Register as Register

VERSION_CONTROL = 0x8000
"""Upper half of VERSION_ROLLING: automatic, generation code 0. esp and mj send 9000 to the same
chip on other boards; whether an A2 needs this one is unknown."""
SOFT_RESET_VALUE = 0x00070000
"""To SOFT_RESET before the addresses. Also esp, mj."""
SOFT_RESET_RUN_VALUE = 0x000701F0
"""To SOFT_RESET at the end. Also esp, mj."""
MISC_VALUE = 0xF000C100
"""Also esp, mj."""
ANALOG_MUX_VALUE = 0x00000003
DRIVER_STRENGTH_VALUE = 0x00011111
DRIVER_STRENGTH_CHIP_VALUE = 0x0001F111
OSCILLATOR_PADS_VALUE = 0x5AA55AA5
UART_RELAY_VALUE = 0x00130007
CORE_VALUES = (0x80008D04, 0x8000800E)
"""To CORE_MAILBOX of all chips after the addresses ..."""
CORE_RUN_VALUES = (0x80008B00, 0x8000800E, 0x800082AA)
"""... and these at the end."""
PLL_DIVIDER_VALUE = 0x0F0F0F00

CHIP_ID_REPLY = b"\x13\x70\x00\x00\x00\x00\x00\x00"
"""Value, address, register, two more. Captured by mj."""

BM1370 = Family(
    name="BM1370",
    chip_id=0x1370,
    cores=2048,
    request_preamble=b"\x55\xaa",
    reply_preamble=b"\xaa\x55",
    opcodes=Opcodes(set_address=0x40, write=0x41, read=0x42, chain_inactive=0x43),
    nonce_length=9,
    register_lengths=(7, 9),
    reply_names_register=True,
    registers=Registers(chip_id=0x00, pll=0x08, ticket=0x14, hash_count=0x10, version=0xA4),
    id_byte=IdByte(job_mask=0xF0, job_shift=1, index_mask=0x0F),
    nonce_address=NonceAddress(BitField("chip", 17, 8), Split.STEP),
    core_bits=BitField("core", 25, 7),
    midstate_counts=(),
    header_length_byte=0xFF,
    header_count_byte=0x00,
    job_id_first=0x18,
    job_id_last=0x78,
    job_id_step=24,
    core_groups=128,
    versions_per_batch=16,
    hash_count_less=268,
    tickets=TICKET_ROWS,
    ticket_orders=(TicketOrder.REVERSED,),
    pll=PLL,
)
"""esp and mj send length 56 or 36 and count 1 to the same chip; whether an A2 needs ff and 00 is
unknown. Chip, core and hash counting number from esp (mj takes 200 off; with nonce offsets the chip
is not in the nonce)."""

BM1368 = Family(
    name="BM1368",
    chip_id=0x1368,
    cores=1280,
    request_preamble=b"\x55\xaa",
    reply_preamble=b"\xaa\x55",
    opcodes=Opcodes(set_address=0x40, write=0x41, read=0x42, chain_inactive=0x43),
    nonce_length=9,
    register_lengths=(7, 9),
    reply_names_register=True,
    registers=Registers(chip_id=0x00, pll=0x08, ticket=0x14, hash_count=0x10, version=0xA4),
    id_byte=IdByte(job_mask=0xF0, job_shift=1, index_mask=0x0F),
    nonce_address=NonceAddress(BitField("chip", 17, 8), Split.STEP),
    core_bits=BitField("core", 25, 7),
    midstate_counts=(),
    header_length_byte=0xFF,
    header_count_byte=0x00,
    job_id_first=0x18,
    job_id_last=0x78,
    job_id_step=24,
    core_groups=80,
    versions_per_batch=16,
    hash_count_less=0,
    tickets=TICKET_ROWS,
    ticket_orders=(TicketOrder.REVERSED,),
    pll=PLL,
)
"""The original takes it on an A2 by its id, and only the number of cores differs. Hash counting
number from esp."""

COMPACA2 = Model(
    product=Product(
        name="compaca2",
        title="GekkoScience Compac A2",
        code="GSA2",
        vendor_id=0x10C4,
        product_id=0xEA70,
        manufacturers=("Silicon Labs",),
        product="GekkoScience Compac A2",
        chips=0,
        frequency_mhz=300.0,
    ),
    start_mhz=300.0,
    chips_required=1,
    rate_scale=1.0,
    ramp_window_s=300.0,
    core_mv=270,
)
TERMINUSA2 = Model(
    product=Product(
        name="terminusa2",
        title="GekkoScience Terminus A2",
        code="GSA2",
        vendor_id=0x10C4,
        product_id=0xEA70,
        manufacturers=("Silicon Labs",),
        product="GekkoScience Terminus A2",
        chips=0,
        frequency_mhz=300.0,
    ),
    start_mhz=300.0,
    chips_required=1,
    rate_scale=1.0,
    ramp_window_s=300.0,
    core_mv=270,
)
MODELS = (COMPACA2, TERMINUSA2)
PRODUCTS = (COMPACA2.product, TERMINUSA2.product)
