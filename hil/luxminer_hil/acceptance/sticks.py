"""What a bench has in front of it: a stick at a port, or one that it makes itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from luxminer.device.contract import DeviceOptions, DriverSpec, StickModel
from luxminer.device.registry import discover_drivers, model_named
from luxminer.transport.base import Transport
from luxminer.transport.opening import open_port
from luxminer_hil.acceptance.places import part_before, skip_to
from luxminer_hil.acceptance.plug import Plug
from luxminer_hil.chipsim.faults import USB_KINDS, Fault, FaultPlan
from luxminer_hil.chipsim.hasher import Hasher
from luxminer_hil.chipsim.port import MemoryPort
from luxminer_hil.chipsim.products import BOARDS, MODELS
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.memory_transport import BoardTransport
from luxminer_hil.usb_transport import open_board
from luxminer_hil.usbsim.bus import SimulatedBus
from luxminer_hil.usbsim.stick_port import UsbPort, usb_stick

__all__ = ["BenchStick", "OwnStick", "RealStick", "find_driver"]

OWN_RATE_HS = 4000.0
"""What a stick of the bench's own really hashes. As scaled sticks do, it brings nonces as often as
a real one, at a few hundred headers each."""


LATEST_PART = 0.4
"""Of the nonces of a task. Drivers replace it when half of them are tried, and may be early."""


USB_PLACE = "1-1"

MOST_TIMES = 1_000_000_000
"""A virtual stick is not slowed down more; long chains are faster for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A product and who drives it."""

    driver: DriverSpec
    model: StickModel


def find_driver(name: str) -> Found:
    """Return a product by its name. Raises ConfigError with the names there are."""
    match = model_named(discover_drivers(), name, "model")
    return Found(driver=match.driver, model=match.model)


class BenchStick(Protocol):
    """One stick under test."""

    driver: DriverSpec
    model: StickModel
    port: str
    serial: str
    scale: float
    chips: int
    """Expected; 0 when only counting tells."""
    is_virtual: bool
    plug: Plug | None

    async def start(self) -> None:
        """Be there from now on."""
        ...

    async def stop(self) -> None: ...

    async def open(self) -> Transport:
        """Open the port. Raises PortUnusable, TransportClosed."""
        ...

    async def at_nonce(self, position: int, chips: int) -> "BenchStick | str":
        """Return a stick that gets to the nonce with this big-endian reading in every task.

        In words why there is none. ``chips`` is how many have been counted. A stick at scale 1 gets
        there by itself, as far as it gets before its task is replaced.
        """
        ...

    def options(self, mhz: float) -> DeviceOptions: ...


class RealStick:
    """A stick at a port. Also a virtual one of another process."""

    is_virtual = False

    def __init__(
        self,
        port: str,
        found: Found,
        *,
        serial: str = "",
        chips: int = 0,
        scale: float = 1.0,
        plug: Plug | None = None,
    ) -> None:
        self.driver, self.model = found.driver, found.model
        self.port = port
        self.serial = serial
        self.scale = scale * self.model.scale
        self.chips = chips or self.model.chips
        self.plug = plug

    async def start(self) -> None:
        """Nothing: it is there or not."""

    async def stop(self) -> None:
        """Nothing."""

    async def open(self) -> Transport:
        return await open_port(self.port, self.model.baudrate)

    async def at_nonce(self, position: int, chips: int) -> "BenchStick | str":
        if self.scale < self.model.scale:
            return f"a stick at scale {self.scale:g} does not get to nonce {position:08x} in a task"
        before = part_before(self.model.name, chips, position)
        if isinstance(before, str):
            return before
        if before > LATEST_PART:
            return (
                f"chips get to nonce {position:08x} after {before:.0%} of a task, and it is "
                "replaced when they are half through"
            )
        return self

    def options(self, mhz: float) -> DeviceOptions:
        return DeviceOptions(model=self.model, frequency_mhz=mhz, scale=self.scale)


class InlineHasher(Hasher):
    """Hashes at once, however much it is: warped time does not wait for threads."""

    def __init__(self) -> None:
        super().__init__(1)
        self._speed_hs = 1e15


class OwnStick:
    """A virtual stick in this process, for warped time; on a USB bridge if that is to fail."""

    is_virtual = True

    def __init__(
        self,
        found: Found,
        *,
        chips: int = 0,
        real_chips: int = 0,
        faults: Sequence[Fault] = (),
        seed: int = 1,
        skip: int | None = None,
        stable_mhz: float | None = None,
    ) -> None:
        """``chips`` are expected, ``real_chips`` are on it; 0 is the usual number.

        ``skip`` and ``stable_mhz`` are those of `VirtualStick`.
        """
        self.driver, self.model = found.driver, found.model
        self.serial = f"virtual-{seed}"
        self.port = f"virtual {self.model.name}"
        self.chips = chips or MODELS[self.model.name]
        self._real_chips = real_chips or self.chips
        nominal_hs = self.model.hashes_per_clock * self.model.frequency_mhz * 1e6 * self.chips
        self._ratio = Fraction(1, min(max(1, round(nominal_hs / OWN_RATE_HS)), MOST_TIMES))
        self.scale = float(self._ratio)
        self.plug: Plug | None = OwnPlug(self)
        self.faults = tuple(faults)
        self._found = found
        self._seed = seed
        self._stable_mhz = stable_mhz
        options: dict[str, Any] = {
            "chips": self._real_chips,
            "scale": self._ratio,
            "skip": skip,
            "stable_mhz": stable_mhz,
            "seed": seed,
            "faults": FaultPlan(self.faults, seed),
            "hasher": InlineHasher(),
        }
        self._bus = SimulatedBus()
        self._usb_port: UsbPort | None = None
        if any(fault.kind in USB_KINDS for fault in self.faults):
            self.stick, self._usb_port = usb_stick(
                self._bus,
                USB_PLACE,
                self.model.name,
                serial=self.serial,
                clock=lambda: asyncio.get_running_loop().time(),
                **options,
            )
            return
        has_telemetry = BOARDS[self.model.name].telemetry is not None
        self.stick = VirtualStick(
            self.model.name,
            port=MemoryPort(self.port),
            telemetry_port=MemoryPort("telemetry:") if has_telemetry else None,
            **options,
        )

    async def start(self) -> None:
        await self.stick.start()

    async def stop(self) -> None:
        await self.stick.stop()

    async def open(self) -> Transport:
        if self._usb_port is not None:
            return await open_board(self._bus, self._usb_port, self.model.baudrate)
        return BoardTransport(self.stick, self.model.baudrate)

    async def at_nonce(self, position: int, chips: int) -> "BenchStick | str":
        """Return a twin whose chips begin each task where one of them is to look."""
        del chips  # those that are on it decide
        skip = skip_to(self.model.name, self._real_chips, position)
        if isinstance(skip, str):
            return skip
        return OwnStick(
            self._found,
            chips=self.chips,
            real_chips=self._real_chips,
            faults=self.faults,
            seed=self._seed,
            skip=skip,
            stable_mhz=self._stable_mhz,
        )

    def options(self, mhz: float) -> DeviceOptions:
        return DeviceOptions(model=self.model, frequency_mhz=mhz, scale=self.scale)


class OwnPlug:
    """Pulls the virtual stick."""

    limit_s = 10.0

    def __init__(self, stick: OwnStick) -> None:
        self._stick = stick

    async def unplug(self) -> None:
        self._stick.stick.unplug()

    async def replug(self) -> None:
        self._stick.stick.replug()
