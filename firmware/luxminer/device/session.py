"""One time that a stick is up: opens its port, runs its driver, hands it work, watches it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from luxminer.clock import Chores, Clock
from luxminer.device.contract import (
    Device,
    DeviceOptions,
    DeviceReport,
    DriverSpec,
    SetsChipClock,
    SetsFan,
    SetsVoltage,
)
from luxminer.device.health import FAILED_AFTER, SICK_AFTER, NonceWatch, Timing
from luxminer.device.wishes import with_chip_clock
from luxminer.errors import DeviceFault, LuxminerError, ProbeMismatch, TransportClosed
from luxminer.transport.base import Transport
from luxminer.work.job import NonceFound, WorkItem

__all__ = ["NonceSink", "Services", "Session", "WorkSource"]

log = logging.getLogger(__name__)


class WorkSource(Protocol):
    """Who has work for devices."""

    def next_work(
        self, device_id: int, versions: int, *, chip_rolls: bool = False
    ) -> WorkItem | None:
        """Return work never handed out before; None when no pool has any."""
        ...

    async def work_changed(self, device_id: int) -> None:
        """Return when there is a newer job than that of its last work, or none any more."""
        ...


class NonceSink(Protocol):
    """Who judges nonces."""

    def nonce_found(self, nonce: NonceFound, ticket_difficulty: float, scale: float) -> bool:
        """Count a claim; True when its hash is right."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all supervisors and sessions share."""

    clock: Clock
    random: random.Random
    work: WorkSource
    nonces: NonceSink
    open_transport: Callable[[str, int], Awaitable[Transport]]
    """From port and baud rate; raises PortUnusable."""
    reset_usb: Callable[[str], None]
    """Called in a thread with the place of the device; raises OSError."""
    timing: Timing
    chores: Chores
    """Nudged whenever a stick reports."""
    rests: Callable[[int], str] = lambda _: ""
    """Why a stick, by its number, is to rest now whatever its owner set; empty when it is not."""


class Session:
    """Runs a driver once. Towards the driver it is its `DeviceHost`, deaf after the end."""

    def __init__(self, device_id: int, name: str, options: DeviceOptions, services: Services):
        self.last_report: DeviceReport | None = None
        self.brought_up_s: float | None = None
        """Monotonic time of the first report with a chip."""
        self.sick_words = ""
        """Why it is thought to be sick; empty when it is not."""
        self.found_any = False
        self._device_id = device_id
        self.name = name
        self._options = options
        self._services = services
        self._opened_s = services.clock.monotonic()
        self._interrupt: asyncio.Future[Exception | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._transport: Transport | None = None
        self._device: Device | None = None
        self._watch: NonceWatch | None = None
        self._has_work = False
        self._is_over = False
        self._is_stopped = False

    async def run(self, driver: DriverSpec, url: str) -> BaseException | None:
        """Return what ended it: an exception, or None after `interrupt` without a reason.

        When it returns, and also when it is cancelled, the chips are quiet and the port is closed,
        or the driver has been left behind with a closed port.
        """
        running = asyncio.create_task(self._drive(driver, url), name=f"device {self._device_id}")
        ends: set[asyncio.Future[Any]] = {running, self._interrupt}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._is_over = True
            await self._stop(running)
        if self._interrupt.done():
            return self._interrupt.result()
        return _ending(running)

    def interrupt(self, reason: Exception | None = None) -> None:
        """End the session; with a reason it counts as a failure."""
        if not self._interrupt.done():
            self._interrupt.set_result(reason)

    def check(self, now_s: float) -> None:
        """Judge the stick by what it should have found by now."""
        timing = self._services.timing
        if self._watch is None:
            if now_s - self._opened_s > timing.bring_up_s:
                self.interrupt(DeviceFault(f"did not come up within {timing.bring_up_s:g} s"))
            return
        missed = self._watch.missed(now_s)
        if missed < SICK_AFTER:
            return
        self.sick_words = (
            f"no valid nonce in a time that should have brought {missed:.0f}, one every "
            f"{self._watch.interval_s:.3g} s; check its power and cooling"
        )
        if missed >= FAILED_AFTER:
            self.interrupt(DeviceFault(self.sick_words))

    @property
    def is_ending(self) -> bool:
        """Somebody has ended it; its driver may still be quietening the chips."""
        return self._is_over or self._interrupt.done()

    @property
    def is_connected(self) -> bool:
        """Its port could be opened."""
        return self._transport is not None

    async def set_frequency(self, mhz: float) -> float | None:
        """Return the clock really set, None while no driver is in charge. Raises what it raises.

        A driver that is being opened takes charge with the order.
        """
        if self._device is None:
            self._options = replace(self._options, frequency_mhz=mhz)
            return None
        async with asyncio.timeout(self._services.timing.order_s):
            set_mhz = await self._device.set_frequency(mhz)
        if self.last_report is not None:
            # An order ends protection, also when the stick fails before it has said so.
            self.last_report = replace(self.last_report, limit_mhz=None)
        return set_mhz

    async def set_chip_frequency(self, chip: int, mhz: float) -> float | None:
        """Return the clock really set, None while no driver is in charge. Raises what it raises."""
        device: object = self._device
        if device is None:
            clocks_mhz = with_chip_clock(self._options.chip_mhz, chip, mhz)
            self._options = replace(self._options, chip_mhz=clocks_mhz)
        if not isinstance(device, SetsChipClock):
            return None
        async with asyncio.timeout(self._services.timing.order_s):
            return await device.set_chip_frequency(chip, mhz)

    async def set_voltage(self, core_mv: int) -> None:
        """Pass the order on, unless no driver is in charge. Raises what it raises."""
        device: object = self._device
        if device is None:
            self._options = replace(self._options, core_mv=core_mv)
        if isinstance(device, SetsVoltage):
            async with asyncio.timeout(self._services.timing.order_s):
                await device.set_voltage(core_mv)

    async def set_fan(self, percent: int) -> None:
        """Pass the order on, unless no driver is in charge. Raises what it raises."""
        device: object = self._device
        if isinstance(device, SetsFan):
            async with asyncio.timeout(self._services.timing.order_s):
                await device.set_fan(percent)

    @property
    def device_id(self) -> int:
        return self._device_id

    @property
    def clock(self) -> Clock:
        return self._services.clock

    @property
    def random(self) -> random.Random:
        return self._services.random

    def next_work(self, *, versions: int = 1, chip_rolls: bool = False) -> WorkItem | None:
        if self._is_over:
            return None
        item = self._services.work.next_work(self._device_id, versions, chip_rolls=chip_rolls)
        has_work = item is not None
        if has_work is not self._has_work:
            self._has_work = has_work
            self._expect()
        return item

    async def work_changed(self) -> None:
        await self._services.work.work_changed(self._device_id)

    def nonce_found(self, nonce: NonceFound) -> bool:
        assert nonce.device_id == self._device_id, nonce
        report, scale = self.last_report, self._options.scale
        ticket = report.ticket_difficulty if report is not None else scale
        right = self._services.nonces.nonce_found(nonce, ticket, scale)
        if right and self._watch is not None:
            self.found_any = True
            self.sick_words = ""
            self._watch.found(self.clock.monotonic())
        return right

    def report(self, report: DeviceReport) -> None:
        if self._is_over:
            return
        self.last_report = report
        if self._watch is None and report.chips:
            self.brought_up_s = self.clock.monotonic()
            self._watch = NonceWatch(self.brought_up_s + self._services.timing.settle_s)
            chips = "1 chip" if len(report.chips) == 1 else f"{len(report.chips)} chips"
            log.info(
                "device %d: %s is up: %s at %g MHz",
                self._device_id,
                self.name,
                chips,
                report.frequency_mhz,
            )
        self._expect()
        self._services.chores.nudge()

    def _expect(self) -> None:
        if self._watch is not None and self.last_report is not None:
            rate_hs = self.last_report.nominal_hs if self._has_work else 0.0
            ticket = self.last_report.ticket_difficulty
            self._watch.set_rate(rate_hs, ticket, self.clock.monotonic())

    async def _drive(self, driver: DriverSpec, url: str) -> None:
        transport = await self._services.open_transport(url, self._options.model.baudrate)
        self._transport = transport
        open_s = self._services.timing.open_s
        try:
            options = self._options
            try:
                async with asyncio.timeout(open_s):
                    self._device = await driver.open(transport, options)
            except TimeoutError as exc:
                raise DeviceFault(str(exc) or f"no answer within {open_s:g} s") from exc
            if self._options != options:
                self.interrupt()  # orders came meanwhile: begin anew with them
                return
            await self._device.run(self)
            raise DeviceFault("its driver ended unasked")
        finally:
            self._device = None
            await transport.close()

    async def _stop(self, running: "asyncio.Task[None]") -> None:
        """End the driver: let it quieten its chips, else take its port away, else leave it."""
        timing = self._services.timing
        if not running.done():
            self._is_stopped = True
            running.cancel()
            await asyncio.wait({running}, timeout=timing.quiet_s)
        if not running.done() and self._transport is not None:
            self._leave(asyncio.create_task(self._transport.close()))
            await asyncio.wait({running}, timeout=timing.force_s)
        if not running.done():
            log.error("device %d: %s: its driver does not stop", self._device_id, self.name)
        self._leave(running)

    def _leave(self, task: "asyncio.Task[None]") -> None:
        """Await a task no longer, but take note of how it ends."""
        _left_behind.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: "asyncio.Task[None]") -> None:
        _left_behind.discard(task)
        exc = None if task.cancelled() else task.exception()
        if exc is not None and self._is_stopped and not isinstance(exc, LuxminerError):
            log.error(
                "device %d: %s did not stop cleanly", self._device_id, self.name, exc_info=exc
            )


_left_behind: set["asyncio.Task[None]"] = set()
"""Tasks that nobody awaits any more; held so that they are not collected under way."""


def _ending(running: "asyncio.Task[None]") -> BaseException:
    """Return what ended a driver; out of a group the exception that tells most."""
    if running.cancelled():
        return DeviceFault("its driver gave up without a reason")
    exc = running.exception()
    assert exc is not None, "a driver ends with an exception"
    if isinstance(exc, BaseExceptionGroup):
        for kind in (TransportClosed, ProbeMismatch, LuxminerError):
            leaf: BaseException | None = exc.subgroup(kind)
            while isinstance(leaf, BaseExceptionGroup):
                leaf = leaf.exceptions[0]
            if leaf is not None:
                return leaf
    return exc
