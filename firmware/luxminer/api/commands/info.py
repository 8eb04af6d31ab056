"""What the miner says about itself."""

from luxminer.api.codes import Code
from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.fields.config import CONFIG_SECTION
from luxminer.api.fields.lcd import LCD_SECTION
from luxminer.api.fields.stats import ESTATS_SECTION, STATS_SECTION
from luxminer.api.fields.totals import (
    CHECK_SECTION,
    COIN_SECTION,
    SUMMARY_SECTION,
    VERSION_SECTION,
)
from luxminer.api.handlers import info, stats
from luxminer.api.handlers.show import done
from luxminer.api.params import Grammar, Kind, Param

__all__ = ["OLD", "ROWS", "TITLE"]

TITLE = "The miner"

OLD = Grammar(
    params=(
        Param(
            name="old",
            kind=Kind.WHOLE,
            words="seconds: sticks pulled less than this ago are shown too",
            required=False,
            default=0,
            lax=True,
        ),
    )
)

ROWS = (
    CommandRow(
        name="version",
        words="versions of service, API and dialect",
        success=22,
        sections=(VERSION_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="config",
        words="what the machine is and how it is set",
        success=33,
        sections=(CONFIG_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="summary",
        words="hash rates, shares and luck of the whole miner",
        success=11,
        sections=(SUMMARY_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="coin",
        words="the chain that is mined on",
        success=78,
        sections=(COIN_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="stats",
        words="the block that farm monitors read: one numbered set of fields per stick",
        success=70,
        handler=stats.stats,
        sections=(STATS_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="estats",
        words="one row per stick with the fields of CGMiner's Gekko driver",
        success=70,
        handler=stats.estats,
        grammar=OLD,
        sections=(ESTATS_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="lcd",
        words="what a small display shows",
        success=125,
        sections=(LCD_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="check",
        words="whether a command exists, and whether the caller may use it",
        success=72,
        handler=info.check,
        grammar=Grammar(
            params=(
                Param(
                    name="command",
                    kind=Kind.TEXT,
                    words="its name",
                    missing=Code.MISSING_CHECK,
                    example="summary",
                ),
            )
        ),
        sections=(CHECK_SECTION,),
    ),
    CommandRow(
        name="privileged",
        words="succeeds for callers that may change things",
        success=46,
        handler=done,
        dialect=Dialect.CGMINER,
        write=True,
    ),
)
