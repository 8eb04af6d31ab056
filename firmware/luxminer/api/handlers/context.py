"""What a handler gets and what it gives back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from luxminer.api.access import Caller
from luxminer.api.columns import Row
from luxminer.api.params import Args, Facts
from luxminer.api.replies import Section
from luxminer.api.sessions import Sessions
from luxminer.control import CommandBus
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["Context", "Handler", "Outcome", "each"]

ROWS_AT_ONCE = 16
"""Rows made in one go: 1 ms on a desktop, several on the slowest Raspberry Pi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The state at the moment of the request, and the ways to change it."""

    miner: MinerSnapshot
    caller: Caller
    sessions: Sessions
    bus: CommandBus
    may_use: Callable[[str], tuple[bool, bool]]
    """Whether a command exists, and whether this caller may use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Success; ``code`` None is the one of the command's row, ``facts`` fill its text."""

    sections: tuple[Section, ...] = ()
    code: int | None = None
    facts: Facts = field(default_factory=dict)


T = TypeVar("T")
Handler = Callable[[Context, Args], Awaitable[Outcome]]


async def each(make: Callable[[T], Row], items: Iterable[T]) -> list[Row]:
    """Make a row of each item, and let mining go on between a few of them."""
    made = []
    for number, item in enumerate(items, 1):
        made.append(make(item))
        if number % ROWS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return made
