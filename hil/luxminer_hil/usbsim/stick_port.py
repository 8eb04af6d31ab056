"""Joins a virtual stick of `chipsim` to a virtual bridge: the stick's port is a device on a bus."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from luxminer_hil.usbsim.bus import BusDevice, SimulatedBus
from luxminer_hil.usbsim.device import UsbModel
from luxminer_hil.usbsim.uart import HostLine, UartSide

__all__ = ["NOMINAL_RATES", "UsbPort"]

NOMINAL_RATES = (115_200, 375_000, 1_500_000)
"""What a host means by the rates that a divider gives."""

TOLERANCE = 0.05
"""A UART reads what comes at a rate this much off. Ref: usb-sticks 2.3 (4 % is what sticks run)."""

MAX_ON_THE_WAY_BYTES = 1024
"""Taken from the bus, but not given to the stick yet."""

Received = Callable[[bytes], None]


class UsbPort:
    """A `chipsim` port, and the UART side of its bridge.

    The stick is called on its own event loop only; packets are moved by whatever thread the host's
    program has for them. ``make_bridge`` gets this port and returns the bridge in front of it.
    """

    def __init__(
        self,
        bus: SimulatedBus,
        place: str,
        make_bridge: Callable[[UartSide], UsbModel],
        *,
        kernel_drivers: Sequence[int] | None = None,
        reset: Callable[[bool], None] | None = None,
    ) -> None:
        """Make a port that is not plugged in yet; ``reset`` is called on the loop."""
        self.bridge = make_bridge(self)
        self._bus = bus
        self._place = place
        self._kernel_drivers = kernel_drivers
        self._on_reset = reset
        self._lock = threading.Lock()
        self._device: BusDevice | None = None
        self._line: HostLine | None = None
        self._received: Received | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_the_way = 0
        self._is_paused = False

    # --- What the stick calls ------------------------------------------------------------------

    @property
    def path(self) -> str:
        return f"usb:{self._place}"

    @property
    def device(self) -> BusDevice:
        """The device on the bus; only while plugged in."""
        assert self._device is not None, "not plugged in"
        return self._device

    @property
    def has_host(self) -> bool:
        return self._device is not None and bool(self._device.claims)

    def plug(self, received: Received) -> None:
        assert self._received is None, "plugged twice"
        self._loop = asyncio.get_running_loop()
        self._received = received
        self._is_paused = False
        self._on_the_way = 0
        self._device = self._bus.plug(self.bridge, self._place, kernel_drivers=self._kernel_drivers)

    def unplug(self) -> None:
        self._received = None
        self._device = None
        self._bus.unplug(self._place)

    def write(self, data: bytes) -> int:
        return self._line.send(data) if self._line is not None else 0

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        self._ready()

    def host_baudrate(self) -> int | None:
        """Return the nominal rate nearest to that of the bridge, else the bridge's own."""
        rate = self.bridge.channels[0].baudrate
        for nominal in NOMINAL_RATES:
            if abs(rate - nominal) <= TOLERANCE * nominal:
                return nominal
        return rate

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
        if self._on_reset is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._on_reset, asserted)

    def _deliver(self, data: bytes) -> None:
        with self._lock:
            self._on_the_way = max(0, self._on_the_way - len(data))
        if self._received is not None:
            self._received(data)
        self._ready()

    def _ready(self) -> None:
        if self._line is not None:
            self._line.ready()
