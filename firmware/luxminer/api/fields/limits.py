"""Columns of ``limits``: between what each setting may be, and what it is where nobody sets it.

Those of LuxOS that nothing here can be set by are 0: clients ask for their names.

Ref: LUXminer API (limits).
"""

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

from luxminer.api.columns import FLAG, RATE, ROUNDED, Column, Format, constant, table
from luxminer.api.sections import single
from luxminer.config.schema import AtmConfig, FanConfig, StratumConfig, ThermalConfig
from luxminer.telemetry.model import DeviceSnapshot, MinerSnapshot

__all__ = ["LIMITS_SECTION"]

BOUNDS = {"Default": "default", "Max": "high", "Min": "low"}

NOTHING_WHOLE = (
    *("PoolOptsMaxErrors", "RecoverMaxConsecutiveErrors", "RecoverMaxPerDay", "RecoverMaxPerHour"),
    *("TempSensorBadAverageThreshold", "UpdateTimeout"),
)
NOTHING_BROKEN = (
    *("AutotunerHealthBadChipThreshold", "AutotunerHealthNumReadingsScale", "BypassVoltage"),
    *("HealthAmpFactor", "WaterInletStartupTemp"),
)
"""Settings of LuxOS without one here, each with a default and two ends."""


def _setting(config: type, key: str) -> Field[Any]:
    return next(each for each in fields(config) if each.name == key)


def _bound(label: str, config: type, key: str, bound: str, form: Format = ROUNDED) -> Column[None]:
    setting = _setting(config, key)
    value = setting.default if bound == "default" else setting.metadata[bound]
    return Column(label, form, lambda _m, _: value)


def _three(stem: str, config: type, key: str) -> tuple[Column[None], ...]:
    return tuple(_bound(f"{stem}{end}", config, key, bound) for end, bound in BOUNDS.items())


def _sticks(
    label: str,
    choose: Callable[[list[float]], float],
    get: Callable[[DeviceSnapshot], float | None],
    form: Format = ROUNDED,
) -> Column[None]:
    """Take a value of the sticks; 0 where none has it."""

    def value(miner: MinerSnapshot, _: None) -> float:
        known = [found for found in map(get, miner.devices) if found]
        return choose(known) if known else 0.0

    return Column(label, form, value)


def _zeros(stems: tuple[str, ...], form: Format) -> tuple[Column[None], ...]:
    return tuple(Column(f"{stem}{end}", form, lambda _m, _: 0) for stem in stems for end in BOUNDS)


def _default_clock(miner: MinerSnapshot) -> float:
    return next((p.mhz for p in miner.read_profiles() if p.step == 0), 0.0)


def _default_volts(miner: MinerSnapshot) -> float:
    return next((p.core_v or 0.0 for p in miner.read_profiles() if p.step == 0), 0.0)


def _watts(miner: MinerSnapshot, choose: Callable[[list[float]], float]) -> float:
    known = [profile.power_w for profile in miner.read_profiles()]
    return choose(known) if known else 0.0


def _temperatures(stem: str) -> tuple[Column[None], ...]:
    return (
        _bound(f"{stem}Hot", ThermalConfig, "hot_c", "default", RATE),
        _bound(f"{stem}Max", ThermalConfig, "dangerous_c", "high", RATE),
        _bound(f"{stem}Min", ThermalConfig, "dangerous_c", "low", RATE),
        _bound(f"{stem}Panic", ThermalConfig, "dangerous_c", "default", RATE),
        _bound(f"{stem}Target", ThermalConfig, "target_c", "default", RATE),
    )


LIMITS = table(
    _bound("AtmMaxMinutes", AtmConfig, "startup_minutes", "high"),
    _bound("AtmMaxTemp", AtmConfig, "temp_window", "high", RATE),
    _bound("AtmMinMinutes", AtmConfig, "startup_minutes", "low"),
    _bound("AtmMinTemp", AtmConfig, "temp_window", "low", RATE),
    _bound("AtmPostRampDefault", AtmConfig, "post_ramp_minutes", "default"),
    _bound("AtmStartupDefault", AtmConfig, "startup_minutes", "default"),
    _bound("AtmTempWindowDefault", AtmConfig, "temp_window", "default", RATE),
    *_three("FanMaxSpeed", FanConfig, "max_speed"),
    *_three("FanMinSpeed", FanConfig, "min_speed"),
    *_three("FanSpeed", FanConfig, "speed"),
    Column("FrequencyDefault", ROUNDED, lambda m, _: _default_clock(m)),
    _sticks("FrequencyMax", max, lambda d: d.max_mhz),
    _sticks("FrequencyMin", min, lambda d: d.min_mhz),
    _sticks("FrequencyStepMax", max, lambda d: d.step_mhz),
    _sticks("FrequencyStepMin", min, lambda d: d.step_mhz),
    *_three("MinFans", FanConfig, "min_fans"),
    *_three("PoolOptsSmartSwitchSecs", StratumConfig, "failback_s"),
    *_three("PoolOptsTimeoutSecs", StratumConfig, "connect_timeout_s"),
    Column("PowerLimitDefault", ROUNDED, lambda m, _: _watts(m, max)),
    Column("PowerMinDefault", ROUNDED, lambda m, _: _watts(m, min)),
    constant("PowerTargetDefault", 0),
    constant("PowerTargetMax", 0),
    constant("PowerTargetMin", 0),
    Column("QuietFanStartupDefault", FLAG, lambda _m, _: False),
    *_three("RecoverCooldownMinutes", ThermalConfig, "recover_cooldown_minutes"),
    *_three("TempSensorMaxBadReadings", ThermalConfig, "max_bad_readings"),
    *_three("TempSensorMinPerBoard", ThermalConfig, "min_per_board"),
    *_temperatures("Temperature"),
    *_temperatures("TemperatureChip"),
    Column("VoltageDefault", RATE, lambda m, _: _default_volts(m)),
    _sticks("VoltageMax", max, lambda d: d.max_core_v, RATE),
    _sticks("VoltageMin", min, lambda d: d.min_core_v, RATE),
    _sticks("VoltageStepMax", max, lambda d: d.core_step_v, RATE),
    _sticks("VoltageStepMin", min, lambda d: d.core_step_v, RATE),
    Column("AtmWaterInletTempWindowDefault", RATE, lambda _m, _: 0),
    Column("WaterInletHot", RATE, lambda _m, _: 0),
    Column("WaterInletPanic", RATE, lambda _m, _: 0),
    Column("WaterInletTempMax", RATE, lambda _m, _: 0),
    Column("WaterInletTempMin", RATE, lambda _m, _: 0),
    *_zeros(NOTHING_WHOLE, ROUNDED),
    *_zeros(NOTHING_BROKEN, RATE),
    *_zeros(("HealthNumReadings",), ROUNDED),
)
LIMITS_SECTION = single("LIMITS", LIMITS)
