"""Which orders change the settings, and how: one row each. The file is written by `config.save`.

An order whose owner keeps lists is saved by what the owner shows of them afterwards; any other one
by what it says itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from luxminer.config.save import Edit, Saver, section
from luxminer.config.schema import Config, DeviceConfig
from luxminer.control import (
    AddGroup,
    AddPool,
    Command,
    DisablePool,
    EnablePool,
    NewProfile,
    RemoveGroup,
    RemovePool,
    RemoveProfile,
    RestoreProfile,
    SetHeat,
    SetPoolOptions,
    SetPoolQuota,
    SetPriority,
    SetProfile,
    SetQuota,
    SetStrategy,
    StartTuning,
    StopTuning,
    SwitchPool,
)
from luxminer.control.service import SetLogLevel
from luxminer.control.sticks import (
    DisableDevice,
    EnableDevice,
    SetFrequency,
    SetHealth,
    SetHotplug,
    SetVoltage,
)
from luxminer.device.wishes import with_chip_clock
from luxminer.pool.manager import PoolManager
from luxminer.tuning.own import OwnProfiles

__all__ = ["keep_orders", "keep_profile_orders", "keep_stick_orders", "stick"]

ABOUT_POOLS: tuple[type[Command], ...] = (
    AddGroup,
    AddPool,
    DisablePool,
    EnablePool,
    RemoveGroup,
    RemovePool,
    SetPoolQuota,
    SetPriority,
    SetQuota,
    SetStrategy,
    SwitchPool,
)

C = TypeVar("C", bound=Command)


def keep_orders(saver: Saver, pools: PoolManager) -> None:
    """Let all orders be saved that change what holds after a restart."""

    def with_pools(config: Config, _: Command) -> Config:
        groups, listed = pools.settings()
        return replace(config, groups=groups, pools=listed)

    def with_heat(config: Config, order: SetHeat) -> Config:
        changed = replace(getattr(config, order.section), **order.settings)
        return replace(config, **{order.section.value: changed})

    for order in ABOUT_POOLS:
        saver.keep(order, with_pools)
    saver.keep(SetPoolOptions, section("stratum", lambda order: order.options))
    saver.keep(SetProfile, section("mining", lambda order: {"profile": order.profile}))
    saver.keep(SetHeat, with_heat)
    saver.keep(SetLogLevel, section("log", lambda order: {"level": order.level}))


def keep_profile_orders(saver: Saver, own: OwnProfiles) -> None:
    """Let profiles of the owner's own be saved, and whether sticks are tuned unasked."""

    def with_profiles(config: Config, _: Command) -> Config:
        return replace(config, profiles=own.all)

    def is_tuned(order: StartTuning | StopTuning) -> Mapping[str, Any]:
        if order.device_id is not None:
            return {}
        return {"enabled": isinstance(order, StartTuning)}

    about: tuple[type[Command], ...] = (NewProfile, RemoveProfile, RestoreProfile)
    for order in about:
        saver.keep(order, with_profiles)
    saver.keep(StartTuning, section("tuning", is_tuned))
    saver.keep(StopTuning, section("tuning", is_tuned))


class Stick(Protocol):
    """What the entry of a stick is found by; see `luxminer.device.state.DeviceState`."""

    @property
    def id(self) -> int: ...
    @property
    def serial(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def usb_path(self) -> str: ...


def stick(
    states: Callable[[], Iterable[Stick]],
    device_id: Callable[[C], int],
    settings: Callable[[C, DeviceConfig], Mapping[str, Any]],
) -> Edit[C]:
    """Return the edit for an order about one stick: its entry in ``[[devices]]`` is changed.

    One without an entry gets one, by its serial number, or by its port when it has none.
    ``settings`` is given what the entry says so far.
    """

    def edit(config: Config, order: C) -> Config:
        state = next((each for each in states() if each.id == device_id(order)), None)
        if state is None:
            return config
        rows = list(config.devices)
        place = _entry_of(rows, state)
        if place is None:
            place = len(rows)
            port = "" if state.serial else state.path
            rows.append(DeviceConfig(serial=state.serial, port=port))
        rows[place] = replace(rows[place], **settings(order, rows[place]))
        return replace(config, devices=tuple(rows))

    return edit


def keep_stick_orders(saver: Saver, states: Callable[[], Iterable[Stick]]) -> None:
    """Let orders for single sticks be saved."""

    def clock(order: SetFrequency, row: DeviceConfig) -> Mapping[str, Any]:
        if order.chip is None:
            return {"frequency_mhz": order.mhz}
        clocks = with_chip_clock(row.chip_frequency_mhz, order.chip, order.mhz)
        return {"chip_frequency_mhz": clocks}

    def voltage(order: SetVoltage, _: DeviceConfig) -> Mapping[str, Any]:
        return {"core_mv": order.core_mv or 0}

    def of_order(order: SetFrequency | SetVoltage | EnableDevice | DisableDevice) -> int:
        return order.device_id

    def health(order: SetHealth) -> Mapping[str, Any]:
        return {"readings": order.readings, "factor": order.factor}

    def hotplug(order: SetHotplug) -> Mapping[str, Any]:
        if not order.interval_s:
            return {"detect": False}
        return {"detect": True, "detect_interval_s": order.interval_s}

    saver.keep(SetHotplug, section("mining", hotplug))
    saver.keep(SetHealth, section("health", health))
    saver.keep(SetFrequency, stick(states, of_order, clock))
    saver.keep(SetVoltage, stick(states, of_order, voltage))
    saver.keep(EnableDevice, stick(states, of_order, lambda _order, _row: {"enabled": True}))
    saver.keep(DisableDevice, stick(states, of_order, lambda _order, _row: {"enabled": False}))


def _entry_of(rows: list[DeviceConfig], state: Stick) -> int | None:
    """Find the entry for a stick; one by its serial number goes before one by its port."""
    ports = {state.path, f"usb:{state.usb_path}"}
    for place, row in enumerate(rows):
        if row.serial and row.serial == state.serial:
            return place
    return next((place for place, row in enumerate(rows) if row.port and row.port in ports), None)
