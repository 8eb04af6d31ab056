"""Owns what temperatures, fans, lights and sleep come to; looks at them every few seconds.

It sees what sticks measure, else the processor of the machine, and gives orders that leave those
of the owner alone. Where nothing has a sensor and no fan is there, a look is one comparison.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from luxminer.clock import Chores, Clock
from luxminer.config.schema import Config
from luxminer.control import CommandBus, Curtail, Heat, SetHeat, SetLed
from luxminer.device.heat import Heat as StickHeat
from luxminer.device.state import DeviceState
from luxminer.errors import CommandError, ConfigError
from luxminer.telemetry.events import EventKind, EventLog
from luxminer.telemetry.model import FanSnapshot, HostSnapshot, ThermalSnapshot
from luxminer.thermal import events as kinds
from luxminer.thermal.atm import Atm, clock_at
from luxminer.thermal.guard import Guard
from luxminer.thermal.memory import Memory, load, save
from luxminer.thermal.settings import check_settings

if TYPE_CHECKING:
    from luxminer.thermal.fan import PwmFan
    from luxminer.thermal.leds import Leds

__all__ = ["LOOK_S", "Host", "Sticks", "ThermalManager"]

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Between two looks."""

WRITE_S = 2.0
"""For a state that somebody waits for to be on the disk."""

STOPPED_LOOKS = 3
"""Looks in a row at which a fan that should turn does not."""


class Sticks(Protocol):
    """The device manager, as far as it is needed."""

    def device_states(self) -> tuple[DeviceState, ...]: ...
    def heats(self) -> list[StickHeat]: ...
    def look_at_rests(self) -> None: ...
    async def set_fan(self, device_id: int, percent: int) -> None: ...
    async def set_heat(self, device_id: int, mhz: float | None) -> None: ...


class Host(Protocol):
    """Who knows the machine."""

    def snapshot(self) -> HostSnapshot: ...


class OwnerProfile(Protocol):
    """The profile that the owner has set for all sticks; None is each at its own result."""

    step: int | None


class ThermalManager:
    """The owner of all that, with settings that were checked. ``root`` is where sysfs lies.

    Raises ConfigError for a fan that is not there.
    """

    def __init__(
        self,
        config: Config,
        *,
        sticks: Sticks,
        host: Host,
        clock: Clock,
        profile: OwnerProfile,
        log_of_events: EventLog,
        bus: CommandBus,
        chores: Chores,
        state_dir: Path | None,
        root: Path = Path("/"),
    ) -> None:
        self._limits, self._fan_config, self._atm_config = config.thermal, config.fan, config.atm
        self._survives = config.curtail.survives_restart
        self._sticks = sticks
        self._host = host
        self._clock = clock
        self._profile = profile
        self._events = log_of_events
        self._chores = chores
        self._state_dir = state_dir
        self._root = root
        self._fan = self._fan_of(config.fan.device)
        self._leds: Leds | None = None
        self._atm = Atm(clock.monotonic())
        self._guards: dict[int, Guard] = {}
        self._told: dict[int, float | None] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_asleep = False
        self._is_panic = False
        self._stopped_looks = 0
        self._due_s = 0.0
        bus.register(SetHeat, self._set)
        bus.register(Curtail, self._curtail)
        bus.register(SetLed, self._set_led)

    # Life ----------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take up what was when the service ended, and begin to look."""
        memory = Memory()
        if self._state_dir is not None:
            try:
                memory = await asyncio.to_thread(load, self._state_dir)
            except (OSError, ValueError) as exc:
                log.warning("what was asleep, or too warm, before cannot be read: %s", exc)
        self._is_asleep = memory.is_asleep and self._survives
        self._atm = Atm(self._clock.monotonic(), memory.atm_steps)
        if self._is_asleep:
            self._note_sleep()
            log.warning("sticks sleep by an order before the start; `curtail wakeup` ends it")
        self._chores.add(self._look)

    async def end(self) -> None:
        """Look no more; give fan and lights back."""
        self._chores.remove(self._look)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._fan is not None:
            self._fan.release()
        if self._leds is not None:
            self._leds.release()

    # What others ask -----------------------------------------------------------------------------

    def rest_words(self, device_id: int) -> str:
        """Return why a stick is to rest now; empty when it is not."""
        if self._is_asleep:
            return "asleep by its owner's order; `curtail` with wakeup lets it mine"
        if self._is_panic:
            return "stopped: the fan does not turn; look at it, or set fan.min_fans to 0"
        guard = self._guards.get(device_id)
        return guard.rest_words if guard is not None else ""

    def snapshot(self) -> ThermalSnapshot:
        return ThermalSnapshot(
            limits=self._limits,
            fan=self._fan_config,
            atm=self._atm_config,
            fans=self._fans(),
            is_asleep=self._is_asleep,
            atm_steps=self._atm.steps,
            leds=self._leds.states if self._leds is not None else {},
        )

    def _fans(self) -> tuple[FanSnapshot, ...]:
        """Return the machine's fan, then those on sticks."""
        found = []
        if (fan := self._fan) is not None:
            found.append(FanSnapshot(name=fan.name, speed_percent=fan.percent, rpm=fan.rpm))
        for number, heat in enumerate(self._sticks.heats()):
            if heat.fan_percent is not None:
                name, rpm = f"stick {number}", heat.fan_rpm
                found.append(FanSnapshot(name=name, speed_percent=heat.fan_percent, rpm=rpm))
        return tuple(found)

    # Looking -------------------------------------------------------------------------------------

    def _look(self) -> None:
        now_s = self._clock.monotonic()
        if now_s < self._due_s:
            return
        self._due_s = now_s + LOOK_S
        heats = self._sticks.heats()
        has_rule = self._atm_config.enabled or self._limits.min_per_board > 0
        is_known = any(heat.temperature_c is not None for heat in heats)
        if not (is_known or has_rule or self._fan or self._guards or self._told):
            return
        self._guard_all(heats, now_s)
        found = [heat.temperature_c for heat in heats if heat.temperature_c is not None]
        hottest_c = max(found, default=None)
        if hottest_c is None and (self._atm_config.enabled or self._fan is not None):
            hottest_c = self._host.snapshot().cpu_temperature_c
        self._step(hottest_c, now_s)
        if self._fan is not None:
            self._drive(self._fan, hottest_c)
        if speeds := self._stick_speeds(heats):
            self._begin("fans", self._set_stick_fans(speeds))

    def _guard_all(self, heats: list[StickHeat], now_s: float) -> None:
        rests_before = [self.rest_words(number) for number in range(len(heats))]
        limits = self._limits
        for number, heat in enumerate(heats):
            is_up, heat_c = heat.is_up, heat.temperature_c
            guard = self._guards.get(number)
            if guard is None:
                if not is_up or (heat_c is None and not limits.min_per_board):
                    continue
                guard = self._guards[number] = Guard()
            if not is_up and not guard.rest_words:
                continue
            guard.look(heat_c, now_s, limits, may_step=not self._atm_config.enabled)
            if limits.min_per_board and is_up and heat_c is None:
                guard.miss_sensor(now_s, limits)
            words = f"{heat_c:.0f} C" if heat_c is not None else "hot"
            is_warm = guard.is_hot and not guard.rest_words
            self._tell(kinds.BOARD_HIGH_TEMPERATURE, number, is_warm, f"{words}: it is hot")
            is_stopped = bool(guard.rest_words)
            self._tell(kinds.BOARD_OVERTEMP_SHUTDOWN, number, is_stopped, guard.rest_words)
        good = [number for number, guard in self._guards.items() if guard.is_for_good]
        words = f"sticks {', '.join(map(str, good))} stopped for their heat, for good"
        self._tell(kinds.OVERTEMP_PROTECTION, None, bool(good), words)
        if [self.rest_words(number) for number in range(len(heats))] != rests_before:
            self._sticks.look_at_rests()

    def _step(self, hottest_c: float | None, now_s: float) -> None:
        config = self._atm_config
        if config.enabled or self._atm.steps:
            has_changed = not self._is_asleep and self._atm.look(
                hottest_c,
                now_s,
                config,
                hot_c=self._limits.hot_c,
                owner_step=self._profile.step,
            )
            if has_changed:
                log.info(
                    "thermal management: %+d steps at %s",
                    self._atm.steps,
                    "no temperature" if hottest_c is None else f"{hottest_c:.0f} C",
                )
                self._begin("save", self._save_quietly())
        wanted = self._wanted()
        if wanted != self._told:
            self._begin("clocks", self._tell_clocks(wanted))

    def _wanted(self) -> dict[int, float | None]:
        """Return the clock of each stick that runs, or ran, at another than its owner's."""
        is_managed = self._atm_config.enabled
        if is_managed and not self._atm.steps and not self._told:
            return {}
        wanted: dict[int, float | None] = {}
        if not is_managed and not self._told and not any(g.steps for g in self._guards.values()):
            return wanted
        for state in self._sticks.device_states():
            guard = self._guards.get(state.id)
            steps = self._atm.steps if is_managed else -(guard.steps if guard is not None else 0)
            mhz = clock_at(state, steps)
            if mhz is not None or state.id in self._told:
                wanted[state.id] = mhz
        return wanted

    async def _tell_clocks(self, wanted: Mapping[int, float | None]) -> None:
        for number, mhz in wanted.items():
            if number in self._told and self._told[number] == mhz:
                continue
            self._told[number] = mhz
            words = "its owner's clock again" if mhz is None else f"{mhz:g} MHz"
            log.info("device %d: %s, for its temperature", number, words)
            try:
                await self._sticks.set_heat(number, mhz)
            except CommandError as exc:
                log.warning("device %d: takes it with its next start: %s", number, exc)

    # Fan -----------------------------------------------------------------------------------------

    def _fan_of(self, device: str) -> "PwmFan | None":
        if not device:
            return None
        from luxminer.thermal.fan import PwmFan

        return PwmFan(device, self._root)

    def _drive(self, fan: "PwmFan", hottest_c: float | None) -> None:
        from luxminer.thermal.fan import speed_at

        config = self._fan_config
        speed = speed_at(hottest_c, fan.percent, config, self._limits)
        if self._is_asleep:
            speed = config.power_off_speed
        is_taken = fan.set(speed)
        is_still = not is_taken or (fan.rpm == 0 and speed > 0)
        self._stopped_looks = self._stopped_looks + 1 if is_still else 0
        has_failed = self._stopped_looks >= STOPPED_LOOKS and not self._limits.immersion
        words = f"fan {fan.name} does not turn at {speed} %"
        self._tell(kinds.FAN_FAILURE, None, has_failed, words)
        is_panic = has_failed and config.min_fans > 0
        self._tell(kinds.FAN_PANIC, None, is_panic, f"{words}: nothing is mined")
        if is_panic is not self._is_panic:
            self._is_panic = is_panic
            self._sticks.look_at_rests()

    def _stick_speeds(self, heats: list[StickHeat]) -> dict[int, int]:
        """Return the speeds of fans on sticks that are to change, by number of the stick."""
        fans = [(n, heat, heat.fan_percent) for n, heat in enumerate(heats)]
        told = [(n, heat, percent) for n, heat, percent in fans if percent is not None]
        if not told:
            return {}
        from luxminer.thermal.fan import FULL_PERCENT, speed_at

        speeds = {}
        for number, heat, percent in told:
            speed = FULL_PERCENT
            if self._fan_config.stick_fans and not self._limits.immersion:
                speed = speed_at(heat.temperature_c, percent, self._fan_config, self._limits)
            if speed != percent:
                speeds[number] = speed
        return speeds

    async def _set_stick_fans(self, speeds: Mapping[int, int]) -> None:
        for number, percent in speeds.items():
            try:
                await self._sticks.set_fan(number, percent)
            except CommandError as exc:
                log.warning("device %d: %s", number, exc)

    # Orders --------------------------------------------------------------------------------------

    async def _set(self, order: SetHeat) -> None:
        limits, fan, atm = self._limits, self._fan_config, self._atm_config
        settings: dict[str, Any] = dict(order.settings)
        if order.section is Heat.FAN:
            fan = replace(fan, **settings)
            if self._fan is None and not (fan.stick_fans or self._fan_config.stick_fans):
                raise CommandError(
                    "no-fan", "no fan is in our charge; set fan.device, or fan.stick_fans"
                )
        elif order.section is Heat.ATM:
            atm = replace(atm, **settings)
        else:
            limits = replace(limits, **settings)
        try:
            check_settings(limits, fan, atm)
        except ConfigError as exc:
            raise CommandError("invalid", str(exc)) from exc
        if limits != self._limits:
            for guard in self._guards.values():
                guard.release()
        self._limits, self._fan_config, self._atm_config = limits, fan, atm
        self._sticks.look_at_rests()
        self._look_now()

    async def _curtail(self, order: Curtail) -> bool:
        if order.sleep is self._is_asleep:
            return False
        self._is_asleep = order.sleep
        if order.sleep:
            self._note_sleep()
        else:
            self._events.clear(kinds.SLEEP, None)
            for guard in self._guards.values():
                if guard.is_for_good:
                    guard.release()
        log.info("sticks %s by order", "go to sleep" if order.sleep else "wake up")
        self._sticks.look_at_rests()
        self._look_now()
        try:
            await self._save()
        except (OSError, TimeoutError) as exc:
            reason = f"it holds, but not after a restart: the disk does not take it: {exc}"
            raise CommandError("failed", reason) from exc
        return True

    async def _set_led(self, order: SetLed) -> None:
        from luxminer.thermal.leds import Leds

        if self._leds is None:
            self._leds = Leds(self._root)
        self._leds.set(order.color, order.state)

    def _note_sleep(self) -> None:
        self._events.note(kinds.SLEEP, None, "all sticks sleep by order")

    def _look_now(self) -> None:
        self._due_s = 0.0
        self._look()

    # Helpers -------------------------------------------------------------------------------------

    def _tell(self, kind: EventKind, number: int | None, holds: bool, words: str) -> None:
        if holds:
            self._events.note(kind, number, words)
        else:
            self._events.clear(kind, number)

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do something behind the look; one of a name at a time, the next look begins it again."""
        before = self._tasks.get(name)
        if before is not None and not before.done():
            work.close()
            return
        self._tasks[name] = asyncio.create_task(work, name=f"thermal {name}")

    async def _save(self) -> None:
        if self._state_dir is None:
            return
        memory = Memory(is_asleep=self._is_asleep, atm_steps=self._atm.steps)
        async with asyncio.timeout(WRITE_S):
            await asyncio.to_thread(save, self._state_dir, memory)

    async def _save_quietly(self) -> None:
        try:
            await self._save()
        except (OSError, TimeoutError) as exc:
            log.warning("the present step is forgotten at a restart: %s", exc)
