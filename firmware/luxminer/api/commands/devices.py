"""Sticks as CGMiner numbers and shows them."""

from luxminer.api.commands.info import OLD
from luxminer.api.commands.row import BOARD, CommandRow, Dialect
from luxminer.api.fields.devices import (
    ASC_SECTION,
    DEVDETAILS_SECTION,
    DEVS_SECTION,
    NOTIFY_SECTION,
)
from luxminer.api.fields.totals import ASCS_SECTION, PGAS_SECTION
from luxminer.api.handlers import asc, info
from luxminer.api.handlers.show import done
from luxminer.api.params import Grammar, Kind, Param

__all__ = ["ROWS", "TITLE"]

TITLE = "Sticks"

ROWS = (
    CommandRow(
        name="devs",
        words="one row per stick, pulled ones included",
        success=9,
        sections=(DEVS_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="edevs",
        words="the same without pulled sticks",
        success=9,
        handler=info.edevs,
        grammar=OLD,
        sections=(DEVS_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="asc",
        words="the row of one stick",
        success=106,
        handler=info.asc,
        grammar=Grammar(params=(BOARD,)),
        sections=(ASC_SECTION,),
    ),
    CommandRow(
        name="asccount",
        words="how many sticks there are, pulled ones included",
        success=104,
        sections=(ASCS_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="pgacount",
        words="how many FPGAs there are: none",
        success=59,
        sections=(PGAS_SECTION,),
        dialect=Dialect.CGMINER,
        joinable=True,
    ),
    CommandRow(
        name="devdetails",
        words="what each stick is",
        success=69,
        sections=(DEVDETAILS_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="ascidentify",
        words="would make a stick show itself: none has a light for that",
        success=114,
        handler=done,
        grammar=Grammar(params=(BOARD,)),
        dialect=Dialect.CGMINER,
        write=True,
    ),
    CommandRow(
        name="ascenable",
        words="mine with a stick again, for good",
        success=110,
        handler=asc.ascenable,
        grammar=Grammar(params=(BOARD,)),
        dialect=Dialect.CGMINER,
        write=True,
        also=(asc.ALREADY_ENABLED, asc.GONE),
    ),
    CommandRow(
        name="ascdisable",
        words="leave a stick alone, for good",
        success=111,
        handler=asc.ascdisable,
        grammar=Grammar(params=(BOARD,)),
        dialect=Dialect.CGMINER,
        write=True,
        also=(asc.ALREADY_DISABLED,),
    ),
    CommandRow(
        name="ascset",
        words="set one option of a stick",
        success=119,
        handler=asc.ascset,
        grammar=Grammar(
            params=(
                BOARD,
                Param(
                    name="option",
                    kind=Kind.TEXT,
                    words="help, freq, target, chip, reset, corev, lockfreq, unlockfreq, setfan, "
                    "waitfactor, require, usbprop or zeromaxt",
                    missing=116,
                    example="freq",
                ),
                Param(
                    name="value",
                    kind=Kind.TEXT,
                    words="what it is set to",
                    required=False,
                    example="200",
                ),
            )
        ),
        dialect=Dialect.CGMINER,
        write=True,
        also=(asc.HELP, asc.FAILED),
        refusals={
            "out-of-range": asc.FAILED,
            "failed": asc.FAILED,
            "unsupported": asc.FAILED,
            "not-present": asc.FAILED,
        },
        note="clocks are clamped to the range of the model; `waitfactor`, `require`, `usbprop` and "
        "`zeromaxt` are refused, as nothing here has to be set by them; what is no number is "
        "refused instead of counting as 0",
    ),
    CommandRow(
        name="hotplug",
        words="set how often USB is looked at for sticks; 0 takes no new ones",
        success=100,
        handler=asc.hotplug,
        grammar=Grammar(
            params=(
                Param(
                    name="seconds",
                    kind=Kind.WHOLE,
                    words="between two looks",
                    low=0,
                    high=9999,
                    missing=103,
                    invalid=99,
                    example="5",
                ),
            )
        ),
        dialect=Dialect.CGMINER,
        write=True,
        also=(asc.HOTPLUG_OFF,),
        note="where the kernel tells what is plugged in, sticks are taken at once, whatever the "
        "number",
    ),
    CommandRow(
        name="notify",
        words="how often each stick was not well, by reason, since the service started",
        success=60,
        sections=(NOTIFY_SECTION,),
        dialect=Dialect.CGMINER,
        joinable=True,
    ),
)
