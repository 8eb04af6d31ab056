"""Health of chips."""

from dataclasses import replace

from luxminer.api.codes import Code
from luxminer.api.commands.row import BOARD, CommandRow, Dialect
from luxminer.api.commands.sticks import CHIP
from luxminer.api.fields.health import CHIPS_SECTION, HEALTH_SECTION
from luxminer.api.handlers import health
from luxminer.api.handlers.sticks import NO_SUCH_CHIP
from luxminer.api.params import Grammar, Kind, Param

__all__ = ["ROWS", "TITLE"]

TITLE = "Health of chips"

ROWS = (
    CommandRow(
        name="healthchipget",
        words="what each chip finds, and whether that is enough",
        success=314,
        handler=health.healthchipget,
        grammar=Grammar(params=(replace(BOARD, required=False), CHIP)),
        sections=(CHIPS_SECTION,),
        dialect=Dialect.LUXMINER,
        also=(Code.NO_ASCS, NO_SUCH_CHIP),
        note="without a stick those of all; `Healthy` is Unknown until a chip was watched for long "
        "enough that chance alone explains no verdict",
    ),
    CommandRow(
        name="healthchipset",
        words="judge the chips of a stick anew, or one of them",
        success=372,
        handler=health.healthchipset,
        grammar=Grammar(params=(BOARD, CHIP)),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
        also=(NO_SUCH_CHIP,),
    ),
    CommandRow(
        name="healthctrl",
        words="how chips are judged",
        success=373,
        sections=(HEALTH_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
        note="the names of the fields are those that `limits` has in LUXminer",
    ),
    CommandRow(
        name="healthctrlset",
        words="set how chips are judged",
        success=374,
        handler=health.healthctrlset,
        grammar=Grammar(
            params=(
                Param(
                    name="num_readings",
                    kind=Kind.WHOLE,
                    words="seconds that a chip is watched at least",
                    low=1,
                    high=500,
                    example="120",
                ),
                Param(
                    name="amplified_factor",
                    kind=Kind.NUMBER,
                    words="part of the expected nonces that makes it healthy",
                    low=0.1,
                    high=1.0,
                    example="0.2",
                ),
            )
        ),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
)
