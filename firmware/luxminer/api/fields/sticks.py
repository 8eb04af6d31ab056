"""Columns about clocks and voltages of single sticks: ``frequencyget`` and ``voltageget``.

Ref: LUXminer API (frequencyget, voltageget).
"""

from luxminer.api.columns import FLAG, RATE, VOLTS, WHOLE, Column, Several, table
from luxminer.api.sections import SectionTable
from luxminer.telemetry.model import DeviceSnapshot

__all__ = ["FREQS_SECTION", "VOLTAGE_SECTION"]

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
        Column("Voltage", VOLTS, lambda _, d: d.voltage_v),
        Column("IsOnBoard", FLAG, lambda _, d: d.voltage_v is not None),
    ),
    is_single=True,
)
