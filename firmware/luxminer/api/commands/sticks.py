"""Clocks and voltages of single sticks."""

from luxminer.api.commands.row import BOARD, CommandRow, Dialect
from luxminer.api.fields.sticks import FREQS_SECTION, VOLTAGE_SECTION
from luxminer.api.handlers import sticks
from luxminer.api.params import Grammar, Kind, Param

__all__ = ["ROWS", "TITLE"]

TITLE = "Single sticks"

CHIP = Param(
    name="chip_id",
    kind=Kind.WHOLE,
    words="one chip alone, counted from 0",
    required=False,
    low=0,
)

ROWS = (
    CommandRow(
        name="frequencyget",
        words="the clocks of a stick's chips in MHz",
        success=367,
        handler=sticks.frequencyget,
        grammar=Grammar(params=(BOARD, CHIP)),
        sections=(FREQS_SECTION,),
        dialect=Dialect.LUXMINER,
        also=(sticks.NO_SUCH_CHIP,),
    ),
    CommandRow(
        name="voltageget",
        words="the core voltage of a stick",
        success=307,
        handler=sticks.voltageget,
        grammar=Grammar(
            params=(
                BOARD,
                Param(
                    name="on_board",
                    kind=Kind.TEXT,
                    words="is read and makes no difference",
                    required=False,
                ),
            )
        ),
        sections=(VOLTAGE_SECTION,),
        dialect=Dialect.LUXMINER,
        note="0 and `IsOnBoard` false where the voltage is neither measured nor set",
    ),
)
