"""Takes the owner's orders for single sticks, and lets sticks rest that are to start later."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from luxminer.clock import Chores, Clock
from luxminer.control import CommandBus
from luxminer.control.sticks import (
    DisableDevice,
    EnableDevice,
    RebootDevice,
    SetFrequency,
    SetHotplug,
    SetStickFan,
    SetVoltage,
    StopRamp,
)
from luxminer.device.state import DeviceState
from luxminer.errors import CommandError
from luxminer.telemetry.events import EventKind, EventLog
from luxminer.telemetry.model import EventTarget, Severity

__all__ = ["StickDesk"]

REBOOT_USER = EventKind(
    code="REBOOT_USER", severity=Severity.NOTICE, target=EventTarget.BOARD, is_notice=True
)
SHUTDOWN_USER = EventKind(
    code="SHUTDOWN_USER",
    severity=Severity.NOTICE,
    target=EventTarget.BOARD,
    cure="`reboot` or `enableboard` lets it mine",
)


class Sticks(Protocol):
    """What is asked of all sticks; see `luxminer.device.manager.DeviceManager`."""

    def device_states(self) -> Sequence[DeviceState]: ...
    async def enable(self, device_id: int) -> bool: ...
    async def disable(self, device_id: int) -> bool: ...
    async def set_frequency(self, device_id: int, mhz: float) -> float: ...
    async def set_chip_frequency(self, device_id: int, chip: int, mhz: float) -> float: ...
    async def set_voltage(self, device_id: int, core_mv: int | None) -> None: ...
    async def set_fan(self, device_id: int, percent: int) -> None: ...
    async def reset(self, device_id: int) -> None: ...
    def set_hotplug(self, interval_s: float) -> None: ...
    def look_at_rests(self) -> None: ...


class StickDesk:
    """Registers for the orders. A rest by order is one of the moment: no restart keeps it."""

    def __init__(
        self,
        sticks: Sticks,
        *,
        clock: Clock,
        bus: CommandBus,
        chores: Chores,
        events: EventLog,
    ) -> None:
        self._sticks = sticks
        self._clock = clock
        self._chores = chores
        self._events = events
        self._due_s: dict[int, float | None] = {}
        """When a stick that rests starts; None: not by itself."""
        bus.register(SetFrequency, self._set_frequency)
        bus.register(StopRamp, self._stop_ramp)
        bus.register(SetVoltage, self._set_voltage)
        bus.register(SetStickFan, self._set_fan)
        bus.register(RebootDevice, self._reboot)
        bus.register(SetHotplug, self._set_hotplug)
        bus.register(EnableDevice, self._enable)
        bus.register(DisableDevice, self._disable)

    def rest_words(self, device_id: int) -> str:
        """Return why a stick is to rest now; empty when it is not."""
        if device_id not in self._due_s:
            return ""
        if self._due_s[device_id] is None:
            return "switched off by its owner's order; `reboot` lets it mine"
        return "is to start anew in a moment, by its owner's order"

    def is_shut_down(self, device_id: int) -> bool:
        """Tell whether it rests until its owner says otherwise."""
        return device_id in self._due_s and self._due_s[device_id] is None

    def _state(self, device_id: int) -> DeviceState:
        states = self._sticks.device_states()
        if not 0 <= device_id < len(states):
            raise CommandError("unknown-device", f"no device {device_id}")
        return states[device_id]

    async def _set_frequency(self, order: SetFrequency) -> float:
        if order.chip is None:
            return await self._sticks.set_frequency(order.device_id, order.mhz)
        return await self._sticks.set_chip_frequency(order.device_id, order.chip, order.mhz)

    async def _stop_ramp(self, order: StopRamp) -> float:
        state = self._state(order.device_id)
        report = state.report
        if report is None or state.brought_up_s is None:
            raise CommandError("not-up", f"device {order.device_id} does not run: no clock to keep")
        if not report.is_ramping:
            return report.frequency_mhz
        mhz = min(max(report.frequency_mhz, state.min_mhz), state.max_mhz)
        return await self._sticks.set_frequency(order.device_id, mhz)

    async def _set_voltage(self, order: SetVoltage) -> None:
        await self._sticks.set_voltage(order.device_id, order.core_mv)

    async def _set_fan(self, order: SetStickFan) -> None:
        report = self._state(order.device_id).report
        if report is None or report.fan_percent is None:
            raise CommandError("unsupported", f"device {order.device_id} has no fan of its own")
        await self._sticks.set_fan(order.device_id, order.percent)

    async def _set_hotplug(self, order: SetHotplug) -> None:
        self._sticks.set_hotplug(order.interval_s)

    async def _reboot(self, order: RebootDevice) -> None:
        number, delay_s = order.device_id, order.delay_s
        self._state(number)
        if delay_s is None:
            self._events.note(SHUTDOWN_USER, number, "its owner has switched it off")
        else:
            self._events.clear(SHUTDOWN_USER, number)
            self._events.note(REBOOT_USER, number, "its owner has let it start anew")
        self._rest(number, None if delay_s is None else self._clock.monotonic() + delay_s)
        self._sticks.look_at_rests()
        if delay_s is not None:
            with suppress(CommandError):  # one that is not there starts when it is plugged in
                await self._sticks.reset(number)

    async def _enable(self, order: EnableDevice) -> bool:
        has_changed = await self._sticks.enable(order.device_id)
        return await self._wake(order.device_id) or has_changed

    async def _disable(self, order: DisableDevice) -> bool:
        return await self._sticks.disable(order.device_id)

    # Rests ---------------------------------------------------------------------------------------

    def _rest(self, number: int, due_s: float | None) -> None:
        if not self._due_s:
            self._chores.add(self._look)
        self._due_s[number] = due_s

    async def _wake(self, number: int) -> bool:
        """Let a stick start that was to rest; False when it was not."""
        if not self._end_rest(number):
            return False
        self._sticks.look_at_rests()
        return True

    def _end_rest(self, number: int) -> bool:
        if number not in self._due_s:
            return False
        del self._due_s[number]
        self._events.clear(SHUTDOWN_USER, number)
        if not self._due_s:
            self._chores.remove(self._look)
        return True

    def _look(self) -> None:
        """Let those start whose time has come."""
        now_s = self._clock.monotonic()
        due = [n for n, due_s in self._due_s.items() if due_s is not None and due_s <= now_s]
        for number in due:
            self._end_rest(number)
        if due:
            self._sticks.look_at_rests()
