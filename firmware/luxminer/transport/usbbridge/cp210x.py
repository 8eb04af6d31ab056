"""CP2102 and CP2105: requests that bring up a line, and the latch that switches a board.

Ref: docs/sources.md, Bridges; Silicon Labs AN571 (meaning of the requests), data sheets
(rates).
"""

from luxminer.transport.base import Capability
from luxminer.transport.usbbridge.bridge import Bridge, Control, Line, Pause, PortReset, Step

__all__ = ["CP2102", "CP2105"]

TO_INTERFACE = 0x41
"""Vendor request, host to device, to an interface."""

IFC_ENABLE, SET_LINE_CTL, SET_MHS, SET_BAUDRATE, VENDOR_SPECIFIC = 0x00, 0x03, 0x07, 0x1E, 0xFF
ENABLE = 0x0001
DTR_AND_RTS, DTR_ONLY = 0x0303, 0x0101
"""High byte: which of the two lines are set; low byte: their state."""

EIGHT_BITS, EIGHT_BITS_MARK = 0x0800, 0x0830
"""MARK parity lengthens the idle level after each byte; the chips speak 8N1."""

WRITE_LATCH = 0x37E1
BOARD_ON, BOARD_OFF = b"\x07\x00", b"\x07\x07"
"""Mask and state of the three pins; a set pin switches chips and regulator off."""

SETTLE = Pause(0.1)

GEKKOSCIENCE = ("GekkoScience", "bitshopperde")
"""Makers whose CP2102 sticks get MARK parity; other sticks stay at 8N1."""

MIN_BAUD = 300
CP2102_MAX_BAUD = 921_600
CP2105_MAX_BAUD = (2_000_000, 921_600)
"""Of the enhanced and the standard line."""

PACKET_BYTES = 64
"""A read asks for one packet: a device that has sent whole packets only does not say that they
were all, so a longer read would wait for the next byte."""

CP2102_LINE = Line(number=0, interface=0, endpoint_in=0x81, endpoint_out=0x01)
CHIP_LINE = Line(number=0, interface=0, endpoint_in=0x81, endpoint_out=0x01)
TELEMETRY_LINE = Line(number=1, interface=1, endpoint_in=0x82, endpoint_out=0x02)


def _rate(line: Line, baudrate: int, limit: int) -> Control:
    if not MIN_BAUD <= baudrate <= limit:
        raise ValueError(f"{baudrate} baud is not within {MIN_BAUD} to {limit}")
    return Control(TO_INTERFACE, SET_BAUDRATE, 0, line.interface, baudrate.to_bytes(4, "little"))


def _cp2102_rate(line: Line, baudrate: int) -> Control:
    return _rate(line, baudrate, CP2102_MAX_BAUD)


def _cp2102_setup(line: Line, baudrate: int, manufacturer: str) -> tuple[Step, ...]:
    parity: tuple[Step, ...] = ()
    if manufacturer in GEKKOSCIENCE:
        parity = (Control(TO_INTERFACE, SET_LINE_CTL, EIGHT_BITS_MARK, line.interface),)
    return (
        Control(TO_INTERFACE, IFC_ENABLE, ENABLE, line.interface),
        Control(TO_INTERFACE, SET_MHS, DTR_AND_RTS, line.interface),
        _cp2102_rate(line, baudrate),
        *parity,
        SETTLE,
    )


def _cp2105_rate(line: Line, baudrate: int) -> Control:
    return _rate(line, baudrate, CP2105_MAX_BAUD[line.number])


def _cp2105_setup(line: Line, baudrate: int, manufacturer: str) -> tuple[Step, ...]:
    del manufacturer
    chips = line is CHIP_LINE
    control = EIGHT_BITS_MARK if chips else EIGHT_BITS
    common = (
        Control(TO_INTERFACE, IFC_ENABLE, ENABLE, line.interface),
        Control(TO_INTERFACE, SET_MHS, DTR_ONLY, line.interface),
        _cp2105_rate(line, baudrate),
        Control(TO_INTERFACE, SET_LINE_CTL, control, line.interface),
    )
    return (PortReset(), *common, _latch(BOARD_ON), SETTLE) if chips else common


def _latch(mask_and_state: bytes) -> Control:
    return Control(TO_INTERFACE, VENDOR_SPECIFIC, WRITE_LATCH, 0, mask_and_state)


CP2102 = Bridge(
    name="CP2102",
    vendor_id=0x10C4,
    product_id=0xEA60,
    lines=(CP2102_LINE,),
    capabilities=frozenset(),
    read_bytes=PACKET_BYTES,
    payload=bytes,
    rate=_cp2102_rate,
    setup=_cp2102_setup,
)

CP2105 = Bridge(
    name="CP2105",
    vendor_id=0x10C4,
    product_id=0xEA70,
    lines=(CHIP_LINE, TELEMETRY_LINE),
    capabilities=frozenset(
        {Capability.RESET_LINE, Capability.SECOND_CHANNEL, Capability.FAST_BAUD}
    ),
    read_bytes=PACKET_BYTES,
    payload=bytes,
    rate=_cp2105_rate,
    setup=_cp2105_setup,
    hold=(PortReset(), _latch(BOARD_OFF), SETTLE),
    release=None,
)
