"""What a row of the table of commands says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from luxminer.api.codes import Code
from luxminer.api.grammar import invalid_code, missing_code, nothing_code
from luxminer.api.handlers.context import Handler
from luxminer.api.handlers.show import show
from luxminer.api.params import NO_PARAMETER, Args, Facts, Grammar, Kind, Param
from luxminer.api.sections import SectionTable
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["BOARD", "POOL", "CommandRow", "Dialect"]


class Dialect(StrEnum):
    """Whose command it is."""

    LUXMINER = "LUXminer"
    CGMINER = "CGMiner"
    BOTH = "LUXminer and CGMiner"


BOARD = Param(
    name="board_id", kind=Kind.STICK, words="the stick, by its number in `devs`", example="0"
)
POOL = Param(
    name="pool_id", kind=Kind.POOL, words="the pool, by its number in `pools`", example="0"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow:
    """One command. Without ``handler`` it shows what ``sections`` say.

    A command that has no meaning here is refused: its ``success`` is the code of that error, and
    its handler is `done`.
    """

    name: str
    words: str
    """What it does, for the documentation: a sentence without its full stop."""
    success: int = 0
    """Code of the usual success; 0 of a reply that is a bare word."""
    handler: Handler | None = None
    grammar: Grammar = NO_PARAMETER
    sections: tuple[SectionTable[Any], ...] = ()
    dialect: Dialect = Dialect.BOTH
    write: bool = False
    """Needs the right to change things."""
    session: bool = False
    """Needs the active session's id as first value."""
    sessionless: bool = False
    """Is also taken without the id, for clients that forget it: where a value of its own stands in
    the first place."""
    joinable: bool = False
    """May be part of ``a+b``, without a parameter."""
    bare: str = ""
    """The reply is this word alone."""
    facts: Callable[[Args, MinerSnapshot], Facts] | None = None
    """What the texts of its codes speak of beside its parameters."""
    also: tuple[int, ...] = ()
    """Codes of its other answers, which the handler gives."""
    refusals: Mapping[str, int] = field(default_factory=dict)
    """Reason of a CommandError to the code that says so; others are shown in their own words."""
    note: str = ""
    """What is different here from the reference, for the documentation."""
    run: Handler = field(init=False)
    """What answers: the handler, or the one that shows the sections."""

    def __post_init__(self) -> None:
        assert self.handler is not None or self.sections, self.name
        assert bool(self.success) != bool(self.bare), self.name
        object.__setattr__(self, "run", self.handler or show(self.sections))

    @property
    def letter(self) -> str:
        """Return the group that has it at least: R of those who may read, else W."""
        return "W" if self.write else "R"

    @property
    def codes(self) -> tuple[int, ...]:
        """Return every code that it answers with by its own rules, in their order."""
        found: set[int | None] = {self.success or None, *self.also, *self.refusals.values()}
        if self.write:
            found.add(Code.ACCESS_DENIED)
        if self.session:
            found |= {Code.MISSING_SESSION, Code.INVALID_SESSION}
        for param in self.grammar.params:
            found.add(nothing_code(param))
            if param.required:
                found.add(missing_code(param))
            if not param.lax and not (param.kind is Kind.TEXT and not param.choices):
                found.add(invalid_code(param))
        if self.grammar.keys:
            found |= {Code.INVALID_KEY_VALUE, Code.UNKNOWN_KEY}
        found |= {self.grammar.nothing, self.grammar.surplus}
        return tuple(sorted(code for code in found if code is not None))

    @property
    def example(self) -> str:
        """Return the parameter of an example, without the session id."""
        shown = (param for param in self.grammar.params if param.example)
        return ",".join(f"{p.name}={p.example}" if p.key else p.example for p in shown)
