"""All sticks: finds them, gives each its lasting number and a supervisor, passes on orders.

A stick keeps its row and its numbers when it is pulled. It is known again by its serial number, and
where it has none by the place where it is plugged in.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from luxminer.clock import Chores, Clock
from luxminer.config.schema import Config
from luxminer.device.assignment import Assigner, Assignment
from luxminer.device.contract import Probe
from luxminer.device.health import Timing
from luxminer.device.heat import Heat
from luxminer.device.hotplug import HotplugWatcher, PortChange
from luxminer.device.identity import Sighting, describe
from luxminer.device.preference import address_of, needs_of
from luxminer.device.registry import DriverRecord
from luxminer.device.session import NonceSink, Services, WorkSource
from luxminer.device.state import DeviceState
from luxminer.device.supervisor import DeviceSupervisor
from luxminer.device.uevents import Uevents
from luxminer.device.usb import UsbBus
from luxminer.device.wishes import Wish
from luxminer.errors import CommandError, ConfigError, LuxminerError
from luxminer.transport.base import Transport
from luxminer.transport.opening import open_port

__all__ = ["MAX_DEVICES", "DeviceManager"]

log = logging.getLogger(__name__)

MAX_DEVICES = 256
"""Rows in the life of the process; a device that comes back under ever new names ends here."""


MIN_INTERVAL_S = 0.2
"""Between two looks at USB."""

PROBE_S = 60.0
"""For finding out what is behind a bridge without a name."""


class DeviceManager:
    """Owns the supervisors. Raises ConfigError at once for settings that can never be used."""

    def __init__(
        self,
        config: Config,
        drivers: Sequence[DriverRecord],
        *,
        clock: Clock,
        rng: random.Random,
        work: WorkSource,
        nonces: NonceSink,
        bus: UsbBus | None = None,
        open_transport: Callable[[str, int], Awaitable[Transport]] = open_port,
        timing: Timing | None = None,
        profile: Callable[[DeviceState], Wish] = lambda _: Wish(),
        chores: Chores | None = None,
        rests: Callable[[int], str] = lambda _: "",
    ) -> None:
        """``profile`` is asked what the profile says each time that a stick appears.

        ``rests`` is asked why a stick is to rest, see `look_at_rests`.
        """
        self._config = config
        self._profile = profile
        self._assigner = Assigner(config, drivers)
        self._bus = bus or UsbBus(events=Uevents())
        self._watcher = HotplugWatcher(
            self._assigner.ports, self._bus, partial(needs_of, tuple(drivers))
        )
        self._services = Services(
            clock=clock,
            random=rng,
            work=work,
            nonces=nonces,
            open_transport=open_transport,
            reset_usb=self._bus.reset,
            timing=timing or Timing(),
            chores=chores or Chores(),
            rests=rests,
        )
        self._rows: list[DeviceSupervisor] = []
        self._by_url: dict[str, DeviceSupervisor] = {}
        self._refused: dict[str, str] = {}
        self._twins: set[str] = set()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Look for sticks and keep them running until cancelled.

        When it ends, all sticks are quiet and their ports closed, within some 1.5 s.
        """
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._services.chores.add(self._check)
            try:
                await self._watcher.watch(self._config.mining.detect_interval_s, self._take)
            finally:
                self._services.chores.remove(self._check)

    def device_states(self) -> tuple[DeviceState, ...]:
        """Return the rows by number."""
        serials = Counter(row.serial for row in self._rows)
        return tuple(
            row.state(_identity(row, is_shared=serials[row.serial] > 1)) for row in self._rows
        )

    def identity(self, device_id: int) -> str:
        """Return the lasting name of a stick, empty for one that is not known."""
        if device_id >= len(self._rows):
            return ""
        row = self._rows[device_id]
        twins = sum(other.serial == row.serial for other in self._rows)
        return _identity(row, is_shared=twins > 1)

    def nominal_hs(self, device_id: int) -> float:
        """Return the rate that a stick should do now; 0 when it is not up, or not known."""
        return self._rows[device_id].nominal_hs if device_id < len(self._rows) else 0.0

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong beyond the rows, each with its cure."""
        found = list(self._refused.values())
        shown = {row.assignment.index for row in self._rows}
        found += [self._no_port(n) for n in self._watcher.missing if n not in shown]
        if not self._rows and not found:
            found.append("no stick found; plug one in, or see `luxminer devices`")
        return tuple(found)

    async def enable(self, device_id: int) -> bool:
        """Mine with a stick again; False when it was enabled. Raises CommandError."""
        return self._row(device_id).set_enabled(True)

    async def disable(self, device_id: int) -> bool:
        """Let a stick rest; False when it was disabled. Raises CommandError."""
        return self._row(device_id).set_enabled(False)

    async def set_frequency(self, device_id: int, mhz: float) -> float:
        """Set the target clock; return the clock really given, in MHz.

        Raises CommandError: ``unknown-device``, ``out-of-range``, ``failed``.
        """
        return await self._row(device_id).orders.set_frequency(mhz)

    async def set_chip_frequency(self, device_id: int, chip: int, mhz: float) -> float:
        """Set the clock of one chip, 0 for that of its stick; return the one really given, in MHz.

        Raises CommandError: ``unknown-device``, ``unsupported``, ``unknown-chip``,
        ``out-of-range``, ``failed``.
        """
        return await self._row(device_id).orders.set_chip_frequency(chip, mhz)

    async def set_voltage(self, device_id: int, core_mv: int | None) -> None:
        """Set the core voltage of the chips; None for the default of the model.

        Raises CommandError: ``unknown-device``, ``unsupported``, ``out-of-range``, ``failed``.
        """
        await self._row(device_id).orders.set_voltage(core_mv)

    async def set_profile(self, device_id: int, wish: Wish, *, keep_order: bool = False) -> None:
        """Set what the profile says for a stick, in place of orders unless they are kept.

        Raises CommandError: ``unknown-device``, ``failed``.
        """
        await self._row(device_id).orders.set_profile(wish, keep_order=keep_order)

    async def try_out(self, device_id: int, wish: Wish, orders: int) -> float:
        """Run a stick at something else than its target, unless there were more orders than that.

        Returns the clock really given, in MHz. Raises CommandError: ``unknown-device``,
        ``superseded``, ``out-of-range``, ``failed``.
        """
        return await self._row(device_id).orders.try_out(wish, orders)

    async def end_trial(self, device_id: int) -> None:
        """Let a stick go back to its target.

        Raises CommandError: ``unknown-device``, ``failed``.
        """
        await self._row(device_id).orders.end_trial()

    async def set_heat(self, device_id: int, mhz: float | None) -> None:
        """Run a stick at a clock for the temperature's sake, None at what is wished.

        Raises CommandError: ``unknown-device``, ``failed``.
        """
        await self._row(device_id).orders.set_heat(mhz)

    def set_hotplug(self, interval_s: float) -> None:
        """Look for sticks so often; 0 takes none but those that are listed as devices."""
        self._assigner.detects = interval_s > 0
        if interval_s > 0:
            self._watcher.look_every(max(interval_s, MIN_INTERVAL_S))

    def look_at_rests(self) -> None:
        """Stop sticks that are to rest, and start those that are no longer."""
        for row in self._rows:
            row.look_at_rest()

    def heats(self) -> list[Heat]:
        """Return what each stick says of its temperature and its fan, by number."""
        return [row.heat for row in self._rows]

    async def set_fan(self, device_id: int, percent: int) -> None:
        """Set a stick's own fan until its next start; nothing without one.

        Raises CommandError: ``unknown-device``, ``failed``.
        """
        await self._row(device_id).set_fan(percent)

    async def reset(self, device_id: int) -> None:
        """Start a stick anew. Raises CommandError: ``unknown-device``, ``not-present``."""
        self._row(device_id).reset()

    def _row(self, device_id: int) -> DeviceSupervisor:
        if not 0 <= device_id < len(self._rows):
            last = len(self._rows) - 1
            known = f"known: 0 to {last}" if self._rows else "no stick was ever seen"
            raise CommandError("unknown-device", f"no device {device_id}; {known}")
        return self._rows[device_id]

    def _check(self) -> None:
        now_s = self._services.clock.monotonic()
        for row in self._rows:
            row.check(now_s)

    def _take(self, changes: Sequence[PortChange]) -> None:
        for change in changes:
            url = change.sighting.url
            if change.appeared:
                self._appeared(change.sighting, again=change.again)
            else:
                self._refused.pop(url, None)
                row = self._by_url.pop(url, None)
                if row is not None:
                    row.vanished()
        if changes or not self._rows:
            self._await_missing()

    def _appeared(self, sighting: Sighting, *, again: bool) -> None:
        try:
            assignment = self._assigner.assign(sighting)
        except ConfigError as exc:
            self._refuse(sighting.url, str(exc))
            return
        if assignment is None:
            probe = self._assigner.probe_for(sighting)
            if probe is not None:
                assert self._tasks is not None, "looked at while running"
                self._tasks.create_task(self._ask(probe, sighting), name=f"ask {sighting.url}")
            return
        row = self._find(assignment, sighting) or self._new_row(assignment)
        if row is None:
            self._refuse(
                sighting.url, f"{MAX_DEVICES} sticks were seen already; restart the service"
            )
            return
        self._by_url[sighting.url] = row
        row.seen(assignment, sighting, again=again)
        row.orders.expect_profile(self._profile(self.device_states()[row.id]))
        self._warn_of_twins(row)

    async def _ask(self, probe: Probe, sighting: Sighting) -> None:
        """Find out what is behind a bridge without a name; each is asked once."""
        self._assigner.answered(sighting, "")
        log.info("%s has no name: asking it whether it is a stick", sighting.url)
        try:
            async with asyncio.timeout(PROBE_S):
                name = await self._answer(probe, sighting)
        except (LuxminerError, TimeoutError) as exc:
            log.warning("%s could not be asked: %s", sighting.url, str(exc) or "it took too long")
            return
        except Exception:
            log.exception("%s could not be asked: error in its driver", sighting.url)
            return
        if not name:
            log.info("%s has not answered as a stick does: it is left alone", sighting.url)
            return
        self._assigner.answered(sighting, name)
        self._watcher.forget(sighting.url)

    async def _answer(self, probe: Probe, sighting: Sighting) -> str:
        # udev gives a new tty its group a moment after it appeared.
        await asyncio.sleep(self._services.timing.udev_s)
        transport = await self._services.open_transport(address_of(sighting), probe.baudrate)
        try:
            return await probe.ask(transport)
        finally:
            await transport.close()

    def _refuse(self, url: str, reason: str) -> None:
        self._refused[url] = f"{url} is left alone: {reason}"
        log.error("%s", self._refused[url])

    def _find(self, assignment: Assignment, sighting: Sighting) -> DeviceSupervisor | None:
        """Return the row of a stick that was there before, or that waits for it."""
        place = sighting.usb.usb_path if sighting.usb is not None else sighting.url
        free = [
            row
            for row in self._rows
            if not row.is_claimed and row.assignment.model.code == assignment.model.code
        ]
        known = [row for row in free if row.was_there and row.serial == assignment.serial]
        same_place = [row for row in known if (row.usb_path or row.path) == place]
        if same_place:
            return same_place[0]
        if assignment.serial and known:
            return known[0]
        for row in free:
            awaited = not row.was_there and row.assignment.index is not None
            if awaited and row.assignment.index == assignment.index:
                return row
        return None

    def _new_row(self, assignment: Assignment) -> DeviceSupervisor | None:
        if len(self._rows) >= MAX_DEVICES:
            return None
        assert self._tasks is not None, "rows are made while running"
        code = assignment.model.code
        row = DeviceSupervisor(
            device_id=len(self._rows),
            name_id=sum(other.assignment.model.code == code for other in self._rows),
            assignment=assignment,
            services=self._services,
            forget=self._watcher.forget,
        )
        self._rows.append(row)
        self._tasks.create_task(row.run(), name=f"supervisor {row.id}")
        return row

    def _await_missing(self) -> None:
        """Make rows for configured ports that are not there, so that they are seen missing."""
        shown = {row.assignment.index for row in self._rows}
        for index in self._watcher.missing:
            assignment = self._assigner.awaited(index) if index not in shown else None
            row = self._new_row(assignment) if assignment is not None else None
            if row is not None:
                problem = self._no_port(index)
                log.warning("device %d: %s", row.id, problem)
                row.await_port(self._config.devices[index].port, problem)

    def _no_port(self, index: int) -> str:
        settings = self._config.devices[index]
        return (
            f"{describe(settings.serial, settings.port)}: no such port; plug the stick in or "
            f"correct devices[{index}].port"
        )

    def _warn_of_twins(self, row: DeviceSupervisor) -> None:
        twins = [other for other in self._rows if other.is_claimed and other.serial == row.serial]
        if row.serial and len(twins) > 1 and row.serial not in self._twins:
            self._twins.add(row.serial)
            places = " and ".join(other.usb_path or other.path for other in twins)
            log.warning(
                "two sticks say that their serial number is %s (at %s): they are told apart by "
                "their places; name each by its port to give them different settings",
                row.serial,
                places,
            )


def _identity(row: DeviceSupervisor, *, is_shared: bool) -> str:
    place = row.usb_path or row.path
    if not row.serial:
        return place
    return f"{row.serial}@{place}" if is_shared else row.serial
