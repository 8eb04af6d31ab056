"""Power, and starting and stopping."""

from luxminer.api.codes import Code
from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.fields.limits import LIMITS_SECTION
from luxminer.api.fields.metrics import METRICS_SECTION
from luxminer.api.fields.profiles import MINERSTATUS_SECTION, POWER_SECTION
from luxminer.api.handlers import metrics
from luxminer.api.handlers.show import done
from luxminer.api.params import Grammar, Kind, Param

__all__ = ["ROWS", "TITLE"]

TITLE = "Power, start and stop"

NO_PSU = 434
NO_POWER_TARGET = 450

ROWS = (
    CommandRow(
        name="power",
        words="what all sticks take",
        success=311,
        sections=(POWER_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
        note="`PSU` is true where every stick measures its input, else it is an estimate: the "
        "power at the wall of the machine that the chips were made for, for the same hash rate",
    ),
    CommandRow(
        name="minerstatus",
        words="in one row whether it mines: Mining, NoWork, NoBoards or Sleeping",
        success=389,
        sections=(MINERSTATUS_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
        note="the names of the fields are ours",
    ),
    CommandRow(
        name="limits",
        words="between what each setting may be, and what it is where nobody sets it",
        success=390,
        sections=(LIMITS_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
        note="0 of what nothing here can be set by. Clocks and core voltages are the widest of all "
        "sticks, `PowerMinDefault` and `PowerLimitDefault` the estimates of the lowest and the "
        "highest profile",
    ),
    CommandRow(
        name="metrics",
        words="what the miner did since the service started, in spans of time that begin at full "
        "minutes, hours or days (UTC)",
        success=391,
        handler=metrics.metrics,
        grammar=Grammar(
            params=(
                Param(
                    name="bucket",
                    kind=Kind.TEXT,
                    words="length of a span; kept 6 hours, a week, 30 days, 90 days",
                    choices=tuple(metrics.BUCKETS_S),
                    key=True,
                    example="1m",
                ),
                Param(
                    name="partial",
                    kind=Kind.FLAG,
                    words="the span under way, too",
                    required=False,
                    default=False,
                    key=True,
                ),
                Param(
                    name="window",
                    kind=Kind.TEXT,
                    words="how far back: 30m, 6h, 7d, 2w; latest is the newest complete span, now "
                    "the one under way",
                    required=False,
                    default=metrics.LATEST,
                    key=True,
                    example="1h",
                ),
            )
        ),
        sections=(METRICS_SECTION,),
        dialect=Dialect.LUXMINER,
        also=(Code.INVALID_PARAMETER,),
        note="time, temperature and counts have names of ours",
    ),
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
