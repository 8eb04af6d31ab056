"""Columns about the health of chips: ``healthchipget`` and ``healthctrl``.

Ref: LUXminer API (healthchipget; the names of ``healthctrl`` are those of its limits).
"""

from dataclasses import dataclass

from luxminer.api import figures
from luxminer.api.columns import (
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
from luxminer.telemetry.model import ChipSnapshot, ChipVerdict, DeviceSnapshot

__all__ = ["CHIPS_SECTION", "HEALTH_SECTION", "Chip"]


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip of one stick."""

    stick: DeviceSnapshot
    own: ChipSnapshot

    @property
    def verdict(self) -> ChipVerdict | None:
        return self.own.verdict


def _rate_ghs(chip: Chip, place: int) -> float:
    rates = chip.own.rates_hs
    return figures.rate_hs(chip.stick, rates[place]) / 1e9 if rates else 0.0


def _healthy(chip: Chip) -> str:
    verdict = chip.verdict
    return "Unknown" if verdict is None else "Y" if verdict.is_healthy else "N"


CHIPS: Columns[Chip] = table(
    Column("Board", WHOLE, lambda _, c: c.stick.id),
    Column("Chip", WHOLE, lambda _, c: c.own.index),
    Column("Column", WHOLE, lambda _, c: c.own.index),
    constant("Domain", 0),
    Column("Frequency", ROUNDED, lambda _, c: c.own.frequency_mhz),
    Column("GHS 15m", RATE, lambda _, c: _rate_ghs(c, 2)),
    Column("GHS 1m", RATE, lambda _, c: _rate_ghs(c, 0)),
    Column("GHS 5m", RATE, lambda _, c: _rate_ghs(c, 1)),
    Column("HashCount", WHOLE, lambda _, c: c.verdict and c.verdict.found, optional=True),
    Column("HashExpected", ROUNDED, lambda _, c: c.verdict and c.verdict.expected, optional=True),
    Column("HashMin", WHOLE, lambda _, c: c.verdict and c.verdict.least, optional=True),
    Column("Healthy", TEXT, lambda _, c: _healthy(c)),
    constant("IsChecking", False),
    constant("Row", 0),
    Column(
        "Score",
        RATE,
        lambda _, c: c.verdict and c.verdict.found / c.verdict.expected * 100,
        optional=True,
    ),
    Column("When", WHOLE, lambda m, c: (c.verdict.wall_s if c.verdict else m.wall_s) * 1000),
)
CHIPS_SECTION = SectionTable(
    "CHIPS",
    CHIPS,
    lambda miner: [Chip(stick, chip) for stick in miner.devices for chip in stick.chips],
)
HEALTH_SECTION = single(
    "HEALTHCTRL",
    table(
        Column("HealthAmpFactor", RATE, lambda m, _: m.health.factor),
        Column("HealthNumReadings", WHOLE, lambda m, _: m.health.readings),
    ),
)
