"""FTDI FT230X (FT-X series): one UART, status bytes in every packet, four CBUS pins.

Ref: FTDI AN_108 and AN_120 (status bytes, rates), FT-X data sheet (buffers, EEPROM, CBUS bit-bang);
Ref: docs/sources.md, Bridges; Linux ftdi_sio.c.
"""

import struct
import time
from collections.abc import Callable
from enum import IntEnum

from luxminer_hil.usbsim.descriptors import EndpointLayout, Identity, InterfaceLayout, Layout
from luxminer_hil.usbsim.device import ModelLine, Setup, Stall, UsbModel
from luxminer_hil.usbsim.uart import Channel, Silence, UartSide

__all__ = ["FT230X", "FtdiModel", "divided_rate"]

BUFFER_BYTES = 512
CLOCK_HZ = 3_000_000
STATUS_BYTES = 2
DEFAULT_LATENCY_MS = 16

EIGHTHS = (0, 4, 2, 1, 3, 5, 6, 7)
"""Code of the fraction in a divider -> eighths. Source: AN_120, section 2."""

CBUS_MODE = 0x20
MODES = (0x00, 0x01, CBUS_MODE)
"""Reset, asynchronous bit-bang, CBUS bit-bang."""

MICRO_PIN, RESET_PIN = 0x01, 0x02
"""CBUS0 = 1 routes the UART to the board's controller; CBUS1 drives nRST of the chips."""

GPIO_FUNCTION = 0x08

OVERRUN = 0x02
IDLE_STATUS = b"\x01\x60"
"""No modem line active; transmitter empty."""


class Request(IntEnum):
    """Vendor requests, AN_108 and Linux ftdi_sio.h."""

    RESET = 0x00
    MODEM_CONTROL = 0x01
    FLOW_CONTROL = 0x02
    BAUD = 0x03
    DATA = 0x04
    MODEM_STATUS = 0x05
    EVENT_CHARACTER = 0x06
    ERROR_CHARACTER = 0x07
    SET_LATENCY = 0x09
    GET_LATENCY = 0x0A
    BIT_MODE = 0x0B
    READ_PINS = 0x0C
    READ_EEPROM = 0x90
    WRITE_EEPROM = 0x91
    ERASE_EEPROM = 0x92


FT230X = Layout(
    usb_version=0x0200,
    device_version=0x1000,
    control_packet_bytes=8,
    max_power_ma=90,
    attributes=0x80,
    interfaces=(
        InterfaceLayout(
            number=0,
            sub_class=0xFF,
            protocol=0xFF,
            endpoints=(
                EndpointLayout(address=0x81, max_packet_bytes=64),
                EndpointLayout(address=0x02, max_packet_bytes=64),
            ),
        ),
    ),
)


def divided_rate(value: int, index: int) -> int:
    """Return the rate of a baud request: integer divider in bits 13:0, fraction in 15:14 and 8.

    Raises Stall for a divider that the chip does not have.
    """
    whole, code = value & 0x3FFF, value >> 14 | (index >> 8 & 1) << 2
    if (whole, code) == (0, 0):
        return CLOCK_HZ
    if (whole, code) == (1, 0):
        return CLOCK_HZ * 2 // 3
    if whole < 2:
        raise Stall(f"no divider {whole} and {EIGHTHS[code]}/8")
    return round(CLOCK_HZ * 8 / (whole * 8 + EIGHTHS[code]))


class FtdiModel(UsbModel):
    """An FT230X on a stick. The chips' nRST is pulled up, so it is high unless CBUS1 drives it."""

    def __init__(
        self,
        identity: Identity,
        uart: UartSide,
        *,
        micro: UartSide | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(identity, FT230X, (uart,), BUFFER_BYTES, clock)
        self._micro = micro or Silence()
        self._chips = uart
        self.latency_ms = DEFAULT_LATENCY_MS
        self.line_settings = 0
        self.flow = 0
        self.modem = 0
        self.mode = 0
        self.pins = 0
        """Directions (1 is output) in the high nibble, levels in the low one."""
        self._sent_s = 0.0
        self._overruns_told = 0
        self.eeprom = _eeprom(identity)

    @property
    def is_reset_driven(self) -> bool:
        """CBUS1 pulls nRST down."""
        return self.mode == CBUS_MODE and bool(self.pins & RESET_PIN << 4) and not self._level(1)

    def _level(self, pin: int) -> bool:
        return bool(self.pins >> pin & 1)

    def _start(self) -> None:
        super()._start()
        self.latency_ms = DEFAULT_LATENCY_MS
        self.line_settings = self.flow = self.modem = 0
        self.mode = self.pins = 0
        self._sent_s = self.clock()
        for channel in self.channels:
            channel.is_enabled = True

    def _started(self) -> None:
        channel = self.channels[0]
        drives = self.mode == CBUS_MODE and bool(self.pins & MICRO_PIN << 4)
        channel.uart = self._micro if drives and self._level(0) else self._chips
        self._chips.set_reset(self.is_reset_driven)

    def plug(self) -> None:
        super().plug()
        channel = self.channels[0]
        self._micro.plugged(ModelLine(self, channel, self._micro))

    def unplug(self) -> None:
        with self.changed:
            if self.is_plugged:
                self._micro.unplugged()
            self.channels[0].uart = self._chips
            super().unplug()

    def _vendor(self, setup: Setup, data: bytes) -> bytes:
        if setup.is_to_host:
            return self._get(setup)
        if data:
            raise Stall(f"no request has data: {setup}")
        self._set(setup)
        return b""

    def _get(self, setup: Setup) -> bytes:
        match setup.request:
            case Request.MODEM_STATUS:
                return self._status(self.channels[0])
            case Request.GET_LATENCY:
                return bytes([self.latency_ms])
            case Request.READ_PINS:
                return bytes([self.pins & 0x0F])
            case Request.READ_EEPROM if setup.index < len(self.eeprom):
                return struct.pack("<H", self.eeprom[setup.index])
            case _:
                raise Stall(f"no such request: {setup}")

    def _set(self, setup: Setup) -> None:
        channel, low, high = self.channels[0], setup.value & 0xFF, setup.value >> 8
        match setup.request:
            case Request.RESET if low <= 2:
                if low in (0, 1):
                    channel.unread.clear()
                if low == 0:
                    self._set_mode(0, 0)
            case Request.MODEM_CONTROL:
                self.modem = (self.modem & ~high | low & high) & 0x03
            case Request.FLOW_CONTROL:
                self.flow = setup.index >> 8
            case Request.BAUD:
                channel.baudrate = divided_rate(setup.value, setup.index)
            case Request.DATA if setup.value & 0xFF in (7, 8):
                self.line_settings = setup.value
            case Request.SET_LATENCY if 1 <= setup.value <= 255:
                self.latency_ms = setup.value
            case Request.BIT_MODE if high in MODES:
                self._set_mode(high, low)
            case Request.EVENT_CHARACTER | Request.ERROR_CHARACTER:
                pass
            case Request.WRITE_EEPROM if setup.index < len(self.eeprom):
                self.eeprom[setup.index] = setup.value
            case _:
                raise Stall(f"no such request: {setup}")

    def _set_mode(self, mode: int, pins: int) -> None:
        self.mode, self.pins = mode, pins
        self._started()

    def _status(self, channel: Channel) -> bytes:
        lost = channel.overruns > self._overruns_told
        self._overruns_told = channel.overruns
        return bytes([IDLE_STATUS[0], IDLE_STATUS[1] | (OVERRUN if lost else 0)])

    def _to_host(self, channel: Channel, limit: int) -> bytes | None:
        """Give a packet when it is full, or when the latency timer has run out."""
        now_s = self.clock()
        room = limit - STATUS_BYTES
        if len(channel.unread) < room and now_s < self._sent_s + self.latency_ms / 1000:
            return None
        self._sent_s = now_s
        return self._status(channel) + channel.take(room)

    def _due_s(self, _channel: Channel) -> float:
        return self._sent_s + self.latency_ms / 1000


def _eeprom(identity: Identity) -> list[int]:
    """Return 1024 words: ids and version, and all four CBUS pins as GPIO (bytes 1a to 1d)."""
    words = [0] * 1024
    words[1], words[2], words[3] = identity.vendor_id, identity.product_id, FT230X.device_version
    words[0x0D] = words[0x0E] = GPIO_FUNCTION << 8 | GPIO_FUNCTION
    return words
