"""What a handler gets and what it gives back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from luxminer.api.access import Caller
from luxminer.api.params import Facts
from luxminer.api.replies import Section
from luxminer.api.sessions import Sessions
from luxminer.control import CommandBus
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["Context", "Handler", "Outcome"]


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


P = TypeVar("P")
Handler = Callable[[Context, P], Awaitable[Outcome]]
