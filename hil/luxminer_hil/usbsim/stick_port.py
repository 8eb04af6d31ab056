"""Joins a virtual stick of `chipsim` to a virtual bridge: the stick's ports are a device on a bus.

The stick is called on its own event loop only; packets are moved by whatever thread the host's
program has for them.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.chipsim.products import BOARDS
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.usbsim.bus import BusDevice, SimulatedBus
from luxminer_hil.usbsim.descriptors import MAX_STRING_CHARACTERS
from luxminer_hil.usbsim.device import UsbModel
from luxminer_hil.usbsim.sticks import make_bridge
from luxminer_hil.usbsim.uart import Channel, HostLine, UartSide

__all__ = ["UartPort", "UsbPort", "usb_stick"]

MAX_ON_THE_WAY_BYTES = 1024
"""Taken from the bus, but not given to the stick yet."""

Received = Callable[[bytes], None]


class UartPort:
    """A `chipsim` port on one UART of a bridge that somebody else plugs in."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._line: HostLine | None = None
        self._received: Received | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_the_way = 0
        self._is_paused = False

    # --- What the stick calls ------------------------------------------------------------------

    @property
    def path(self) -> str:
        return self._path

    @property
    def has_host(self) -> bool:
        return self._line is not None

    def plug(self, received: Received) -> None:
        assert self._received is None, "plugged twice"
        self._loop = asyncio.get_running_loop()
        self._received = received
        self._is_paused = False
        self._on_the_way = 0

    def unplug(self) -> None:
        self._received = None

    def write(self, data: bytes) -> int:
        return self._line.send(data) if self._line is not None else 0

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        self._ready()

    def host_baudrate(self) -> int | None:
        """Return None: which rate a bridge runs at only `UsbPort` knows."""

    # --- What the bridge calls -----------------------------------------------------------------

    def plugged(self, line: HostLine) -> None:
        self._line = line

    def unplugged(self) -> None:
        self._line = None

    def feed(self, data: bytes, baudrate: int) -> int:
        del baudrate  # the stick asks for it
        loop = self._loop
        if loop is None or self._is_paused:
            return 0
        with self._lock:
            taken = data[: MAX_ON_THE_WAY_BYTES - self._on_the_way]
            self._on_the_way += len(taken)
        if taken:
            loop.call_soon_threadsafe(self._deliver, taken)
        return len(taken)

    def set_reset(self, asserted: bool) -> None:
        """Take no notice: a telemetry controller is not held in reset."""

    def _deliver(self, data: bytes) -> None:
        with self._lock:
            self._on_the_way = max(0, self._on_the_way - len(data))
        if self._received is not None:
            self._received(data)
        self._ready()

    def _ready(self) -> None:
        if self._line is not None:
            self._line.ready()


class UsbPort(UartPort):
    """The port of the chips; plugging it in plugs the bridge in.

    ``make_bridge`` gets this port and returns the bridge in front of it. ``on_reset`` is called on
    the stick's loop when the bridge switches the chips' reset line.
    """

    def __init__(
        self,
        bus: SimulatedBus,
        place: str,
        make_bridge: Callable[[UartSide], UsbModel],
        *,
        kernel_drivers: Sequence[int] | None = None,
    ) -> None:
        super().__init__(f"usb:{place}")
        self.bridge = make_bridge(self)
        self.on_reset: Callable[[bool], None] | None = None
        self._bus = bus
        self._place = place
        self._kernel_drivers = kernel_drivers
        self._device: BusDevice | None = None

    @property
    def device(self) -> BusDevice:
        """The device on the bus; only while plugged in."""
        assert self._device is not None, "not plugged in"
        return self._device

    @property
    def has_host(self) -> bool:
        return self._device is not None and bool(self._device.claims)

    @property
    def _channel(self) -> Channel:
        return self.bridge.channels[0]

    def plug(self, received: Received) -> None:
        super().plug(received)
        self._device = self._bus.plug(self.bridge, self._place, kernel_drivers=self._kernel_drivers)

    def unplug(self) -> None:
        super().unplug()
        self._device = None
        self._bus.unplug(self._place)

    def host_baudrate(self) -> int | None:
        return self._channel.baudrate

    def set_reset(self, asserted: bool) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell_reset, asserted)

    def usb_reset(self) -> None:
        """Let the hub reset the bridge; nothing when it is not plugged in."""
        if self._device is not None:
            self._bus.reset(self._device)

    def stall_control(self, *, stalls: bool) -> None:
        """Let the bridge refuse all requests of its maker's kind from now on, or no more."""
        self.bridge.stall_control(stalls=stalls)

    def _tell_reset(self, asserted: bool) -> None:
        if self.on_reset is not None and self._received is not None:
            self.on_reset(asserted)


def usb_stick(
    bus: SimulatedBus,
    place: str,
    model: str = "compac",
    *,
    serial: str = "",
    kernel_drivers: Sequence[int] | None = None,
    clock: Callable[[], float] = time.monotonic,
    **options: Any,
) -> tuple[VirtualStick, UsbPort]:
    """Make a stick of any model behind its bridge, with its reset line and telemetry joined.

    ``options`` are those of `VirtualStick`, ``clock`` is that of the bridge. Starting it plugs it
    in. Raises SimulatorError.
    """
    if not serial.isascii() or not serial.isprintable() or len(serial) > MAX_STRING_CHARACTERS:
        cure = f"use at most {MAX_STRING_CHARACTERS} printable ASCII characters"
        raise SimulatorError("serial", f"{serial[:MAX_STRING_CHARACTERS]!r} is none", cure)
    has_telemetry = model in BOARDS and BOARDS[model].telemetry is not None
    telemetry = UartPort(f"usb:{place}#1") if has_telemetry else None

    def bridge(chips: UartSide) -> UsbModel:
        return make_bridge(model, chips, serial=serial, telemetry=telemetry, clock=clock)

    port = UsbPort(bus, place, bridge, kernel_drivers=kernel_drivers)
    stick = VirtualStick(model, port=port, telemetry_port=telemetry, **options)
    port.on_reset = stick.reset
    return stick, port
