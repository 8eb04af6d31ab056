"""A full-speed USB device without a bus: answers requests, gives and takes bulk packets.

Free of any front end: pyusb, usbredir and USB/IP servers move its packets. It never blocks; a
front end that must wait does so on ``changed`` until the time that `UsbModel.due_s` names. All
methods may be called from any thread.

Ref: USB 2.0 specification, 8.5.3 (control), 8.5.2 (bulk), 9.4 (standard requests).
"""

import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Self

from luxminer_hil.usbsim.descriptors import (
    CONFIGURATION,
    CONFIGURATION_VALUE,
    DEVICE,
    STRING,
    EndpointLayout,
    Identity,
    Layout,
)
from luxminer_hil.usbsim.uart import START_BAUDRATE, Channel, UartSide

__all__ = ["Gone", "ModelLine", "Seen", "Setup", "Stall", "UsbModel"]


class Standard(IntEnum):
    """Requests of the USB specification that devices of this kind answer (table 9-4)."""

    GET_STATUS = 0
    CLEAR_FEATURE = 1
    SET_FEATURE = 3
    SET_ADDRESS = 5
    GET_DESCRIPTOR = 6
    GET_CONFIGURATION = 8
    SET_CONFIGURATION = 9
    GET_INTERFACE = 10
    SET_INTERFACE = 11


TYPE_MASK, STANDARD, VENDOR = 0x60, 0x00, 0x40
TO_HOST = 0x80
RECIPIENT_MASK, TO_ENDPOINT = 0x1F, 2
ENDPOINT_HALT = 0

MAX_SEEN = 4096
"""Requests remembered for those who look."""


class Stall(Exception):
    """The device refuses a request, or an endpoint is halted."""


class Gone(Exception):
    """The device is not plugged in."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The eight bytes that begin a control transfer."""

    request_type: int
    request: int
    value: int
    index: int
    length: int

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Read them as they are on the bus. Raises ValueError unless there are eight."""
        if len(raw) != 8:
            raise ValueError(f"a setup packet has 8 bytes, not {len(raw)}: {raw.hex(' ')}")
        return cls(*struct.unpack("<BBHHH", raw))

    @property
    def is_to_host(self) -> bool:
        return bool(self.request_type & TO_HOST)


class Seen(NamedTuple):
    """A request that came, with the data that came along; for those who check a host."""

    at_s: float
    setup: Setup
    data: bytes


class UsbModel:
    """A bridge between a host and the UARTs behind it; kinds of bridges are made from it."""

    def __init__(
        self,
        identity: Identity,
        layout: Layout,
        uarts: Sequence[UartSide],
        buffer_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        assert len(uarts) == len(layout.interfaces), "one UART for each interface"
        self.identity = identity
        self.layout = layout
        self.changed = threading.Condition(threading.RLock())
        self.seen: deque[Seen] = deque(maxlen=MAX_SEEN)
        """Class and vendor requests in the order in which they came."""
        self.channels = tuple(Channel(uart, buffer_bytes) for uart in uarts)
        self.is_plugged = False
        self.configuration = 0
        self.clock = clock
        """Seconds that never jump; `due_s` counts by it."""
        self._watchers: list[Callable[[], None]] = []
        self._halted: set[int] = set()
        self._refusals: dict[tuple[int, int], int] = {}
        self._stalls = False
        self._by_endpoint: dict[int, tuple[EndpointLayout, Channel]] = {
            endpoint.address: (endpoint, channel)
            for interface, channel in zip(layout.interfaces, self.channels, strict=True)
            for endpoint in interface.endpoints
        }

    # --- The plug ------------------------------------------------------------------------------

    def plug(self) -> None:
        """Get power."""
        with self.changed:
            assert not self.is_plugged, "plugged twice"
            self.is_plugged = True
            self._start()
            for channel in self.channels:
                channel.uart.plugged(ModelLine(self, channel, channel.uart))
            self._started()
            self.notify()

    def unplug(self) -> None:
        """Lose power: whoever waits for a packet learns it at once. Idempotent."""
        with self.changed:
            if not self.is_plugged:
                return
            self.is_plugged = False
            for channel in self.channels:
                channel.uart.unplugged()
            self.notify()

    def bus_reset(self) -> None:
        """Be reset by the hub: everything is as after plugging in. Raises Gone."""
        with self.changed:
            self._check_plugged()
            self._start()
            self._started()
            self.notify()

    def _start(self) -> None:
        """Bring everything to what it is after power-on; kinds of bridges add their own."""
        self.configuration = 0
        self._halted.clear()
        for channel in self.channels:
            channel.unread.clear()
            channel.is_enabled = False
            channel.baudrate = START_BAUDRATE

    def _started(self) -> None:
        """Drive the pins; kinds of bridges that have some do so here."""

    def notify(self) -> None:
        """Tell who waits that a packet may have become possible. The caller holds ``changed``."""
        self.changed.notify_all()
        for watcher in self._watchers:
            watcher()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call ``watcher`` at each change, in whatever thread makes it; returns what ends that."""
        with self.changed:
            self._watchers.append(watcher)

        def end() -> None:
            with self.changed:
                self._watchers.remove(watcher)

        return end

    # --- Orders of a test ----------------------------------------------------------------------

    def halt(self, endpoint: int) -> None:
        """Stall an endpoint until the host clears it."""
        with self.changed:
            self._halted.add(endpoint)
            self.notify()

    def refuse(self, request_type: int, request: int, times: int = 1) -> None:
        """Stall the next ``times`` requests of a kind."""
        self._refusals[request_type, request] = times

    def stall_control(self, *, stalls: bool) -> None:
        """Refuse all requests of the maker's kind, or no more."""
        with self.changed:
            self._stalls = stalls

    # --- Control -------------------------------------------------------------------------------

    def control(self, setup: Setup, data: bytes = b"") -> bytes:
        """Carry out a control transfer; return what goes to the host, empty for the other way.

        Raises Stall, Gone.
        """
        with self.changed:
            self._check_plugged()
            kind = setup.request_type & TYPE_MASK
            if kind != STANDARD:
                self.seen.append(Seen(self.clock(), setup, bytes(data)))
            if kind == VENDOR and self._stalls:
                raise Stall(f"refused {setup}")
            left = self._refusals.get((setup.request_type, setup.request), 0)
            if left:
                self._refusals[setup.request_type, setup.request] = left - 1
                raise Stall(f"refused {setup}")
            if not setup.is_to_host and len(data) != setup.length:
                raise Stall(f"{len(data)} bytes with {setup}")
            if kind == STANDARD:
                answer = self._standard(setup)
            elif kind == VENDOR:
                answer = self._vendor(setup, bytes(data))
            else:
                raise Stall(f"no such request: {setup}")
            self.notify()
            return answer[: setup.length] if setup.is_to_host else b""

    def _vendor(self, setup: Setup, data: bytes) -> bytes:
        """Carry out a request of the kind of bridge. Raises Stall for one that it does not know."""
        raise Stall(f"no such request: {setup} {data.hex(' ')}")

    def _standard(self, setup: Setup) -> bytes:
        match setup.request:
            case Standard.GET_DESCRIPTOR:
                return self._descriptor(setup.value >> 8, setup.value & 0xFF)
            case Standard.GET_CONFIGURATION:
                return bytes([self.configuration])
            case Standard.SET_CONFIGURATION:
                if setup.value not in (0, CONFIGURATION_VALUE):
                    raise Stall(f"no configuration {setup.value}")
                self.configuration = setup.value
                self._halted.clear()
            case Standard.GET_STATUS:
                halted = (
                    setup.request_type & RECIPIENT_MASK == TO_ENDPOINT
                    and setup.index in self._halted
                )
                return bytes([1 if halted else 0, 0])
            case Standard.CLEAR_FEATURE | Standard.SET_FEATURE:
                self._feature(setup)
            case Standard.GET_INTERFACE:
                return b"\x00"
            case Standard.SET_INTERFACE:
                if setup.value:
                    raise Stall(f"no setting {setup.value}")
            case Standard.SET_ADDRESS:
                pass  # the front end keeps the address
            case _:
                raise Stall(f"no such request: {setup}")
        return b""

    def _feature(self, setup: Setup) -> None:
        if setup.request_type & RECIPIENT_MASK != TO_ENDPOINT or setup.value != ENDPOINT_HALT:
            raise Stall(f"no such feature: {setup}")
        if setup.index not in self._by_endpoint:
            raise Stall(f"no endpoint {setup.index:#04x}")
        if setup.request == Standard.SET_FEATURE:
            self._halted.add(setup.index)
        else:
            self._halted.discard(setup.index)

    def _descriptor(self, kind: int, index: int) -> bytes:
        if kind == DEVICE:
            return self.layout.device(self.identity)
        if kind == CONFIGURATION and index == 0:
            return self.layout.configuration()
        if kind == STRING:
            text = self.layout.string(self.identity, index)
            if text is not None:
                return text
        raise Stall(f"no descriptor {kind}/{index}")

    # --- Bulk ----------------------------------------------------------------------------------

    def out_packet(self, address: int, data: bytes) -> int:
        """Take a packet from the host; return how much of it, 0 for "not now".

        Raises Stall, Gone. A real device takes a packet whole or not; the front end offers the
        rest of it again, which a host cannot tell from a slower line.
        """
        with self.changed:
            endpoint, channel = self._endpoint(address)
            assert len(data) <= endpoint.max_packet_bytes, len(data)
            return self._to_uart(channel, data)

    def in_packet(self, address: int) -> bytes | None:
        """Give a packet to the host, None for "not now". Raises Stall, Gone."""
        with self.changed:
            endpoint, channel = self._endpoint(address)
            return self._to_host(channel, endpoint.max_packet_bytes)

    def due_s(self, address: int) -> float | None:
        """Return the time at which a packet will come although nothing happens; None for never."""
        with self.changed:
            _, channel = self._endpoint(address)
            return self._due_s(channel)

    def max_packet_bytes(self, address: int) -> int:
        """Return the packet size of an endpoint. Raises Stall, Gone."""
        with self.changed:
            return self._endpoint(address)[0].max_packet_bytes

    def _to_uart(self, channel: Channel, data: bytes) -> int:
        return channel.feed(data) if channel.is_enabled else len(data)

    def _to_host(self, channel: Channel, limit: int) -> bytes | None:
        return channel.take(limit) or None

    def _due_s(self, _channel: Channel) -> float | None:
        return None

    def _endpoint(self, address: int) -> tuple[EndpointLayout, Channel]:
        self._check_plugged()
        if address not in self._by_endpoint or not self.configuration:
            raise Stall(f"no endpoint {address:#04x}")
        if address in self._halted:
            raise Stall(f"endpoint {address:#04x} is halted")
        return self._by_endpoint[address]

    def _check_plugged(self) -> None:
        if not self.is_plugged:
            raise Gone(f"{self.identity.product or 'device'} is unplugged")


class ModelLine:
    """What a UART side holds of the bridge; heard only while the UART is routed to that side."""

    def __init__(self, model: UsbModel, channel: Channel, uart: UartSide) -> None:
        self._model = model
        self._channel = channel
        self._uart = uart

    def send(self, data: bytes) -> int:
        with self._model.changed:
            if not self._model.is_plugged or self._channel.uart is not self._uart:
                return 0
            return self._channel.receive(data, self._model.notify)

    def ready(self) -> None:
        with self._model.changed:
            self._model.notify()
