"""What stands beside the chips of A1 and A2: their controller, or that there is none to be heard.

The controller is what protects from heat. Without it the original runs at any clock; here the clock
is bounded: by that of a start, and by the lowest one where the stick was in trouble before or its
controller has fallen silent. Ref: REFERENCE.md, "Controllers".
"""

import asyncio
import logging

from luxminer.device.contract import DeviceOptions
from luxminer.errors import DeviceFault
from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.controller import Controller
from luxminer_drivers.common.family import Ceiling, Health
from luxminer_drivers.common.link import Link

__all__ = ["Board"]

log = logging.getLogger(__name__)

HOLD_MISSES = 3
"""Readings without a temperature after which the clock rises no more."""

ASK_AGAIN_S = 30.0
"""Between two attempts to reach a controller that did not answer at the start."""

REPLUG = "unplug the stick and plug it in again"


class Board:
    """One board. For models without a controller there is nothing to do or to say."""

    def __init__(
        self, link: Link, options: DeviceOptions, row: facts.Model, low_mhz: float
    ) -> None:
        """``low_mhz`` is the lowest clock of the chips."""
        self._link = link
        self._needs_one = row.core_mv > 0
        self._core_mv = row.core_mv if options.core_mv is None else options.core_mv
        self._low_mhz = low_mhz
        self._unseen_mhz = low_mhz if options.limit_mhz is not None else row.start_mhz
        self._controller: Controller | None = None

    @property
    def health(self) -> Health:
        controller = self._controller
        if controller is None or not controller.has_answered:
            return Health()
        return Health(
            temperature_c=controller.hottest_c,
            voltage_v=controller.values.vout_v,
            power_w=controller.power_w,
            core_mv=controller.core_mv,
            fan_percent=controller.fan_percent if controller.has_fan else None,
            fan_rpm=controller.values.tach_rpm if controller.has_fan else None,
        )

    @property
    def is_unsure(self) -> bool:
        """A temperature is known that may be an old one."""
        controller = self._controller
        return controller is not None and controller.has_told and controller.misses > 0

    def ceiling(self, now_mhz: float) -> Ceiling | None:
        """Return what may be the clock while nobody knows how hot the chips are."""
        controller = self._controller
        if not self._needs_one:
            return None
        if controller is None:
            why = "no telemetry controller can be reached by this port, so nothing tells how hot it"
            return Ceiling(
                mhz=self._unseen_mhz, why=f"{why} is; open it by its USB path (usb:1-1.3)"
            )
        if controller.is_blind and not controller.has_told:
            does = "tells no temperature" if controller.has_answered else "does not answer"
            why = f"its telemetry controller {does}, so nothing tells how hot it is"
            return Ceiling(mhz=self._unseen_mhz, why=f"{why}; {REPLUG}", is_problem=True)
        if controller.is_blind:
            why = "its telemetry controller tells no temperature any more"
            return Ceiling(mhz=self._low_mhz, why=f"{why}; {REPLUG}", is_problem=True)
        if controller.misses >= HOLD_MISSES:
            return Ceiling(mhz=now_mhz)
        return None

    async def start(self) -> None:
        """Give the chips their core voltage. Raises Overheated when they are too warm to start."""
        self._controller = None
        if not self._needs_one or not self._link.can(Capability.SECOND_CHANNEL):
            return
        controller = Controller(self._link.transport.channel(1), self._core_mv)
        if await controller.start():
            await controller.rest_if_warm()
        self._controller = controller

    async def attend(self) -> None:
        """Read what it measures until cancelled. Raises Overheated, DeviceFault, TransportError."""
        controller = self._controller
        if controller is None:
            await asyncio.Event().wait()
            return
        while not controller.has_answered:
            await asyncio.sleep(ASK_AGAIN_S)
            if await controller.start():
                log.info("%s: its telemetry controller answers now", self._link.name)
        while True:
            await asyncio.sleep(facts.TELEMETRY_POLL_S)
            await controller.poll()

    def set_fan(self, percent: int) -> None:
        """Set the fan with the next reading, until the next start."""
        if self._controller is not None:
            self._controller.fan_percent = percent

    async def set_core(self, core_mv: int) -> None:
        """Change the core voltage, now and after each start. Raises DeviceFault."""
        if self._controller is None or not self._controller.has_answered:
            raise DeviceFault("no telemetry controller answers, so the core voltage stays")
        self._core_mv = self._controller.core_mv = core_mv

    async def end(self) -> None:
        if self._controller is not None and self._controller.has_answered:
            await self._controller.end()
