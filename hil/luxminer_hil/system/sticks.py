"""Virtual sticks on the USB controller of the machine, and bridges that are none of ours."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from luxminer_hil.chipsim.products import BOARDS
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.usbsim.cp210x import CP2102, Cp210xModel
from luxminer_hil.usbsim.descriptors import Identity
from luxminer_hil.usbsim.device import UsbModel
from luxminer_hil.usbsim.ftdi import FtdiModel
from luxminer_hil.usbsim.stick_port import UartPort
from luxminer_hil.usbsim.sticks import make_bridge
from luxminer_hil.usbsim.uart import Silence, UartSide
from luxminer_hil.usbsim.usbredir import UsbredirServer

__all__ = ["SCALES", "PluggedBridge", "PluggedStick", "StickPlan"]

SCALES: dict[str, Fraction] = {
    "compac": Fraction(1, 1 << 14),
    "2pac": Fraction(1, 1 << 14),
    "newpac": Fraction(1, 1 << 15),
    "compacf": Fraction(1, 1 << 17),
    "compaca2": Fraction(1, 1 << 20),
}
"""Each model then hashes between 0.5 and 1 MH/s: a few percent of a core, a share a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StickPlan:
    """A stick to be plugged in."""

    model: str
    by_place: bool = False
    """Its owner names its place on USB, so that it is driven by libusb; else luxminer chooses."""
    identity: Identity | None = None
    """Of an FT230X that has these chips behind it instead of the bridge of the model."""


class RedirPort(UartPort):
    """The port of the chips; the bridge is plugged in when the machine connects."""

    def __init__(self, make: Callable[[UartSide], UsbModel]) -> None:
        super().__init__("usbredir")
        self.bridge = make(self)
        self.on_reset: Callable[[bool], None] | None = None

    @property
    def has_host(self) -> bool:
        return self.bridge.is_plugged

    def host_baudrate(self) -> int | None:
        return self.bridge.channels[0].baudrate

    def set_reset(self, asserted: bool) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell_reset, asserted)

    def _tell_reset(self, asserted: bool) -> None:
        if self.on_reset is not None and self._received is not None:
            self.on_reset(asserted)


class PluggedBridge:
    """A bridge on a socket. Use as ``async with``; it is plugged in meanwhile."""

    def __init__(self, bridge: UsbModel, socket: Path) -> None:
        self.bridge = bridge
        self.socket = socket
        self._server: UsbredirServer | None = None

    async def __aenter__(self) -> Self:
        await self.plug()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.pull()

    async def plug(self) -> None:
        """Plug it in; the machine notices within a second."""
        assert self._server is None, "plugged twice"
        server = UsbredirServer(self.bridge, self.socket)
        await server.__aenter__()
        self._server = server

    async def pull(self) -> None:
        """Pull it out, for as long as nobody plugs it in again. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            await server.__aexit__(None, None, None)

    @classmethod
    def foreign(cls, identity: Identity, socket: Path) -> Self:
        """Return a CP2102 that calls itself whatever it likes, with nothing behind it."""
        return cls(Cp210xModel(identity, CP2102, (Silence(),)), socket)


class PluggedStick(PluggedBridge):
    """A stick with chips behind its bridge."""

    def __init__(self, plan: StickPlan, serial: str, socket: Path, seed: int) -> None:
        has_telemetry = plan.model in BOARDS and BOARDS[plan.model].telemetry is not None
        telemetry = UartPort("telemetry") if has_telemetry else None

        def make(chips: UartSide) -> UsbModel:
            if plan.identity is not None:
                return FtdiModel(plan.identity, chips)
            return make_bridge(plan.model, chips, serial=serial, telemetry=telemetry)

        self._port = RedirPort(make)
        super().__init__(self._port.bridge, socket)
        self.plan = plan
        self.serial = plan.identity.serial if plan.identity is not None else serial
        self.scale = SCALES[plan.model]
        self.stick = VirtualStick(
            plan.model, port=self._port, telemetry_port=telemetry, scale=self.scale, seed=seed
        )
        self._port.on_reset = self.stick.reset

    async def __aenter__(self) -> Self:
        await self.stick.start()
        await super().__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await super().__aexit__(kind, value, traceback)
        await self.stick.stop()

    async def plug(self) -> None:
        self.stick.replug()
        await super().plug()

    async def pull(self) -> None:
        await super().pull()
        self.stick.unplug()
