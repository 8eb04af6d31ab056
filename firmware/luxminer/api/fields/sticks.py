"""Columns about single sticks.

Ref: LUXminer API (frequencyget, frequencyset, voltageget, reboot).
"""

from dataclasses import dataclass

from luxminer.api.columns import FLAG, RATE, ROUNDED, TEXT, VOLTS, WHOLE, Column, Several, table
from luxminer.api.sections import SectionTable
from luxminer.telemetry.model import DeviceSnapshot

__all__ = ["FREQS_SECTION", "RAMP_SECTION", "REBOOT_SECTION", "VOLTAGE_SECTION", "Ramp", "Reboot"]


@dataclass(frozen=True, slots=True)
class Ramp:
    """A clock that was ordered."""

    stick: DeviceSnapshot
    mhz: float
    chip: int | None


@dataclass(frozen=True, slots=True)
class Reboot:
    stick: DeviceSnapshot
    is_shutdown: bool


def _voltage_v(stick: DeviceSnapshot) -> float | None:
    return stick.voltage_v if stick.core_mv is None else stick.core_mv / 1000


FREQS_SECTION: SectionTable[DeviceSnapshot] = SectionTable(
    "FREQS",
    table(
        Column("Board", WHOLE, lambda _, d: d.id),
        Column("Count", WHOLE, lambda _, d: len(d.chips)),
        Column("Freqs", Several(RATE), lambda _, d: [chip.frequency_mhz for chip in d.chips]),
    ),
    is_single=True,
)
VOLTAGE_SECTION: SectionTable[DeviceSnapshot] = SectionTable(
    "VOLTAGE",
    table(
        Column("Board", WHOLE, lambda _, d: d.id),
        Column("Voltage", VOLTS, lambda _, d: _voltage_v(d)),
        Column("IsOnBoard", FLAG, lambda _, d: _voltage_v(d) is not None),
    ),
    is_single=True,
)
RAMP_SECTION: SectionTable[Ramp] = SectionTable(
    "RAMP",
    table(
        Column("Board", WHOLE, lambda _, ramp: ramp.stick.id),
        Column("Frequency", ROUNDED, lambda _, ramp: ramp.mhz),
        Column("FrequencyStep", ROUNDED, lambda _, ramp: ramp.stick.step_mhz),
        Column("TargetChip", TEXT, lambda _, ramp: "all" if ramp.chip is None else str(ramp.chip)),
    ),
    is_single=True,
)
REBOOT_SECTION: SectionTable[Reboot] = SectionTable(
    "REBOOT",
    table(
        Column("Board", WHOLE, lambda _, reboot: reboot.stick.id),
        Column("IsShutdown", FLAG, lambda _, reboot: reboot.is_shutdown),
    ),
    is_single=True,
)
