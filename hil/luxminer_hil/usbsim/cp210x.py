"""Silicon Labs bridges: CP2102 (one UART) and CP2105 (two UARTs and pins that switch the board).

Ref: Silicon Labs AN571 (requests), CP2102 and CP2105 data sheets (buffers, descriptors);
Ref: docs/sources.md, Bridges; Linux cp210x.c.
"""

import struct
import time
from collections.abc import Callable, Sequence
from enum import IntEnum

from luxminer_hil.usbsim.descriptors import EndpointLayout, Identity, InterfaceLayout, Layout
from luxminer_hil.usbsim.device import Setup, Stall, UsbModel
from luxminer_hil.usbsim.uart import Channel, UartSide

__all__ = ["CP2102", "CP2105", "Cp210xModel"]

BUFFER_BYTES = 576
"""Receive buffer. Source: data sheet of the CP2102."""

CLOCK_HZ = 24_000_000
DIVIDER_CLOCK_HZ = 3_686_400
"""Base of the older request that names a divider."""

MIN_BAUD = 300
MAX_BAUD = {0: 2_000_000, 1: 921_600}
"""By interface; a CP2102 has the second value. Source: data sheets."""

OFF_PINS = 0x07
"""Latch bits of a CP2105's three pins; a set one keeps chips and regulator off."""


class Request(IntEnum):
    """Requests to an interface, AN571 table 4."""

    IFC_ENABLE = 0x00
    SET_BAUDDIV = 0x01
    GET_BAUDDIV = 0x02
    SET_LINE_CTL = 0x03
    GET_LINE_CTL = 0x04
    SET_BREAK = 0x05
    SET_MHS = 0x07
    GET_MDMSTS = 0x08
    GET_COMM_STATUS = 0x10
    RESET = 0x11
    PURGE = 0x12
    SET_FLOW = 0x13
    GET_FLOW = 0x14
    EMBED_EVENTS = 0x15
    SET_CHARS = 0x19
    GET_CHARS = 0x1A
    GET_BAUDRATE = 0x1D
    SET_BAUDRATE = 0x1E
    VENDOR_SPECIFIC = 0xFF


class Value(IntEnum):
    """What ``VENDOR_SPECIFIC`` is about."""

    FIRMWARE_VERSION = 0x000E
    READ_LATCH = 0x00C2
    PART_NUMBER = 0x370B
    PORT_CONFIG = 0x370C
    DEVICE_MODE = 0x3711
    WRITE_LATCH = 0x37E1


CP2102 = Layout(
    usb_version=0x0110,
    device_version=0x0100,
    control_packet_bytes=64,
    max_power_ma=100,
    attributes=0x80,
    interfaces=(
        InterfaceLayout(
            number=0,
            sub_class=0,
            protocol=0,
            endpoints=(
                EndpointLayout(address=0x81, max_packet_bytes=64),
                EndpointLayout(address=0x01, max_packet_bytes=64),
            ),
        ),
    ),
)

CP2105 = Layout(
    usb_version=0x0200,
    device_version=0x0100,
    control_packet_bytes=64,
    max_power_ma=100,
    attributes=0x80,
    interfaces=(
        InterfaceLayout(
            number=0,
            sub_class=0,
            protocol=0,
            endpoints=(
                EndpointLayout(address=0x81, max_packet_bytes=64),
                EndpointLayout(address=0x01, max_packet_bytes=64),
            ),
            name="Enhanced Com Port",
        ),
        InterfaceLayout(
            number=1,
            sub_class=0,
            protocol=0,
            endpoints=(
                EndpointLayout(address=0x82, max_packet_bytes=32),
                EndpointLayout(address=0x02, max_packet_bytes=32),
            ),
            name="Standard Com Port",
        ),
    ),
)

PART_NUMBERS = {1: 0x02, 2: 0x05}
"""Number of UARTs -> what the chip calls itself."""


class _Port:
    """Settings of one UART."""

    def __init__(self) -> None:
        self.line_control = 0x0800
        self.modem = 0
        self.flow = bytes(16)
        self.characters = bytes(6)
        self.escape = 0
        """Marks events among the data; 0 for none."""


class Cp210xModel(UsbModel):
    """A CP2102 or CP2105 by its layout; the latch of a CP2105 holds the chips in reset."""

    def __init__(
        self,
        identity: Identity,
        layout: Layout,
        uarts: Sequence[UartSide],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(identity, layout, uarts, BUFFER_BYTES, clock)
        self._ports = [_Port() for _ in uarts]
        self.latch = 0

    def line_control(self, number: int = 0) -> int:
        """Return data bits (high byte), parity and stop bits of a UART, as the host set them."""
        return self._ports[number].line_control

    def modem(self, number: int = 0) -> int:
        """Return DTR (bit 0) and RTS (bit 1) of a UART."""
        return self._ports[number].modem

    @property
    def has_pins(self) -> bool:
        return len(self.channels) > 1

    def _start(self) -> None:
        super()._start()
        self._ports = [_Port() for _ in self.channels]
        self.latch = OFF_PINS if self.has_pins else 0  # Unproven: what a board does meanwhile

    def _started(self) -> None:
        for channel in self.channels:
            channel.uart.set_reset(bool(self.latch & OFF_PINS))

    def _vendor(self, setup: Setup, data: bytes) -> bytes:
        if setup.request == Request.VENDOR_SPECIFIC:
            return self._special(setup, data)
        if setup.index >= len(self.channels):
            raise Stall(f"no interface {setup.index}")
        channel, port = self.channels[setup.index], self._ports[setup.index]
        if setup.is_to_host:
            return self._get(setup, channel, port)
        self._set(setup, data, channel, port)
        return b""

    def _get(self, setup: Setup, channel: Channel, port: _Port) -> bytes:
        match setup.request:
            case Request.GET_BAUDDIV:
                return struct.pack("<H", round(DIVIDER_CLOCK_HZ / channel.baudrate))
            case Request.GET_BAUDRATE:
                return struct.pack("<I", channel.baudrate)
            case Request.GET_LINE_CTL:
                return struct.pack("<H", port.line_control)
            case Request.GET_MDMSTS:
                return bytes([port.modem])
            case Request.GET_FLOW:
                return port.flow
            case Request.GET_CHARS:
                return port.characters
            case Request.GET_COMM_STATUS:
                errors = 0x04 if channel.overruns else 0
                channel.overruns = 0
                return struct.pack("<IIIIBBB", errors, 0, len(channel.unread), 0, 0, 0, 0)
            case _:
                raise Stall(f"no such request: {setup}")

    def _set(self, setup: Setup, data: bytes, channel: Channel, port: _Port) -> None:
        match setup.request:
            case Request.IFC_ENABLE:
                channel.is_enabled = bool(setup.value)
                channel.unread.clear()
                port.escape = 0
            case Request.SET_BAUDDIV:
                if not setup.value:
                    raise Stall("divider 0")
                self._set_rate(setup, channel, DIVIDER_CLOCK_HZ // setup.value)
            case Request.SET_BAUDRATE:
                if len(data) != 4:
                    raise Stall(f"a rate has 4 bytes: {data.hex(' ')}")
                self._set_rate(setup, channel, int.from_bytes(data, "little"))
            case Request.SET_LINE_CTL:
                bits, parity, stop = setup.value >> 8, setup.value >> 4 & 0xF, setup.value & 0xF
                if not 5 <= bits <= 8 or parity > 4 or stop > 2:
                    raise Stall(f"no such line control: {setup.value:04x}")
                port.line_control = setup.value
            case Request.SET_MHS:
                mask = setup.value >> 8
                port.modem = (port.modem & ~mask | setup.value & mask) & 0x03
            case Request.PURGE:
                if setup.value & 0x0A:
                    channel.unread.clear()
            case Request.SET_FLOW:
                port.flow = _sized(data, 16)
            case Request.SET_CHARS:
                port.characters = _sized(data, 6)
            case Request.EMBED_EVENTS:
                port.escape = setup.value & 0xFF
            case Request.SET_BREAK | Request.RESET:
                pass
            case _:
                raise Stall(f"no such request: {setup}")

    def _set_rate(self, setup: Setup, channel: Channel, rate: int) -> None:
        limit = MAX_BAUD[setup.index if self.has_pins else 1]
        if not MIN_BAUD <= rate <= limit:
            raise Stall(f"no such rate: {rate}")
        prescaler = 4 if rate <= 365 else 1
        divider = (CLOCK_HZ + prescaler * rate // 2) // (prescaler * rate)
        channel.baudrate = round(CLOCK_HZ / (prescaler * divider))

    def _special(self, setup: Setup, data: bytes) -> bytes:
        match (setup.is_to_host, setup.value):
            case (True, Value.PART_NUMBER):
                return bytes([PART_NUMBERS[len(self.channels)], 0])
            case (True, Value.FIRMWARE_VERSION) if self.has_pins:
                return b"\x01\x02\x00"
            case (True, Value.DEVICE_MODE) if self.has_pins:
                return b"\x01\x01"  # pins are GPIOs
            case (True, Value.PORT_CONFIG) if self.has_pins:
                return bytes(15)
            case (True, Value.READ_LATCH) if self.has_pins:
                return bytes([self.latch])
            case (False, Value.WRITE_LATCH) if self.has_pins and len(data) == 2:
                mask, state = data
                before, self.latch = self.latch, self.latch & ~mask | state & mask
                if bool(before & OFF_PINS) != bool(self.latch & OFF_PINS):
                    self._started()
                return b""
            case _:
                raise Stall(f"no such request: {setup}")

    def _to_host(self, channel: Channel, limit: int) -> bytes | None:
        port = self._ports[self.channels.index(channel)]
        if not port.escape:
            return channel.take(limit) or None
        packet = bytearray()
        while channel.unread and len(packet) + 2 <= limit:
            byte = channel.take(1)
            packet += byte + b"\x00" if byte[0] == port.escape else byte
        return bytes(packet) or None


def _sized(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise Stall(f"{size} bytes wanted: {data.hex(' ')}")
    return data
