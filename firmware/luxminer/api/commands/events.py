"""What is wrong, and what happened of late."""

from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.fields.events import EVENTS_SECTION

__all__ = ["ROWS", "TITLE"]

TITLE = "Events"

ROWS = (
    CommandRow(
        name="events",
        words="conditions that hold, and notices of the last hour",
        success=357,
        sections=(EVENTS_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
    ),
)
