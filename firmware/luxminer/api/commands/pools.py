"""Pools."""

from collections.abc import Mapping
from dataclasses import fields

from luxminer.api.codes import Code
from luxminer.api.commands.row import POOL, CommandRow, Dialect
from luxminer.api.fields.pools import GROUPS_SECTION, OPTIONS_SECTION, POOLS_SECTION
from luxminer.api.handlers import pools
from luxminer.api.handlers.context import Handler
from luxminer.api.params import Args, Facts, Grammar, Kind, Param
from luxminer.config.schema import MAX_QUOTA, StratumConfig
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["ROWS", "TITLE"]

TITLE = "Pools"


def _pool_count(_args: Args, miner: MinerSnapshot) -> Facts:
    return {"count": len(miner.pools)}


def _order(
    name: str,
    words: str,
    success: int,
    handler: Handler,
    *,
    refusals: Mapping[str, int] | None = None,
    also: tuple[int, ...] = (),
) -> CommandRow:
    """Describe an order about one pool."""
    return CommandRow(
        name=name,
        words=words,
        success=success,
        handler=handler,
        grammar=Grammar(params=(POOL,)),
        write=True,
        also=also,
        refusals={"unknown-pool": Code.INVALID_POOL, **(refusals or {})},
    )


ADDPOOL = Grammar(
    params=(
        Param(
            name="url",
            kind=Kind.TEXT,
            words="its address, as in the settings",
            missing=Code.INVALID_ADDPOOL,
            example="stratum+tcp://pool.example:3333",
        ),
        Param(
            name="user",
            kind=Kind.TEXT,
            words="account and worker",
            missing=Code.INVALID_ADDPOOL,
            example="account.worker",
        ),
        Param(
            name="password",
            kind=Kind.TEXT,
            words="may be empty, but its comma must be there",
            empty=True,
            secret=True,
            missing=Code.INVALID_ADDPOOL,
            example="x",
        ),
        Param(
            name="group_id",
            kind=Kind.WHOLE,
            words="its group; the first one without it",
            required=False,
            default=0,
            invalid=Code.INVALID_GROUP,
        ),
    ),
    escaped=True,
    nothing=Code.MISSING_ADDPOOL,
    surplus=Code.INVALID_ADDPOOL,
)

GROUP = Param(
    name="group_id", kind=Kind.GROUP, words="the group, by its number in `groups`", example="0"
)
GROUP_QUOTA = Param(
    name="quota",
    kind=Kind.NUMBER,
    words="its part of all work; 0: only while no other works",
    low=0,
    high=MAX_QUOTA,
    example="2",
)


def _option(name: str) -> Param:
    setting = next(each for each in fields(StratumConfig) if each.name == name)
    return Param(
        name=name,
        kind=Kind.NUMBER,
        words=setting.metadata["words"],
        required=False,
        low=setting.metadata["low"],
        high=setting.metadata["high"],
        key=True,
        example="30" if name == "failback_s" else "",
    )


ROWS = (
    CommandRow(
        name="pools",
        words="one row per pool",
        success=7,
        sections=(POOLS_SECTION,),
        joinable=True,
    ),
    CommandRow(
        name="groups",
        words="one row per group of pools",
        success=324,
        sections=(GROUPS_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
    ),
    CommandRow(
        name="addpool",
        words="adds a pool at the end of the list",
        success=55,
        handler=pools.addpool,
        grammar=ADDPOOL,
        write=True,
        facts=_pool_count,
        refusals={
            "invalid-url": Code.INVALID_ADDPOOL,
            "invalid-user": Code.INVALID_ADDPOOL,
            "too-many": Code.TOO_MANY_POOLS,
            "unknown-group": Code.INVALID_GROUP,
        },
    ),
    _order("switchpool", "makes a pool the first and enables it", 27, pools.switchpool),
    _order("enablepool", "lets a pool be used", 47, pools.enablepool, also=(49,)),
    _order(
        "disablepool",
        "keeps a pool without using it",
        48,
        pools.disablepool,
        also=(50,),
        refusals={"last-pool": 51},
    ),
    _order(
        "removepool",
        "takes a pool off the list",
        68,
        pools.removepool,
        refusals={"last-pool": 66, "active-pool": 67},
    ),
    CommandRow(
        name="poolpriority",
        words="puts these pools first, in this order",
        success=73,
        handler=pools.poolpriority,
        grammar=Grammar(
            params=(
                Param(
                    name="pool_id",
                    kind=Kind.POOL,
                    words="pools by their numbers, the best first",
                    many=True,
                    example="1",
                ),
            )
        ),
        dialect=Dialect.CGMINER,
        write=True,
        also=(pools.DUPLICATE_POOL,),
        refusals={"unknown-pool": Code.INVALID_POOL},
    ),
    CommandRow(
        name="poolquota",
        words="sets the part of a pool in a group that balances its load",
        success=122,
        handler=pools.poolquota,
        grammar=Grammar(
            params=(
                POOL,
                Param(
                    name="quota",
                    kind=Kind.NUMBER,
                    words="its part, against those of the others",
                    low=0,
                    missing=86,
                    invalid=121,
                    example="3",
                ),
            )
        ),
        dialect=Dialect.CGMINER,
        write=True,
        refusals={"unknown-pool": Code.INVALID_POOL},
    ),
    CommandRow(
        name="addgroup",
        words="adds a group without pools",
        success=360,
        handler=pools.addgroup,
        grammar=Grammar(
            params=(
                Param(name="name", kind=Kind.TEXT, words="what it is called", example="second"),
                GROUP_QUOTA,
            )
        ),
        dialect=Dialect.LUXMINER,
        write=True,
    ),
    CommandRow(
        name="removegroup",
        words="takes a group away, with all its pools",
        success=361,
        handler=pools.removegroup,
        grammar=Grammar(params=(GROUP,)),
        dialect=Dialect.LUXMINER,
        write=True,
        refusals={"unknown-group": Code.INVALID_GROUP},
    ),
    CommandRow(
        name="groupquota",
        words="sets the part of a group",
        success=362,
        handler=pools.groupquota,
        grammar=Grammar(params=(GROUP, GROUP_QUOTA)),
        dialect=Dialect.LUXMINER,
        write=True,
        refusals={"unknown-group": Code.INVALID_GROUP},
    ),
    CommandRow(
        name="poolopts",
        words="shows the times by which pools are given up and used again, in seconds",
        success=363,
        sections=(OPTIONS_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
        note="the names of the fields are ours",
    ),
    CommandRow(
        name="pooloptsset",
        words="changes them; they hold from now on",
        success=364,
        handler=pools.pooloptsset,
        grammar=Grammar(params=tuple(map(_option, pools.OPTIONS))),
        dialect=Dialect.LUXMINER,
        write=True,
        note="the names are those of the settings in `[stratum]`",
    ),
)
