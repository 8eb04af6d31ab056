"""Keeps one stick running: brings it up, backs off when it fails, and starts it anew.

::

    absent -> initialising -> alive <-> sick -> pause after a failure, then initialising again
      ^----------- unplugged ----------/

Each start is a reset of the chips behind a port opened anew, which sets up the bridge from the
beginning. Every fifth failure in a row the hub resets the device; after more than ten the stick is
given up for longer pauses, and says what it most likely suffers from. Being plugged in again, or a
reset by its owner, starts from the beginning.

Nothing that a stick or its driver does ends the supervisor.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from luxminer.device.assignment import Assignment
from luxminer.device.contract import DeviceReport
from luxminer.device.health import LOWER_AFTER, backoff_s, likely_cause, lower_limit
from luxminer.device.heat import Heat
from luxminer.device.identity import Sighting, describe
from luxminer.device.illness import IllnessLog
from luxminer.device.orders import Orders
from luxminer.device.preference import address_of
from luxminer.device.session import Services, Session
from luxminer.device.state import DeviceState, add_reports
from luxminer.errors import (
    CommandError,
    LuxminerError,
    Overheated,
    PortProblem,
    PortUnusable,
    ProbeMismatch,
    TransportClosed,
)
from luxminer.logs import RateLimit
from luxminer.telemetry.model import DeviceStatus, Illness
from luxminer.transport.ports import is_url

__all__ = ["DeviceSupervisor"]

log = logging.getLogger(__name__)

USB_RESET_EVERY = 5
"""Failures in a row after which the hub resets the device, and again after as many.

Ref: docs/sources.md, "Sticks" (reset and give-up of cgminer).
"""

GIVE_UP_AFTER = 10
"""More failures in a row than this, and the stick is tried seldom. Same source."""

USB_RESET_S = 10.0
"""A USB reset takes a second or two, and makes the port vanish for as long."""

PATIENCE_S = 300.0
"""A warning of one kind about a stick is repeated after this time at the earliest."""


@dataclass(slots=True)
class _Known:
    """What is remembered of one stick as long as it is known to be the same."""

    chips: int = 0
    """The most that it had."""


class DeviceSupervisor:
    """Owns one stick. `run` is its task; everything else is called from the same loop.

    Orders for clock and core voltage are a part of it, see `Orders`.

    ``forget`` asks for a port to be reported again at the next look, if it is still there.
    """

    def __init__(
        self,
        device_id: int,
        name_id: int,
        assignment: Assignment,
        services: Services,
        forget: Callable[[str], None],
    ) -> None:
        self.id = device_id
        self.name_id = name_id
        self.assignment = assignment
        self.enabled = assignment.enabled
        self.path = ""
        self.usb_path = ""
        self._services = services
        self._timing = services.timing
        self._forget = forget
        self._sighting: Sighting | None = None
        self._session: Session | None = None
        self._wake = asyncio.Event()
        self._problem = ""
        self._is_unreachable = False
        self._was_up = False
        self._was_there = False
        self._was_open = False
        self._totals: DeviceReport | None = None
        self.orders = Orders(assignment.options, lambda: self._running, self._lift_limit)
        self._limit_mhz: float | None = None
        self._known = _Known()
        self._seen_s = 0.0
        self._retry_at_s = 0.0
        self._usb_reset_s = float("-inf")
        self._failures = 0
        self._attempts = 0
        self._faults = 0
        self._resets = 0
        self._gone_wall_s: float | None = None
        self._warnings = RateLimit(PATIENCE_S)
        self._illness = IllnessLog()
        self._is_throttled = False

    @property
    def is_claimed(self) -> bool:
        """Stands for something that is plugged in."""
        return self._sighting is not None

    @property
    def _running(self) -> Session | None:
        """The session, unless it is only being brought to an end."""
        session = self._session
        return None if session is None or session.is_ending else session

    @property
    def is_present(self) -> bool:
        """The stick is there; a URL alone says nothing about what is behind it."""
        running = self._running
        connected = running is not None and running.is_connected
        return self.is_claimed and (connected or not self._is_unreachable)

    @property
    def was_there(self) -> bool:
        """Has stood for something at least once."""
        return self._was_there

    @property
    def serial(self) -> str:
        return self.assignment.serial

    @property
    def name(self) -> str:
        return describe(self.serial, self.path)

    @property
    def _unplugged(self) -> str:
        if is_url(self.path):
            return "connection closed; look at the program that serves it"
        return "unplugged; plug it in again"

    @property
    def status(self) -> DeviceStatus:
        running = self._running
        if running is not None and running.brought_up_s is not None:
            return DeviceStatus.SICK if running.sick_words else DeviceStatus.ALIVE
        waits = self._services.clock.monotonic() < self._retry_at_s and running is None
        if self.is_claimed and not (self.enabled and waits):
            return DeviceStatus.INITIALISING
        lost = self._was_up or (self._was_there and not self.is_claimed)
        return DeviceStatus.DEAD if lost else DeviceStatus.NO_START

    @property
    def problem(self) -> str:
        running = self._running
        if running is not None and running.brought_up_s is not None:
            report = running.last_report
            words = running.sick_words or (report.problem if report is not None else "")
            return f"{self.name}: {words}" if words else ""
        if self.is_claimed and not self.enabled:
            return f"{self.name}: switched off by its owner; enable it to mine"
        if self.is_claimed and (words := self._services.rests(self.id)):
            return f"{self.name}: {words}"
        return self._problem or f"{self.name}: being brought up"

    @property
    def nominal_hs(self) -> float:
        """Rate that its driver expects; 0 while there is none in charge."""
        report = self._session.last_report if self._session is not None else None
        return report.nominal_hs if report is not None else 0.0

    @property
    def heat(self) -> Heat:
        """What its sensor and its fan say."""
        running = self._running
        report = running.last_report if running is not None else None
        if running is None or running.brought_up_s is None or report is None:
            return Heat()
        return Heat(True, report.temperature_c, report.fan_percent, report.fan_rpm)

    def state(self, identity: str) -> DeviceState:
        """Return the row of the stick, under the lasting name that its manager gives it."""
        model = self.assignment.model
        session, running = self._session, self._running
        report = self._totals
        if session is not None and session.last_report is not None:
            report = add_reports(self._totals, session.last_report)
        return DeviceState(
            id=self.id,
            name_id=self.name_id,
            identity=identity,
            code=model.code,
            model=model.title,
            driver=self.assignment.match.driver.name,
            chip=model.chip,
            serial=self.serial,
            path=self.path,
            usb_path=self.usb_path,
            status=self.status,
            problem=self.problem,
            enabled=self.enabled,
            present=self.is_present,
            scale=self.assignment.options.scale,
            min_mhz=model.min_mhz,
            max_mhz=model.max_mhz,
            step_mhz=model.step_mhz,
            default_mhz=self.assignment.options.frequency_mhz,
            target_mhz=self.orders.wishes.target_mhz,
            core=model.core,
            target_core_mv=self.orders.wishes.target_core_mv,
            has_order=self.orders.wishes.has_order,
            orders=self.orders.count,
            trial=self.orders.wishes.trial,
            report=report,
            brought_up_s=running.brought_up_s if running is not None else None,
            gone_wall_s=self._gone_wall_s,
            was_open=self._was_open or (running is not None and running.is_connected),
            attempts=self._attempts,
            faults=self._faults,
            resets=self._resets,
            illness=self._illness.snapshot(),
            chips=model.chips,
            hashes_per_clock=model.hashes_per_clock,
            joules_per_gh=model.joules_per_gh,
        )

    def await_port(self, port: str, problem: str) -> None:
        """Take note of a configured port that is not there yet."""
        self.path = port
        self._problem = problem

    def seen(self, assignment: Assignment, sighting: Sighting, *, again: bool) -> None:
        """Take charge of a port. ``again`` says that it was there all the time."""
        if assignment.index != self.assignment.index:
            self.enabled = assignment.enabled
        if not self._is_same(assignment, again=again):
            self._known = _Known()
        self.assignment = assignment
        self.orders.take(assignment.options)
        self.path = sighting.url
        self.usb_path = sighting.usb.usb_path if sighting.usb is not None else ""
        self._sighting = sighting
        self._was_there = True
        self._gone_wall_s = None
        if not again:
            self._problem = ""
            self._seen_s = self._services.clock.monotonic()
            log.info("device %d: %s: found, %s", self.id, self.name, assignment.model.title)
        self._poke()

    def _is_same(self, assignment: Assignment, *, again: bool) -> bool:
        """Tell whether this is still the same stick; without a serial number a new one is not."""
        if assignment.model.name != self.assignment.model.name:
            return False
        return assignment.serial == self.serial and (again or bool(self.serial))

    def vanished(self) -> None:
        """Take note that the port is gone, whether or not reading it has said so already."""
        now_s = self._services.clock.monotonic()
        if now_s - self._usb_reset_s > USB_RESET_S:
            self._failures = 0
            self._limit_mhz = None
            self._retry_at_s = 0.0
        if self._sighting is not None:
            self._lose(self._unplugged)
        self._poke()

    def set_enabled(self, wish: bool) -> bool:
        """Record the owner's wish; False when it was that already."""
        if self.enabled == wish:
            return False
        self.enabled = wish
        self._retry_at_s = 0.0
        self._poke()
        return True

    async def set_fan(self, percent: int) -> None:
        """Set its own fan until its next start. Raises CommandError: ``failed``."""
        running = self._running
        if running is not None:
            try:
                await running.set_fan(percent)
            except (LuxminerError, TimeoutError) as exc:
                reason = str(exc) or "it did not take it in time"
                raise CommandError("failed", f"{self.name}: fan: {reason}") from exc

    def look_at_rest(self) -> None:
        """Stop when it is to rest, and start when it is no longer."""
        if self._services.rests(self.id):
            self._poke()
        elif self._session is None:
            self._wake.set()

    def reset(self) -> None:
        """Start the stick anew, without a pause. Raises CommandError: ``not-present``."""
        if self._sighting is None:
            raise CommandError("not-present", f"{self.name} is not plugged in")
        self._resets += 1
        self._failures = 0
        self._limit_mhz = None
        self._retry_at_s = 0.0
        self._poke()

    def check(self, now_s: float) -> None:
        """Judge a stick that is up by what it should have found by now."""
        running = self._running
        if running is not None:
            was_sick, wall_s = bool(running.sick_words), self._services.clock.wall()
            running.check(now_s)
            if running.sick_words:
                self._warn("sick", f"{self.name}: {running.sick_words}")
                if not was_sick:
                    self._illness.note(Illness.SICK_IDLE, wall_s)
            report = running.last_report
            is_throttled = report is not None and report.limit_mhz is not None
            if is_throttled and not self._is_throttled:
                self._illness.note(Illness.THROTTLE, wall_s)
            self._is_throttled = is_throttled

    async def run(self) -> None:
        """Keep the stick running until cancelled; leaves it quiet and its port closed."""
        while True:
            self._wake.clear()
            if self._sighting is None or not self.enabled or self._services.rests(self.id):
                await self._wake.wait()
                continue
            pause_s = self._retry_at_s - self._services.clock.monotonic()
            if pause_s > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
                continue
            await self._run_once(self._sighting)

    async def _run_once(self, sighting: Sighting) -> None:
        """Run the stick until it fails or somebody interrupts."""
        self._attempts += 1
        await self._reset_usb_when_due(sighting)
        if self._sighting is not sighting or self._services.rests(self.id):
            return
        options = replace(
            self.assignment.options,
            frequency_mhz=self.orders.wishes.clock_mhz,
            core_mv=self.orders.wishes.core_mv,
            chip_mhz=self.orders.chip_mhz,
            limit_mhz=self._limit_mhz,
            chips_before=self._known.chips,
        )
        known = self._known  # another stick may take its place before this one has ended
        session = self._session = Session(self.id, self.name, options, self._services)
        try:
            ending = await session.run(self.assignment.match.driver, address_of(sighting))
        finally:
            self._session = None
            await self.orders.end()
            self._was_open |= session.is_connected
            if session.last_report is not None:
                self._limit_mhz = session.last_report.limit_mhz
                known.chips = max(known.chips, len(session.last_report.chips))
                self._totals = add_reports(self._totals, session.last_report)
        now_s = self._services.clock.monotonic()
        if session.is_connected:
            self._is_unreachable = False
        if session.brought_up_s is not None:
            self._was_up = True
            if self._sighting is sighting:
                self._problem = ""
            if session.found_any and now_s - session.brought_up_s >= self._timing.stable_s:
                self._failures = 0
        if ending is not None and self._sighting is sighting:
            came_up, silent = session.brought_up_s is not None, bool(session.sick_words)
            if self._failed(ending, sighting, now_s, came_up=came_up):
                wall_s = self._services.clock.wall()
                self._illness.failed(ending, wall_s, came_up=came_up, silent=silent)

    def _failed(
        self, exc: BaseException, sighting: Sighting, now_s: float, *, came_up: bool
    ) -> bool:
        """Record why a session ended, and when to try again; False when that is soon and usual."""
        if isinstance(exc, TransportClosed):
            self._failures += 1
            # The first time it is most likely a replug, which must not wait.
            self._retry_at_s = now_s + (self._backoff_s(-1) if self._failures > 1 else 0.0)
            self._forget(sighting.url)
            self._lose(self._unplugged)
            return True
        denied = isinstance(exc, PortUnusable) and exc.problem is PortProblem.DENIED
        if denied and now_s - self._seen_s < self._timing.udev_s:
            self._retry_at_s = now_s + self._timing.udev_retry_s
            return False
        self._faults += 1
        is_hot = isinstance(exc, Overheated)
        if is_hot:  # only time helps, so this is no step on the ladder
            pause_s = self._timing.retry_max_s
        else:
            self._failures += 1
            pause_s = self._backoff_s()
        if isinstance(exc, PortUnusable):
            reason = f"{exc.reason}; {exc.cure}"
            self._is_unreachable = exc.problem is PortProblem.UNREACHABLE
        elif isinstance(exc, ProbeMismatch):
            pause_s = self._timing.quarantine_s
            title = self.assignment.model.title
            reason = f"{exc}; if it is no {title}, correct its model in the configuration"
            reason, pause_s = self._told_for_good(exc, reason, pause_s, came_up=came_up)
        elif isinstance(exc, LuxminerError):
            self._resets += 1
            reason, pause_s = self._told_for_good(exc, str(exc), pause_s, came_up=came_up)
            if came_up and (is_hot or self._failures >= LOWER_AFTER):
                min_mhz = self.assignment.model.min_mhz
                self._limit_mhz = lower_limit(
                    self._limit_mhz, self.orders.wishes.clock_mhz, min_mhz
                )
        else:
            self._resets += 1
            reason = f"error in driver {self.assignment.match.driver.name}: {exc!r}"
            log.error("device %d: %s: %s", self.id, self.name, reason, exc_info=exc)
        self._retry_at_s = now_s + pause_s
        if isinstance(exc, PortUnusable) and exc.problem is PortProblem.MISSING:
            self._forget(sighting.url)
            self._lose(reason)
            return True
        self._problem = f"{self.name}: {reason}"
        self._warn(type(exc).__name__, f"{self._problem}; next try in {pause_s:.1f} s")
        return True

    def _told_for_good(
        self, exc: BaseException, reason: str, pause_s: float, *, came_up: bool
    ) -> tuple[str, float]:
        """Return reason and pause, with the likely cause when the ladder has not helped so far."""
        if self._failures < USB_RESET_EVERY or isinstance(exc, Overheated):
            return reason, pause_s
        reason += f"; failed {self._failures} times in a row, so most likely it is "
        reason += likely_cause(exc, came_up=came_up)
        if self._failures <= GIVE_UP_AFTER:
            return reason, pause_s
        reason += "; given up: it is tried seldom now, unless it is plugged in again or reset"
        return reason, self._timing.give_up_s

    def _lift_limit(self) -> None:
        self._limit_mhz = None

    def _backoff_s(self, offset: int = 0) -> float:
        return backoff_s(self._failures + offset, self._timing, self._services.random)

    def _lose(self, reason: str) -> None:
        self._sighting = None
        self._problem = f"{self.name}: {reason}"
        self._gone_wall_s = self._services.clock.wall()
        self._warn("lost", self._problem)

    def _poke(self) -> None:
        """Wake the task; end a session under way."""
        self._wake.set()
        if self._session is not None:
            self._session.interrupt()

    async def _reset_usb_when_due(self, sighting: Sighting) -> None:
        """Let the hub reset a stick that keeps failing; what comes of it is only logged."""
        if sighting.usb is None or not self._failures or self._failures % USB_RESET_EVERY:
            return
        self._usb_reset_s = self._services.clock.monotonic()
        log.warning("device %d: %s keeps failing: resetting it on USB", self.id, self.name)
        try:
            async with asyncio.timeout(USB_RESET_S):
                await asyncio.to_thread(self._services.reset_usb, sighting.usb.usb_path)
        except (OSError, TimeoutError) as exc:
            log.warning("device %d: USB reset of %s failed: %s", self.id, self.name, exc)

    def _warn(self, kind: str, text: str) -> None:
        """Log a warning; ``kind`` is one of few words, as one is remembered for each."""
        held = self._warnings.admit(kind, self._services.clock.monotonic())
        if held is not None:
            more = f" ({held} more of the kind since the last such line)" if held else ""
            log.warning("device %d: %s%s", self.id, text, more)
