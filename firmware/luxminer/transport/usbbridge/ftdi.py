"""FTDI FT-X (FT230X): requests that bring up the line, CBUS1 as reset line, status bytes.

Ref: docs/sources.md, Bridges; FTDI AN_120 (divisors), AN_108 (status bytes); Linux ftdi_sio.h
(meaning of the requests).
"""

from luxminer.transport.base import Capability
from luxminer.transport.usbbridge.bridge import Bridge, Control, Line, Pause, Step

__all__ = ["FT_X", "strip_status"]

TO_DEVICE = 0x40
"""Vendor request, host to device."""

RESET, FLOW_CONTROL, BAUD, DATA, LATENCY, BIT_MODE = 0x00, 0x02, 0x03, 0x04, 0x09, 0x0B
RESET_CHIP, PURGE_RX, PURGE_TX = 0, 1, 2
EIGHT_BITS = 0x0008
NO_FLOW_CONTROL = 0
LATENCY_MS = 1
"""How long the bridge waits for more bytes before it sends a packet that is not full."""

CHIPS_RUN, CHIPS_HELD = 0x20F2, 0x20F0
"""CBUS bit-bang (20), all pins outputs (f), CBUS1 = nRST of the chips (2)."""

CLOCK_HZ = 3_000_000
FRACTIONS = {0: 0, 1: 3, 2: 2, 4: 1}
"""Eighths of a divisor -> code in its bits 15:14. The other four need a bit of wIndex that the
chips of this maker do not all have at the same place."""

SPECIAL = {(1, 0): 0, (1, 4): 1}
"""Divisors 1 and 1.5 (3 and 2 Mbaud) have codes of their own."""

MAX_DIVISOR = 0x3FFF
RATE_TOLERANCE = 0.02

PACKET_BYTES = 64
STATUS_BYTES = 2
READ_PACKETS = 16
"""The bridge sends a short packet within `LATENCY_MS`, which ends a read of any length."""

REST_S = 0.003
"""An idle bridge sends its status bytes each `LATENCY_MS`, and fetching them each time would cost a
small machine a tenth of a core per stick. At 1.5 Mbaud 450 bytes come meanwhile; 512 fit in."""

LINE = Line(number=0, interface=0, endpoint_in=0x81, endpoint_out=0x02)

SETTLE = Pause(0.03)
AFTER_RESET = Pause(0.2)


def strip_status(data: bytes) -> bytes:
    """Return a bulk read without the two status bytes at the head of each of its packets."""
    if len(data) <= PACKET_BYTES:
        return data[STATUS_BYTES:]
    return b"".join(
        data[at + STATUS_BYTES : at + PACKET_BYTES] for at in range(0, len(data), PACKET_BYTES)
    )


def divisor(baudrate: int) -> int:
    """Return the nearest divisor of 3 MHz, in eighths. Raises ValueError when none is near."""
    wanted = CLOCK_HZ * 8 / baudrate if baudrate > 0 else 0.0
    best = min(
        (whole * 8 + eighths for whole in _near(wanted) for eighths in FRACTIONS),
        key=lambda eighths: abs(eighths - wanted) if _is_divisor(eighths) else float("inf"),
    )
    if not _is_divisor(best) or abs(best - wanted) > RATE_TOLERANCE * wanted:
        raise ValueError(f"{baudrate} baud is no part of {CLOCK_HZ // 1000} kHz")
    return best


def _near(wanted: float) -> range:
    whole = min(int(wanted // 8), MAX_DIVISOR)
    return range(whole, whole + 2)


def _is_divisor(eighths: int) -> bool:
    """Tell what the divider can do: 1, 1.5, and from 2 upwards all fractions."""
    return eighths in (8, 12) or 16 <= eighths <= MAX_DIVISOR * 8 + 7


def _rate(line: Line, baudrate: int) -> Control:
    whole, eighths = divmod(divisor(baudrate), 8)
    value = SPECIAL.get((whole, eighths), FRACTIONS[eighths] << 14 | whole)
    return Control(TO_DEVICE, BAUD, value, line.interface)


def _setup(line: Line, baudrate: int, manufacturer: str) -> tuple[Step, ...]:
    del manufacturer
    return (
        Control(TO_DEVICE, RESET, RESET_CHIP),
        Control(TO_DEVICE, DATA, EIGHT_BITS),
        _rate(line, baudrate),
        Control(TO_DEVICE, FLOW_CONTROL, NO_FLOW_CONTROL),
        Control(TO_DEVICE, LATENCY, LATENCY_MS),
        Control(TO_DEVICE, RESET, PURGE_TX),
        Control(TO_DEVICE, RESET, PURGE_RX),
        Control(TO_DEVICE, BIT_MODE, CHIPS_RUN),
        SETTLE,
    )


FT_X = Bridge(
    name="FT230X",
    vendor_id=0x0403,
    product_id=0x6015,
    lines=(LINE,),
    capabilities=frozenset({Capability.RESET_LINE, Capability.FAST_BAUD}),
    read_bytes=READ_PACKETS * PACKET_BYTES,
    payload=strip_status,
    rest_s=REST_S,
    rate=_rate,
    setup=_setup,
    hold=(Control(TO_DEVICE, BIT_MODE, CHIPS_HELD), SETTLE),
    release=(Control(TO_DEVICE, BIT_MODE, CHIPS_RUN), AFTER_RESET),
)
