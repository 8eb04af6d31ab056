"""Pools."""

from collections.abc import Mapping

from luxminer.api.codes import Code
from luxminer.api.commands.row import POOL, CommandRow, Dialect
from luxminer.api.fields.pools import GROUPS_SECTION, POOLS_SECTION
from luxminer.api.handlers import pools
from luxminer.api.handlers.context import Handler
from luxminer.api.params import Args, Facts, Grammar, Kind, Param
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
)
