"""Columns of profiles and of the tuner.

Ref: LUXminer API (profiles, profileset, power). The names of the tuner's fields are ours.
"""

from dataclasses import dataclass

from luxminer.api import figures
from luxminer.api.columns import (
    FLAG,
    FREE,
    MEGAHASHES,
    RATE,
    ROUNDED,
    TEXT,
    VOLTS,
    WHOLE,
    Column,
    Columns,
    constant,
    table,
)
from luxminer.api.sections import SectionTable, single
from luxminer.telemetry.model import DeviceSnapshot, MinerSnapshot, ProfileSnapshot

__all__ = [
    "AUTOTUNER_SECTION",
    "MINERSTATUS_SECTION",
    "POWER_SECTION",
    "PROFILES_SECTION",
    "PROFILE_SECTION",
    "SET_SECTION",
    "TUNERSTATUS_SECTION",
    "Applied",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What ``profileset`` has done."""

    profile: str
    frequency_step: float
    voltage_step: float


PROFILE: Columns[ProfileSnapshot] = table(
    Column("CanRestore", FLAG, lambda _, p: p.can_restore),
    Column("Frequency", ROUNDED, lambda _, p: p.mhz),
    constant("HasOverrides", False),
    Column("Hashrate", FREE, lambda _, p: p.rate_hs / 1e12),
    Column("IsDynamic", FLAG, lambda _, p: not p.is_own),
    Column("IsTuned", FLAG, lambda _, p: p.is_tuned),
    Column("Profile Name", TEXT, lambda _, p: p.name),
    Column("Step", TEXT, lambda _, p: "" if p.step is None else str(p.step)),
    Column("Voltage", VOLTS, lambda _, p: p.core_v),
    Column("Watts", ROUNDED, lambda _, p: p.power_w),
)
PROFILES_SECTION = SectionTable("PROFILES", PROFILE, lambda m: m.read_profiles())
PROFILE_SECTION = SectionTable("PROFILE", PROFILE)
SET_SECTION: SectionTable[Applied] = SectionTable(
    "PROFILE",
    table(
        constant("Board", 0),
        Column("Profile", TEXT, lambda _, a: a.profile),
        Column("FrequencyStep", ROUNDED, lambda _, a: a.frequency_step),
        Column("VoltageStep", RATE, lambda _, a: a.voltage_step),
    ),
    is_single=True,
)
AUTOTUNER_SECTION = single(
    "AUTOTUNER",
    table(
        Column("Enabled", FLAG, lambda m, _: m.is_tuning_enabled),
        Column("Goal", TEXT, lambda m, _: m.tuner.goal),
        Column("MaxHwErrorPercent", RATE, lambda m, _: m.tuner.max_hw_error_percent),
    ),
)


def _result(label: str, form: object, name: str, factor: float = 1) -> Column[DeviceSnapshot]:
    def get(_: MinerSnapshot, device: DeviceSnapshot) -> object:
        result = device.tuning.result if device.tuning is not None else None
        value = getattr(result, name) if result is not None else None
        if form is TEXT:
            return value or ""
        return None if value is None else value / factor

    return Column(label, form, get)  # type: ignore[arg-type]  # one of the formats


TUNERSTATUS: Columns[DeviceSnapshot] = table(
    Column("Board", WHOLE, lambda _, d: d.id),
    Column("SerialNumber", TEXT, lambda _, d: d.serial),
    Column("Status", TEXT, lambda _, d: "Tuning" if d.tuning and d.tuning.is_tuning else "Idle"),
    Column("Progress", TEXT, lambda _, d: d.tuning.progress if d.tuning else ""),
    Column("Measured", WHOLE, lambda _, d: d.tuning.measured if d.tuning else 0),
    _result("Stage", TEXT, "stage"),
    _result("Frequency", RATE, "frequency_mhz"),
    _result("Voltage", VOLTS, "core_mv", 1000),
    _result("HashrateMHS", RATE, "rate_hs", 1e6),
    _result("HwErrorPercent", RATE, "hw_error_percent"),
)
TUNERSTATUS_SECTION = SectionTable(
    "TUNERSTATUS", TUNERSTATUS, lambda m: [d for d in m.devices if d.tuning is not None]
)


def _has_meters(miner: MinerSnapshot) -> bool:
    powered = [device for device in miner.devices if device.power_w]
    return bool(powered) and all(device.is_power_measured for device in powered)


POWER_SECTION = single(
    "POWER",
    table(
        Column("Watts", ROUNDED, lambda m, _: figures.power_w(m)),
        Column("PSU", FLAG, lambda m, _: _has_meters(m)),
    ),
)


def _status(miner: MinerSnapshot) -> str:
    if miner.thermal.is_asleep:
        return "Sleeping"
    if not any(device.elapsed_s for device in miner.devices):
        return "NoBoards"
    return "Mining" if any(pool.active for pool in miner.pools) else "NoWork"


MINERSTATUS_SECTION = single(
    "MINERSTATUS",
    table(
        Column("Status", TEXT, lambda m, _: _status(m)),
        Column("Elapsed", ROUNDED, lambda m, _: m.elapsed_s),
        Column("Boards", WHOLE, lambda m, _: len(m.devices)),
        Column("BoardsUp", WHOLE, lambda m, _: sum(d.elapsed_s > 0 for d in m.devices)),
        Column("ActivePools", WHOLE, lambda m, _: sum(pool.active for pool in m.pools)),
        Column("HashrateMHS", MEGAHASHES, lambda m, _: m.rates.m5 / 1e6),
        Column("Watts", ROUNDED, lambda m, _: figures.power_w(m)),
        Column("Profile", TEXT, lambda m, _: m.profile_name),
        Column("Events", WHOLE, lambda m, _: len(m.events)),
    ),
)
