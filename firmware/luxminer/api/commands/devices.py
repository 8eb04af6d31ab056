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
from luxminer.api.handlers import info
from luxminer.api.handlers.show import done
from luxminer.api.params import Grammar

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
        name="notify",
        words="how often each stick was not well, by reason, since the service started",
        success=60,
        sections=(NOTIFY_SECTION,),
        dialect=Dialect.CGMINER,
        joinable=True,
    ),
)
