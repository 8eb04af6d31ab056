"""BM1387 and later: how their wire is written down, and what all of them share.

A family is one `Family` value; the shared codec takes it and asks for nothing else. Ref: cgminer
4.13.6 (kanoi, commit d689d3a9), driver-gekko, run with its I/O recorded: the source of every row
that names no other. "esp": ESP-Miner 5c277131. "mj": mujina 1a69ef40, with captures. "br": braiins
3c1a16f9. "go": goasicminer 73014d1f. "sk": skot's BM1397 notes 6798f051. Unproven rows say so.
"""

from enum import Enum, IntEnum
from typing import NamedTuple

from luxminer_drivers.common.facts import CRC5 as CRC5
from luxminer_drivers.common.facts import CRC16 as CRC16
from luxminer_drivers.common.facts import CRYSTAL_MHZ as CRYSTAL_MHZ
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

# --- Commands: host to chip; offsets count from the end of the preamble --------------------------


class Opcodes(NamedTuple):
    """First byte of a command for one chip; `ALL_CHIPS` is added where every chip is meant."""

    set_address: int
    """Taken by the first chip of the chain that has no address."""
    write: int
    read: int
    chain_inactive: int
    """All chips forget their addresses. Only sent to all."""


ALL_CHIPS = 0x10
"""Bit of the first byte; the address is then 0. Also esp, mj, br."""

COMMAND_OPCODE = Field("opcode", 0, 1)
COMMAND_LENGTH = Field("length", 1, 1)
"""Bytes of the command with its check sum, without the preamble."""
COMMAND_ADDRESS = Field("address", 2, 1)
COMMAND_REGISTER = Field("register", 3, 1)
COMMAND_VALUE = Field("value", 4, 4)
"""Of a write."""
SHORT_COMMAND_LENGTH = 5
WRITE_LENGTH = 9
"""CRC5 over everything before it is the last byte of both."""

# --- Replies: chip to host; offsets count from the end of the preamble ---------------------------

REPLY_TYPE = BitField("type", 5, 3)
"""Of the last byte."""
REPLY_CRC = BitField("check sum", 0, 5)
"""Of the last byte; CRC5 over all bits before it, the three type bits included. Also esp, mj."""


class ReplyType(IntEnum):
    """Upper three bits of the last byte."""

    REGISTER = 0b000
    NONCE = 0b100


REPLY_VALUE = Field("value", 0, 4)
REPLY_ADDRESS = Field("address", 4, 1)
REPLY_REGISTER = Field("register", 5, 1)
"""Of a register reply. The BM1387 sends zeros in both."""

REPLY_NONCE = Field("nonce", 0, 4)
"""The bytes stand as in the block header, whose number is their little-endian reading."""
REPLY_DETAIL = Field("detail", 4, 1)
"""br: number of the solution (BM1387). esp: number of the midstate. mj: how far the hash exceeds
the ticket, in half bits (BM1370, measured). Not used by any driver."""
REPLY_ID = Field("job id and index", 5, 1)
REPLY_VERSION = Field("version bits", 6, 2)
"""BM1362 and later: what the chip put above bit VERSION_SHIFT of the base version."""


class IdByte(NamedTuple):
    """What a nonce reply says of its job: ``(byte & job_mask) >> job_shift`` is the id.

    The bits of ``index_mask`` are the midstate (BM1387, BM1397) or the sub-core (later). Bits of
    neither are always 0.
    """

    job_mask: int
    job_shift: int
    index_mask: int


class Split(Enum):
    """How the address bits of a nonce become the place of a chip among ``n``."""

    EVEN = "address * n / 256"
    STEP = "address / (256 div n), the last chip takes the rest"


class NonceAddress(NamedTuple):
    """Where the chip stands in a nonce, read big-endian: ``bits`` are the address's upper bits."""

    bits: BitField
    split: Split


# --- Task frames: host to chip; offsets count from the end of the preamble -----------------------

TASK_OPCODE = 0x21
"""Also esp, mj, br."""

TASK_FIRST = Field("opcode", 0, 1)
TASK_LENGTH = Field("length", 1, 1)
TASK_JOB_ID = Field("job id", 2, 1)
TASK_COUNT = Field("midstates", 3, 1)
TASK_START_NONCE = Field("start nonce", 4, 4)
"""Always 0. go puts the bits of the header there (unproven)."""

TASK_TAIL = Field("header bytes 64 to 75", 8, 12, Order.WORDS_REVERSED)
"""BM1387 and BM1397: bits, time, last four merkle bytes; each in header order. Also esp, br."""
TASK_MIDSTATES = Field("first midstate", 20, 32, Order.WORDS_REVERSED)
"""SHA-256 state after header bytes 0 to 63; words h to a, each most significant byte first. The
others follow."""
TASK_MIDSTATE_LENGTH = 54
"""With one midstate and the check sum; each further one adds the width of a midstate."""

TASK_BITS = Field("header bytes 72 to 75", 8, 4)
"""BM1362 and later, which take whole headers. Also esp, mj."""
TASK_TIME = Field("header bytes 68 to 71", 12, 4)
TASK_MERKLE_ROOT = Field("header bytes 36 to 67", 16, 32, Order.WORDS_REVERSED)
TASK_PREVIOUS_HASH = Field("header bytes 4 to 35", 48, 32, Order.WORDS_REVERSED)
TASK_VERSION = Field("header bytes 0 to 3", 80, 4)
TASK_HEADER_LENGTH = 86
"""With the check sum."""
TASK_CRC_WIDTH = 2
"""CRC16 over everything before it, most significant byte first, ends a task. Also esp, mj, br."""

OPEN_CORE_TAIL_BYTE = 0xFF
"""Open-core and busy frames of BM1387 and BM1397 have one zero midstate and this tail. Also br."""
OPEN_CORE_NONCES = (b"\x72\x03\xea\x83", b"\xe1\x6b\xf8\x09")
"""The two winning nonces of that header, as in replies. Logged by go and br, recomputed."""

BUSY_LENGTH_BYTE = 0x36
BUSY_COUNT_BYTE = 0x01
"""BM1362 and later get a zero header with these two as busy frame, whatever their tasks say."""

# --- Ticket mask ---------------------------------------------------------------------------------

TICKET_BYTE_BITS = 8
"""The mask is 2^n - 1."""


class TicketOrder(Enum):
    """How its bits stand in the register."""

    REVERSED = "the bits inside each byte in reverse"
    PLAIN = "a number, as it is"


MAX_TICKET_BITS = 32
"""The register holds no more; the difficulty stays below 2^32."""


class TicketRow(NamedTuple):
    """Hardest ticket for chains of more than ``above_cores`` cores."""

    above_cores: int
    difficulty: int


TICKET_ROWS = (TicketRow(2600, 64), TicketRow(1300, 32), TicketRow(0, 16))
"""BM1397 and later, from the longest chains to the shortest."""


class TicketCheck(NamedTuple):
    """How many nonces without one below ``easier_than`` mean that a mask is harder than asked."""

    difficulty: int
    nonces: int
    easier_than: float


TICKET_CHECKS = (
    TicketCheck(64, 20000, 65.9),
    TicketCheck(32, 10000, 33.3),
    TicketCheck(16, 5000, 16.9),
    TicketCheck(8, 1250, 8.9),
    TicketCheck(4, 450, 4.9),
    TicketCheck(2, 150, 2.9),
    TicketCheck(1, 50, 1.9),
)
TICKET_CHECK_SKIP = 8
"""Nonces after a change that say nothing."""
TICKET_TOO_EASY_NONCES = 4
TICKET_TOO_EASY_MARGIN = 0.1
"""So many nonces easier than the difficulty less the margin: the chip reports too much."""
TICKET_RETRIES = 3
"""The mask is sent again so often; the original then takes it as it is, ours gives it up."""

# --- Version rolling in the chip (BM1362 and later) ----------------------------------------------

VERSION_SHIFT = 13
"""The 16 version bits of a reply stand above this bit of the version. Also esp, mj."""
VERSION_MASK = 0x1FFFE000
"""What a pool must grant for all 16 bits."""
VERSION_REGISTER_MASK = BitField("mask", 0, 16)
VERSION_REGISTER_CONTROL = BitField("control", 16, 16)
VERSION_BITS = 16

HASH_COUNT_HASHES_PER_CLOCK = 2
"""hash counting number = 2^32 / p2(core groups) / p2(chips) * 25 MHz / (2 * clock), where p2 is the
next power of two. esp, mj."""

# --- Clock ---------------------------------------------------------------------------------------

PLL_PREFIX = BitField("prefix", 24, 7)
PLL_LOCKED = BitField("locked", 31, 1)
"""Only in what is read back."""
PLL_FEEDBACK = BitField("feedback", 16, 8)
PLL_REFERENCE = BitField("reference divider", 8, 8)
PLL_POST1 = BitField("post divider 1", 4, 4)
PLL_POST2 = BitField("post divider 2", 0, 4)


class PllBand(NamedTuple):
    """Dividers for clocks above ``above_mhz`` (from it on, where ``includes``)."""

    above_mhz: float
    includes: bool
    reference: int
    post1: int
    post2: int


class PllForm(NamedTuple):
    """clock = CRYSTAL_MHZ * feedback / (reference * post1 * post2), and what a family adds."""

    prefix: int
    prefix_fast: int
    """Instead of ``prefix`` where crystal * feedback / reference reaches ``fast_mhz``."""
    fast_mhz: float
    post_offset: int
    """What is taken off the post dividers before they are written: 1 from BM1362 on."""
    bands: tuple[PllBand, ...]
    """From the highest to the lowest. The feedback follows from the clock, rounded up."""
    min_mhz: float
    max_mhz: float
    step_mhz: float
    can_stop: bool
    """Whether a clock of 0 exists: feedback 0, all dividers 1."""
    search_from: int
    search_to: int
    """Feedback for clocks that the bands do not give exactly; both 0 where they always do."""


# --- Link ----------------------------------------------------------------------------------------

UART_DIVISOR = 8
"""rate = 25 MHz / (UART_DIVISOR * (divider + 1)). br, esp, mj, sk."""
POWER_ON_UART_DIVIDER = 26
"""115740 baud; the host uses 115200, or 115384 on an FTDI bridge."""
START_BAUDRATE = 115200

# --- Families ------------------------------------------------------------------------------------


class Registers(NamedTuple):
    """Numbers of the registers that shared code writes; None where a family has none."""

    chip_id: int
    pll: int
    ticket: int
    hash_count: int
    version: int | None


class Family(NamedTuple):
    """All that the shared codec has to know of a chip."""

    name: str
    chip_id: int
    """First two bytes of register 00."""
    cores: int
    """Hashes per clock, as the original rates the chip."""
    request_preamble: bytes
    reply_preamble: bytes
    opcodes: Opcodes
    nonce_length: int
    """Bytes of a nonce reply without the preamble."""
    register_lengths: tuple[int, ...]
    """The same of register replies; from BM1362 on the short form until version rolling is set."""
    reply_names_register: bool
    """Whether register replies carry address and register."""
    registers: Registers
    id_byte: IdByte
    nonce_address: NonceAddress
    core_bits: BitField | None
    """Core that found a nonce, in its big-endian reading."""
    midstate_counts: tuple[int, ...]
    """Midstates that a task may have; empty where chips take whole headers."""
    header_length_byte: int
    header_count_byte: int
    """Second and fourth byte of a whole-header task; 0 where there is none."""
    job_id_first: int
    job_id_last: int
    job_id_step: int
    core_groups: int
    """Units that divide the nonce range of a chip among them; 0 where nobody sets that range."""
    versions_per_batch: int
    """Versions that a chip rolls through its whole range at once; 0 without rolling."""
    hash_count_less: int
    """Ticks that are taken off the computed hash counting number."""
    tickets: tuple[TicketRow, ...]
    ticket_orders: tuple[TicketOrder, ...]
    """How the mask is sent, and if chips do not keep to it, how it is sent next."""
    pll: PllForm


# --- Sticks --------------------------------------------------------------------------------------


class Model(NamedTuple):
    """A product, and how it is run."""

    product: Product
    start_mhz: float
    chips_required: int
    """Fewer are a failure; 1 where the others may mine without."""
    rate_scale: float
    """The part of the nominal rate that the original expects."""
    ramp_window_s: float
    """Of the original, for comparison: nothing here uses it."""
    core_mv: int
    """Core voltage per chip that the telemetry controller is set to; 0 without one."""


# --- Timing --------------------------------------------------------------------------------------

COMMAND_PAUSE_S = 0.001
"""After each command and each task frame."""
SETTLE_S = 0.060
"""After the port was opened."""
COUNT_FIRST_S = 1.0
"""How long the first reply to the count may take."""
COUNT_QUIET_S = 0.020
"""Silence that ends the count."""
AFTER_COUNT_S = 0.050
"""Between the count, or the start of telemetry after it, and what follows."""
WAIT_FACTOR = 0.5
"""A task is replaced after this part of the time that its nonces and versions take."""
MAX_WAIT_FULLSCANS = 3.0
"""Upper bound of that time in full scans of 2^32 nonces, for chips that take midstates."""
VERSION_FULLSCANS = 255.996
"""What the original multiplies the wait by for chips that roll versions; also the upper bound."""
RAMP_INTERVAL_S = 2.0
"""Between two steps of the clock upwards."""

# --- Bridges and controllers of the sticks -------------------------------------------------------


class Control(NamedTuple):
    """A USB control transfer to the bridge, and the pause after it."""

    request_type: int
    request: int
    value: int
    interface: int
    data: bytes
    pause_s: float


FTDI_LOW_BM1397_S = 1.0
"""How long nRST stays low where the chip is a BM1397; others get the pause of the bridge. go."""
FTDI_RUN_BAUDRATE = 1_500_000
"""At the host, while chips run at 1.5625 M; 4 % apart works."""
FTDI_RUN_UART_DIVIDER = 1

TELEMETRY_PAUSE_S = 0.100
"""Between a command and the reading of its reply, and after it for VERSION, CORE and REGULATOR."""
TELEMETRY_READ_S = 0.100
TELEMETRY_POLL_S = 1.0
TELEMETRY_RETRY_S = 1.0
TELEMETRY_TRIES = 10
"""The original's: after more failures it mines without. Ours asks twice, then while it mines."""


class TelemetryCommand(Enum):
    """First byte of the two that are sent; the second is a value or one of the bytes below."""

    VERSION = b"?"
    CORE = b"V"
    REGULATOR = b"B"
    LED = b"L"
    FAN = b"F"
    MASK = b"M"
    READ = b"G"


TELEMETRY_VERSION_BYTE = b"v"
TELEMETRY_REQUEST_BYTE = b"."
"""Second byte of MASK and READ."""
TELEMETRY_ON = b"O"
TELEMETRY_OFF = b"-"
"""Second byte of REGULATOR, and of LED."""
TELEMETRY_LED_HEARTBEAT = b"H"
TELEMETRY_LED_WORK = b"N"

CORE_STEP_MV = 5
CORE_MAX_MV = 500
CORE_SAFE_MV = 100
"""Set when the stick is too hot, or its clock is to be 0."""
FAN_MAX_PERCENT = 100
HOT_C = 110.0
"""At or above this the regulator goes off ..."""
COOL_C = 30.0
"""... until a full reset at or below this (the original's)."""

TELEMETRY_READ_LENGTH = 7
TELEMETRY_VALUES = ("vin", "iin", "vout", "iout", "temp1", "temp2", "tach")
"""One byte each, in this order; bits 0 to 6 of the feature mask."""
TELEMETRY_HIGH_RANGE_BIT = 7
"""Of the feature mask: the input current has its high range."""


class TelemetryVersion(NamedTuple):
    """Controller versions from ``first`` to ``last``, and the values that they report.

    ``mask`` is None where the controller is asked for it.
    """

    first: int
    last: int
    mask: int | None
    values: int | None
    """Bits of the values that are read, which the mask decides where this is None."""
    has_fan: bool | None
    """Takes `TelemetryCommand.FAN`; None: when it measures the fan's rate."""


TELEMETRY_VERSIONS = (
    TelemetryVersion(0x10, 0x1F, 0x15, 0x15, has_fan=False),
    TelemetryVersion(0x20, 0x20, 0xDF, 0xDF, has_fan=False),
    TelemetryVersion(0x21, 0x21, 0x77, 0x77, has_fan=True),
    TelemetryVersion(0x22, 0x2F, 0xDF, 0x77, has_fan=False),
    TelemetryVersion(0x30, 0x3F, None, None, has_fan=None),
)
"""Anything else is not a telemetry controller."""
VIN_V1_VOLT = 6.0
"""Input voltage of version 1: byte * this / 255."""
ADC_VOLT = 2.048
"""Of version 2 and 3: byte * this / 255, times what follows."""
ADC_STEPS = 255
VIN_FACTOR = 12.0
VOUT_PART = 0.5
"""Output voltage is measured over two chips in series."""
HIGH_RANGE_A_PER_V = 20.0
LOW_RANGE_A_PER_V = 3.125
TEMPERATURE_NONE = 0
TEMPERATURE_TOP = 218
"""Above this byte it is MAX_C; else byte * TEMPERATURE_SPAN_C / TEMPERATURE_TOP less the offset."""
TEMPERATURE_SPAN_C = 175.0
TEMPERATURE_OFFSET_C = 50.0
TEMPERATURE_MAX_C = 125.0
TACH_RPM = 30


class MicroCommand(IntEnum):
    """First byte to the micro-controller behind CBUS0, less the channel. Also vt; units unknown."""

    GET_FAN = 0x00
    GET_RPM = 0x08
    GET_VIN = 0x10
    GET_IIN = 0x18
    GET_TEMPERATURE = 0x20
    GET_VNODE = 0x28
    CLEAR_BUCK_ENABLE = 0x40
    SET_BUCK_ENABLE = 0x48
    CLEAR_LED = 0x50
    SET_LED = 0x58
    CLEAR_RESET = 0x60
    SET_RESET = 0x68
    SET_FAN = 0xC0
    SET_VCORE = 0xE0


MICRO_CHANNELS = 8
MICRO_SELECT = (
    Control(0x40, 0x0B, 0x20F3, 0, b"", 0.002),
    Control(0x40, 0x0B, 0x20F2, 0, b"", 0.002),
)
"""Routes the line to the controller, and back to the chips."""
MICRO_VCORE_MIN_MV = 300
MICRO_VCORE_MAX_MV = 810
MICRO_VCORE_STEP_MV = 2
