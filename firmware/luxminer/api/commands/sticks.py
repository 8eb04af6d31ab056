"""Clocks and voltages of single sticks."""

from luxminer.api.commands.row import BOARD, CommandRow, Dialect
from luxminer.api.fields.sticks import (
    FREQS_SECTION,
    RAMP_SECTION,
    REBOOT_SECTION,
    VOLTAGE_SECTION,
)
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
    CommandRow(
        name="frequencyset",
        words="set the clock of a stick, or of one chip where each can have its own",
        success=302,
        handler=sticks.frequencyset,
        grammar=Grammar(
            params=(
                BOARD,
                Param(
                    name="frequency",
                    kind=Kind.NUMBER,
                    words="MHz, within the range of its model; 0 with a chip gives it back the "
                    "clock of its stick",
                    low=0,
                    example="200",
                ),
                CHIP,
                Param(
                    name="frequency_step",
                    kind=Kind.NUMBER,
                    words="is read and makes no difference: the step is that of the dividers",
                    required=False,
                    low=0,
                ),
            )
        ),
        sections=(RAMP_SECTION,),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
        also=(sticks.ASLEEP,),
        refusals={"unsupported": sticks.NO_CHIP_CLOCKS},
        note="answers the clock that the dividers really give, rounded to whole MHz",
    ),
    CommandRow(
        name="frequencystop",
        words="stop a ramp where it is: the clock of this moment is the target",
        success=368,
        handler=sticks.frequencystop,
        grammar=Grammar(params=(BOARD,)),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
    CommandRow(
        name="voltageset",
        words="set the core voltage of a stick whose board can (A1 and A2)",
        success=369,
        handler=sticks.voltageset,
        grammar=Grammar(
            params=(
                BOARD,
                Param(name="voltage", kind=Kind.NUMBER, words="in V, as 0.3", low=0, example="0.3"),
                Param(
                    name="voltage_step",
                    kind=Kind.NUMBER,
                    words="is read and makes no difference",
                    required=False,
                    low=0,
                ),
            )
        ),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
        also=(sticks.ASLEEP,),
        refusals={"unsupported": sticks.NO_VOLTAGE},
    ),
    CommandRow(
        name="reboot",
        words="stop a stick and start it anew",
        success=305,
        handler=sticks.reboot,
        grammar=Grammar(
            params=(
                BOARD,
                Param(
                    name="delay_secs",
                    kind=Kind.WHOLE,
                    words="seconds until it starts, 5 when left out; 0 or less: it stays off until "
                    "`reboot` or `enableboard`",
                    required=False,
                    low=-86400,
                    high=86400,
                ),
            )
        ),
        sections=(REBOOT_SECTION,),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
        also=(sticks.ASLEEP,),
    ),
    CommandRow(
        name="enableboard",
        words="mine with a stick, for good",
        success=370,
        handler=sticks.enableboard,
        grammar=Grammar(params=(BOARD,)),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
    CommandRow(
        name="disableboard",
        words="leave a stick alone, for good: it is known by its serial number",
        success=371,
        handler=sticks.disableboard,
        grammar=Grammar(params=(BOARD,)),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
)
