"""Profiles, which set all sticks, and the tuner."""

from luxminer.api.codes import Code
from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.handlers.show import done

__all__ = ["ROWS", "TITLE"]

TITLE = "Profiles and tuning"

ROWS = (
    CommandRow(
        name="tunableswitch",
        words="is refused: sticks have nothing to switch",
        success=Code.UNSUPPORTED,
        handler=done,
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
)
