"""Columns about temperatures, fans, their settings, and sleep."""

from collections.abc import Mapping
from typing import Any

from luxminer.api.columns import (
    FLAG,
    OBJECT,
    RATE,
    ROUNDED,
    TEXT,
    WHOLE,
    Column,
    Columns,
    constant,
    table,
)
from luxminer.api.sections import SectionTable, single
from luxminer.telemetry.model import DeviceSnapshot, FanSnapshot, MinerSnapshot

__all__ = [
    "ATM_SECTION",
    "CURTAIL_SECTION",
    "FANCTRL_SECTION",
    "FANS_SECTION",
    "HASHBOARDOPTS_SECTION",
    "METADATA_SECTION",
    "TEMPCTRL_SECTION",
    "TEMPCTRL_SET_SECTION",
    "TEMPSENSOR_SECTION",
    "TEMPS_SECTION",
    "asleep",
    "present",
]


def present(miner: MinerSnapshot) -> list[DeviceSnapshot]:
    return [device for device in miner.devices if device.present]


def asleep(miner: MinerSnapshot) -> str:
    """Say how curtailment is, in LuxOS's words for ``config``."""
    return "Sleep" if miner.thermal.is_asleep else "None"


TEMPS: Columns[DeviceSnapshot] = table(
    Column("TEMP", WHOLE, lambda _, d: d.id),
    Column("ID", WHOLE, lambda _, d: d.id),
    Column("Board", RATE, lambda _, d: d.temperature_c),
    Column("CPU", RATE, lambda m, _: m.host.cpu_temperature_c),
)


def _sensor(label: str, place: int, *, critical: bool) -> dict[str, Any]:
    return {"Label": label, "Position": (place, 0), "IsCritical": critical}


METADATA: Columns[None] = table(
    Column("Board", OBJECT, lambda _m, _: _sensor("Stick", 0, critical=True)),
    Column("CPU", OBJECT, lambda _m, _: _sensor("Processor of the machine", 1, critical=False)),
)


def _mode(miner: MinerSnapshot) -> str:
    return "Manual" if miner.thermal.fans and miner.thermal.fan.speed >= 0 else "Automatic"


TEMPCTRL: Columns[None] = table(
    Column("ChipDangerous", RATE, lambda m, _: m.thermal.limits.dangerous_c),
    Column("ChipHot", RATE, lambda m, _: m.thermal.limits.hot_c),
    Column("ChipTarget", RATE, lambda m, _: m.thermal.limits.target_c),
    Column("Dangerous", RATE, lambda m, _: m.thermal.limits.dangerous_c),
    Column("Hot", RATE, lambda m, _: m.thermal.limits.hot_c),
    Column("Mode", TEXT, lambda m, _: _mode(m)),
    Column("Target", RATE, lambda m, _: m.thermal.limits.target_c),
    Column("WaterInletDangerous", RATE, lambda _m, _: 0),
    Column("WaterInletHot", RATE, lambda _m, _: 0),
    Column("WaterInletStartup", RATE, lambda _m, _: 0),
)
"""The one sensor of a stick stands for board and chips; there is no water."""

TEMPCTRL_SET: Columns[Mapping[str, Any]] = table(
    Column("ChipDangerous", WHOLE, lambda _, r: r["dangerous_c"]),
    Column("ChipHot", WHOLE, lambda _, r: r["hot_c"]),
    Column("Dangerous", WHOLE, lambda _, r: r["dangerous_c"]),
    Column("Hot", WHOLE, lambda _, r: r["hot_c"]),
    Column("Target", WHOLE, lambda _, r: r["target_c"]),
    constant("WaterInletDangerous", 0),
)
"""Of the limits as they have become."""

TEMPSENSOR: Columns[None] = table(
    Column("MaxBadReadings", WHOLE, lambda m, _: m.thermal.limits.max_bad_readings),
    Column("MinPerBoard", WHOLE, lambda m, _: m.thermal.limits.min_per_board),
)

HASHBOARDOPTS: Columns[None] = table(
    Column("OvertempAutoRecovery", FLAG, lambda m, _: m.thermal.limits.overtemp_auto_recovery),
    Column("RecoverCooldownMinutes", WHOLE, lambda m, _: m.thermal.limits.recover_cooldown_minutes),
)

FANS: Columns[FanSnapshot] = table(
    Column("FAN", TEXT, lambda _, f: f.name),
    Column("ID", WHOLE, lambda m, f: m.thermal.fans.index(f)),
    Column("RPM", WHOLE, lambda _, f: f.rpm),
    Column("Speed", ROUNDED, lambda _, f: f.speed_percent),
)

FANCTRL: Columns[None] = table(
    Column("FanMaxSpeed", WHOLE, lambda m, _: m.thermal.fan.max_speed),
    Column("FanMinSpeed", WHOLE, lambda m, _: m.thermal.fan.min_speed),
    Column("MinFans", WHOLE, lambda m, _: m.thermal.fan.min_fans),
    Column("PowerOffSpeed", WHOLE, lambda m, _: m.thermal.fan.power_off_speed),
    constant("QuietFanStartup", False),
    # ours
    Column("StickFans", FLAG, lambda m, _: m.thermal.fan.stick_fans),
)


def _step(profile: str) -> str:
    """Write the step that a profile means; none for no bound."""
    return "0" if profile in ("default", "tuned") else profile.removeprefix("+")


ATM: Columns[None] = table(
    Column("ChipTempWindow", RATE, lambda m, _: m.thermal.atm.temp_window),
    Column("Enabled", FLAG, lambda m, _: m.thermal.atm.enabled),
    Column("MaxProfile", TEXT, lambda m, _: m.thermal.atm.max_profile),
    Column("MaxProfileStep", TEXT, lambda m, _: _step(m.thermal.atm.max_profile)),
    Column("MinProfile", TEXT, lambda m, _: m.thermal.atm.min_profile),
    Column("MinProfileStep", TEXT, lambda m, _: _step(m.thermal.atm.min_profile)),
    Column("PostRampMinutes", WHOLE, lambda m, _: m.thermal.atm.post_ramp_minutes),
    Column("StartupMinutes", WHOLE, lambda m, _: m.thermal.atm.startup_minutes),
    Column("TempWindow", RATE, lambda m, _: m.thermal.atm.temp_window),
    Column("WaterInletTempWindow", RATE, lambda _m, _: 0),
    constant("PowerLimit", 0),
    constant("PowerMin", 0),
    constant("PowerTarget", 0),
    # ours
    Column("Steps", WHOLE, lambda m, _: m.thermal.atm_steps),
)

CURTAIL: Columns[str] = table(Column("Action", TEXT, lambda _, action: action))

TEMPS_SECTION = SectionTable("TEMPS", TEMPS, present)
METADATA_SECTION = single("METADATA", METADATA)
TEMPCTRL_SECTION = single("TEMPCTRL", TEMPCTRL)
TEMPCTRL_SET_SECTION = SectionTable("TEMPCTRL", TEMPCTRL_SET, is_single=True)
TEMPSENSOR_SECTION = single("TEMPSENSOR", TEMPSENSOR)
HASHBOARDOPTS_SECTION = single("HASHBOARDOPTS", HASHBOARDOPTS)
FANS_SECTION = SectionTable("FANS", FANS, lambda m: m.thermal.fans)
FANCTRL_SECTION = single("FANCTRL", FANCTRL)
ATM_SECTION = single("ATM", ATM)
CURTAIL_SECTION = SectionTable("CURTAIL", CURTAIL, is_single=True)
