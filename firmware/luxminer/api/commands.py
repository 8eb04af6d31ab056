"""The table of commands. A new command is one row here and one handler.

Unknown command, missing right, missing session and bad parameter are answered from here.

Ref: LUXminer API and CGMiner API (commands; which write, which can be joined).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from luxminer.api import params
from luxminer.api.codes import CODES, Code
from luxminer.api.handlers import info, pools, session, stats
from luxminer.api.handlers.context import Handler
from luxminer.api.params import AddPoolDetails, Facts, Grammar
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["CODES", "COMMANDS", "CommandRow"]

P = TypeVar("P")


def _no_facts(_value: object, _miner: MinerSnapshot) -> Facts:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow(Generic[P]):
    name: str
    success: int
    """Code of the usual success."""
    handler: Handler[P]
    grammar: Grammar[P]
    write: bool = False
    """Needs the right to change things."""
    session: bool = False
    """Needs the active session's id as first value."""
    joinable: bool = False
    """May be part of ``a+b``, without a parameter."""
    facts: Callable[[P, MinerSnapshot], Facts] = _no_facts
    """What the texts of its codes speak of."""
    refusals: Mapping[str, int] = field(default_factory=dict)
    """Reason of a CommandError to the code that says so; others are shown in their own words."""


def _addpool_facts(details: AddPoolDetails, miner: MinerSnapshot) -> Facts:
    shown = {"details": details.shown, "url": details.url, "group": details.group}
    return {**shown, "count": len(miner.pools)}


def _show(name: str, success: int, handler: Handler[None]) -> CommandRow[None]:
    """Describe a command that reads, takes no parameter and may be joined."""
    return CommandRow(
        name=name, success=success, handler=handler, grammar=params.ignored, joinable=True
    )


def _pool_order(
    name: str, success: int, handler: Handler[Any], refusals: Mapping[str, int]
) -> CommandRow[Any]:
    return CommandRow(
        name=name,
        success=success,
        handler=handler,
        grammar=params.pool,
        write=True,
        facts=params.pool_facts,
        refusals={"unknown-pool": Code.INVALID_POOL, **refusals},
    )


ROWS: tuple[CommandRow[Any], ...] = (
    _show("version", 22, info.version),
    _show("config", 33, info.config),
    _show("summary", 11, info.summary),
    _show("coin", 78, info.coin),
    _show("devs", 9, info.devs),
    _show("devdetails", 69, info.devdetails),
    _show("asccount", 104, info.asccount),
    _show("pgacount", 59, info.pgacount),
    _show("pools", 7, info.pools),
    _show("stats", 70, stats.stats),
    _show("events", 357, info.events),
    CommandRow(name="edevs", success=9, handler=info.edevs, grammar=params.age_s, joinable=True),
    CommandRow(
        name="estats", success=70, handler=stats.estats, grammar=params.age_s, joinable=True
    ),
    CommandRow(name="asc", success=106, handler=info.asc, grammar=params.device),
    CommandRow(name="check", success=72, handler=info.check, grammar=params.command_name),
    CommandRow(
        name="privileged",
        success=46,
        handler=info.privileged,
        grammar=params.ignored,
        write=True,
    ),
    CommandRow(
        name="addpool",
        success=55,
        handler=pools.addpool,
        grammar=params.pool_details,
        write=True,
        facts=_addpool_facts,
        refusals={
            "invalid-url": Code.INVALID_ADDPOOL,
            "invalid-user": Code.INVALID_ADDPOOL,
            "too-many": Code.TOO_MANY_POOLS,
            "unknown-group": Code.INVALID_GROUP,
        },
    ),
    _pool_order("switchpool", 27, pools.switchpool, {}),
    _pool_order("enablepool", 47, pools.enablepool, {}),
    _pool_order("disablepool", 48, pools.disablepool, {"last-pool": 51}),
    _pool_order("removepool", 68, pools.removepool, {"last-pool": 66, "active-pool": 67}),
    CommandRow(
        name="logon",
        success=316,
        handler=session.logon,
        grammar=params.ignored,
        write=True,
        joinable=True,
    ),
    CommandRow(
        name="logoff",
        success=317,
        handler=session.end,
        grammar=params.ignored,
        write=True,
        session=True,
    ),
    CommandRow(
        name="kill",
        success=318,
        handler=session.end,
        grammar=params.ignored,
        write=True,
        joinable=True,
    ),
    _show("session", 319, session.session),
)

COMMANDS: Mapping[str, CommandRow[Any]] = MappingProxyType({row.name: row for row in ROWS})
