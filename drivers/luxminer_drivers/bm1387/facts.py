"""BM1387 on GekkoScience NewPac and R606: what a data sheet would print.

Ref: as in `luxminer_drivers.bm13xx.facts`; a row that names no source is from cgminer, executed.
"vt": cgminer 3339a51e (2018). Unproven rows say so; REFERENCE.md tells the same in words.
"""

from enum import IntEnum

from luxminer_drivers.bm13xx.facts import (
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
    TicketRow,
)


class Register(IntEnum):
    """Registers that are known by name. br."""

    CHIP_ADDRESS = 0x00
    """`13 87 90`, then the address of the chip."""
    HASH_RATE = 0x08
    PLL = 0x0C
    HASH_COUNT = 0x14
    TICKET = 0x18
    """The original never writes it: 0, which is difficulty 1. br writes `00 00 00 3f` for 64 in its
    code and in the test bench of its FPGA, which repeats the maker's own firmware."""
    MISC_CONTROL = 0x1C
    I2C = 0x20


UART_DIVIDER = BitField("UART divider", 8, 5)
"""Of MISC_CONTROL. br."""
MISC_NOT_SET_BAUD = BitField("not set baud", 30, 1)
"""All of MISC_CONTROL. br."""
MISC_UART_VALUE = 0x00200000
"""Sets the UART divider, which is added: inverted clock."""
MISC_GATE_VALUE = 0x40208080
"""Gates blocks: not set baud, inverted clock, gate block, MMEN; the divider is added again."""

CHIP_ID_REPLY = b"\x13\x87\x90\x00\x00\x00"
"""Before addresses are set; the fourth byte is the address then. Logged by go, also br."""

OPEN_CORE_FRAMES = 116
"""cores + 2 ..."""
OPEN_CORE_JOB_IDS = 128
"""... with the job id counting modulo this."""
OPEN_CORE_PAUSE_S = 0.010

PLL = PllForm(
    prefix=0x00,
    prefix_fast=0x00,
    fast_mhz=0.0,
    post_offset=0,
    bands=(PllBand(400.0, True, 2, 2, 1), PllBand(0.0, True, 2, 4, 1)),
    min_mhz=50.0,
    max_mhz=900.0,
    step_mhz=6.25,
    can_stop=False,
    search_from=0,
    search_to=0,
)
"""Also go. vt takes post dividers 1, 1 from 600 MHz on. br: the data sheet allows feedback 32 to
127, which these leave below 100 and above 793.75 MHz."""

BM1387 = Family(
    name="BM1387",
    chip_id=0x1387,
    cores=114,
    request_preamble=b"",
    reply_preamble=b"",
    opcodes=Opcodes(set_address=0x41, write=0x48, read=0x44, chain_inactive=0x45),
    nonce_length=7,
    register_lengths=(7,),
    reply_names_register=False,
    registers=Registers(chip_id=0x00, pll=0x0C, ticket=0x18, hash_count=0x14, version=None),
    id_byte=IdByte(job_mask=0x7C, job_shift=0, index_mask=0x03),
    nonce_address=NonceAddress(BitField("chip", 24, 8), Split.EVEN),
    core_bits=BitField("core", 0, 7),
    midstate_counts=(1, 2, 4),
    header_length_byte=0,
    header_count_byte=0,
    job_id_first=0x10,
    job_id_last=0x7F,
    job_id_step=4,
    core_groups=0,
    versions_per_batch=0,
    hash_count_less=0,
    tickets=(TicketRow(0, 1),),
    ticket_orders=(TicketOrder.PLAIN, TicketOrder.REVERSED),
    pll=PLL,
)
"""The original counts job ids by one and tries all midstates of the last four jobs; whether a chip
adds or ORs the index of the midstate is unknown, and with multiples of 4 both are the same (go).
Ids have seven bits: no host was seen to send more, and no chip to answer more."""

NEWPAC = Model(
    product=Product(
        name="newpac",
        title="GekkoScience NewPac",
        code="GSH",
        vendor_id=0x0403,
        product_id=0x6015,
        manufacturers=("GekkoScience",),
        product="NewPac Bitcoin Miner",
        chips=2,
        frequency_mhz=100.0,
    ),
    start_mhz=100.0,
    chips_required=2,
    rate_scale=1.0,
    ramp_window_s=180.0,
    core_mv=0,
)
R606 = Model(
    product=Product(
        name="r606",
        title="GekkoScience R606",
        code="GSI",
        vendor_id=0x0403,
        product_id=0x6015,
        manufacturers=("GekkoScience",),
        product="R606 Bitcoin Miner",
        chips=12,
        frequency_mhz=550.0,
    ),
    start_mhz=550.0,
    chips_required=12,
    rate_scale=1.0,
    ramp_window_s=240.0,
    core_mv=0,
)
MODELS = (NEWPAC, R606)
PRODUCTS = (NEWPAC.product, R606.product)
