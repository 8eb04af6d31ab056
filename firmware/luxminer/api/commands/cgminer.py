"""What only CGMiner has, for its clients."""

from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.handlers import cgminer
from luxminer.api.handlers.show import done
from luxminer.api.params import Grammar, Kind, Param

__all__ = ["ROWS", "TITLE"]

TITLE = "CGMiner alone"

ROWS = (
    CommandRow(
        name="lockstats",
        words="says that there are none",
        success=124,
        handler=done,
        dialect=Dialect.CGMINER,
        write=True,
        joinable=True,
    ),
    CommandRow(
        name="failover-only",
        words="is refused, as in CGMiner: groups and quotas say how pools are used",
        success=127,
        handler=done,
        grammar=Grammar(
            params=(
                Param(
                    name="name",
                    kind=Kind.TEXT,
                    words="is repeated",
                    required=False,
                    default="(null)",
                    example="true",
                ),
            )
        ),
        dialect=Dialect.CGMINER,
        write=True,
    ),
    CommandRow(
        name="setconfig",
        words="is refused, as in CGMiner: no setting is left that it could change",
        success=83,
        handler=cgminer.setconfig,
        grammar=Grammar(
            params=(
                Param(
                    name="name",
                    kind=Kind.TEXT,
                    words="a setting and its value",
                    missing=85,
                    example="queue,1",
                ),
            )
        ),
        dialect=Dialect.CGMINER,
        write=True,
        also=(cgminer.DEPRECATED,),
    ),
)
