"""Virtual sticks on a virtual bus, opened by the real transport through the real pyusb."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from luxminer.transport.usbbridge.find import Names
from luxminer.transport.usbbridge.opening import open_usb
from luxminer.transport.usbbridge.transport import UsbTransport
from luxminer_hil.usbsim.bus import BusDevice, SimulatedBus
from luxminer_hil.usbsim.device import UsbModel
from luxminer_hil.usbsim.pyusb_backend import SimulatedBackend
from luxminer_hil.usbsim.sticks import make_bridge
from tests.unit.usbsim.uart_peer import UartPeer

BAUD = 115200
PLACE = "1-1.3"


@dataclass
class Rig:
    """One bus. ``pauses`` holds how many requests were seen before each pause, and its seconds."""

    bus: SimulatedBus = field(default_factory=SimulatedBus)
    chips: UartPeer = field(default_factory=UartPeer)
    telemetry: UartPeer = field(default_factory=UartPeer)
    pauses: list[tuple[int, float]] = field(default_factory=list)
    sleeps: bool = False

    def __post_init__(self) -> None:
        self.backend = SimulatedBackend(self.bus)
        self.watched: UsbModel | None = None

    def plug(self, model: str = "compac", place: str = PLACE, serial: str = "S1") -> BusDevice:
        """Plug a stick in; the first one is that whose requests and pauses are compared."""
        first = self.watched is None
        chips = self.chips if first else UartPeer()
        telemetry = self.telemetry if first else UartPeer()
        bridge = make_bridge(model, chips, serial=serial, telemetry=telemetry)
        if first:
            self.watched = bridge
        return self.bus.plug(bridge, place)

    def names_of(self, device: Any) -> Names | None:
        """What sysfs would say."""
        for plugged in self.bus.devices():
            if (plugged.bus, plugged.address) == (device.bus, device.address):
                identity = plugged.model.identity
                return Names(
                    manufacturer=identity.manufacturer,
                    product=identity.product,
                    serial=identity.serial,
                )
        return None

    def sleep(self, seconds: float) -> None:
        assert self.watched is not None
        self.pauses.append((len(self.watched.seen), seconds))

    async def open(
        self, port: str = f"usb:{PLACE}", baudrate: int = BAUD, *, write_limit_s: float = 2.0
    ) -> UsbTransport:
        return await open_usb(
            port,
            baudrate,
            backend=self.backend,
            names_of=self.names_of,
            sleep=self.sleep,
            write_limit_s=write_limit_s,
        )

    @contextlib.asynccontextmanager
    async def opened(
        self, port: str = f"usb:{PLACE}", *, write_limit_s: float = 2.0
    ) -> AsyncIterator[UsbTransport]:
        transport = await self.open(port, write_limit_s=write_limit_s)
        try:
            yield transport
        finally:
            await transport.close()

    def requests(self) -> list[str]:
        """Requests so far as ``type request value index data``, in hexadecimal."""
        assert self.watched is not None
        return [
            f"{s.request_type:02x} {s.request:02x} {s.value:04x} {s.index:04x} {data.hex()}".strip()
            for _, s, data in self.watched.seen
        ]


async def read_exactly(transport: Any, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += await transport.read()
    return data
