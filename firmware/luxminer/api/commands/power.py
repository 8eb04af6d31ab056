"""Power, and starting and stopping."""

from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.handlers.show import done

__all__ = ["ROWS", "TITLE"]

TITLE = "Power, start and stop"

NO_PSU = 434
NO_POWER_TARGET = 450

ROWS = (
    CommandRow(
        name="psuget",
        words="is refused: sticks take their power from the USB port",
        success=NO_PSU,
        handler=done,
        dialect=Dialect.LUXMINER,
        joinable=True,
    ),
    CommandRow(
        name="psuset",
        words="is refused for the same reason",
        success=NO_PSU,
        handler=done,
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
    CommandRow(
        name="powertargetset",
        words="is refused: sticks are set by their clocks",
        success=NO_POWER_TARGET,
        handler=done,
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
)
