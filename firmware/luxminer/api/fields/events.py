"""Columns about an event: ``events``."""

from datetime import UTC, datetime

from luxminer.api.columns import TEXT, WHOLE, Column, Columns, constant, table
from luxminer.api.sections import SectionTable
from luxminer.telemetry.model import EventSnapshot

__all__ = ["EVENT", "EVENTS_SECTION"]


def _rfc3339(wall_s: float) -> str:
    return datetime.fromtimestamp(int(wall_s), UTC).isoformat()


EVENT: Columns[EventSnapshot] = table(
    Column("Code", TEXT, lambda _, e: e.code),
    Column("CreatedAt", TEXT, lambda _, e: _rfc3339(e.first_wall_s)),
    Column("Description", TEXT, lambda _, e: e.text),
    constant("DocUrl", ""),
    # LuxOS leaves it out when the target is the miner.
    Column("ID", WHOLE, lambda _, e: e.id, optional=True),
    Column("Target", TEXT, lambda _, e: e.target),
    # ours
    Column("Count", WHOLE, lambda _, e: e.count),
    Column("Severity", TEXT, lambda _, e: e.severity),
    Column("UpdatedAt", TEXT, lambda _, e: _rfc3339(e.last_wall_s)),
)

EVENTS_SECTION = SectionTable("EVENTS", EVENT, lambda m: m.events)
