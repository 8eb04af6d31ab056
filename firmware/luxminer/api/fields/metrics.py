"""Columns of ``metrics``. Time, temperature and counts have names of ours.

Ref: LUXminer API (metrics).
"""

from luxminer.api.columns import RATE, ROUNDED, TIME, WHOLE, Column, table
from luxminer.api.sections import SectionTable
from luxminer.telemetry.model import Bucket

__all__ = ["METRICS_SECTION"]

METRICS_SECTION: SectionTable[Bucket] = SectionTable(
    "METRICS",
    table(
        Column("Timestamp", TIME, lambda _, b: b.end_wall_s),
        Column("Seconds", ROUNDED, lambda _, b: b.seconds),
        Column("HashrateMHS", RATE, lambda _, b: b.rate_hs / 1e6),
        Column("Power", ROUNDED, lambda _, b: b.power_w),
        Column("Temperature", RATE, lambda _, b: b.temperature_c),
        Column("Accepted", WHOLE, lambda _, b: b.accepted),
        Column("Rejected", WHOLE, lambda _, b: b.rejected),
        Column("Stale", WHOLE, lambda _, b: b.stale),
        Column("HardwareErrors", WHOLE, lambda _, b: b.hw_errors),
    ),
)
