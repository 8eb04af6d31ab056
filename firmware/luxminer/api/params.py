"""Parameters of commands as data: what a row of the table of commands says about its values.

From a `Grammar` come the parser (`grammar`), the codes of wrong values, the page of the
documentation and the OpenAPI document.

Ref: CGMiner API (order of the checks of each command's parameter), LUXminer API (parameters).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from luxminer.telemetry.model import DeviceSnapshot, GroupSnapshot, PoolSnapshot

__all__ = ["NO_ARGS", "NO_PARAMETER", "Args", "Facts", "Grammar", "Kind", "Param", "Refusal"]

Facts = dict[str, object]
"""What fills the braces of a status text."""

T = TypeVar("T")


class Refusal(Exception):
    """A request that a table or an owner turns down: the code, and what its text speaks of."""

    def __init__(self, code: int, **facts: object) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.facts = facts


class Kind(StrEnum):
    """What a value is; the words stand in the documentation and in errors."""

    STICK = "number of a stick"
    POOL = "number of a pool"
    GROUP = "number of a group"
    WHOLE = "whole number"
    """As C reads it: rubbish behind the digits is ignored, unless it makes them part of a word."""
    NUMBER = "number"
    TEXT = "text"
    FLAG = "true or false"
    SWITCH = "on or off"
    TRUTH = "true or false by its first letter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One value of a command."""

    name: str
    kind: Kind
    words: str
    required: bool = True
    default: Any = None
    """Of one that is left out."""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    """Texts that are possible; their case does not matter."""
    key: bool = False
    """Written ``name=value``, in any order, behind those that have a fixed place."""
    bare: bool = False
    """Of those with a key: may also stand without it, in the order of the grammar."""
    many: bool = False
    """Last of the grammar: takes all values that are left; its value is a tuple."""
    if_fits: bool = False
    """Taken only from a value that it can have; any other is that of the next parameter."""
    lax: bool = False
    """A value that is not possible counts as left out."""
    empty: bool = False
    """May be empty, but its comma must be there."""
    secret: bool = False
    """Never repeated in a reply."""
    missing: int | None = None
    """Code when it lacks; None takes that of the kind."""
    invalid: int | None = None
    """Code when its value is not possible; None takes that of the kind."""
    example: str = ""

    @property
    def expected(self) -> str:
        """Return what is possible, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{self.low:g} or more"
        return str(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """The values of a command in their order, separated by commas.

    Without ``many`` and keys the last one takes the rest of the text, commas included. The session
    id of commands that need one is not part of it.
    """

    params: tuple[Param, ...] = ()
    escaped: bool = False
    """A backslash makes the next character literal."""
    nothing: int | None = None
    """Code when there is no value at all; None: that of the first one that lacks."""
    surplus: int | None = None
    """Code of more values than there are parameters; None ignores them."""

    def __post_init__(self) -> None:
        names = [param.name for param in self.params]
        assert len(names) == len(set(names)), names
        assert not any(param.many for param in self.params[:-1]), names

    @property
    def places(self) -> tuple[Param, ...]:
        return tuple(param for param in self.params if not param.key)

    @property
    def keys(self) -> tuple[Param, ...]:
        return tuple(param for param in self.params if param.key)


NO_PARAMETER = Grammar()
"""Commands without a parameter take any, as CGMiner does."""


class Args:
    """The values of one request, each of the type of its kind."""

    __slots__ = ("_values", "facts")

    def __init__(self, values: Mapping[str, Any], facts: Facts) -> None:
        self._values = values
        self.facts = facts
        """What status texts may repeat: nothing secret. ``id``, ``url`` and ``last`` are those of
        the pool or stick, ``details`` all that comes before the first secret."""

    def given(self, name: str) -> bool:
        """Tell whether there is a value, be it the default."""
        return self._values[name] is not None

    def stick(self, name: str = "board_id") -> DeviceSnapshot:
        return self._of(name, DeviceSnapshot)

    def pool(self, name: str = "pool_id") -> PoolSnapshot:
        return self._of(name, PoolSnapshot)

    def group(self, name: str = "group_id") -> GroupSnapshot:
        return self._of(name, GroupSnapshot)

    def whole(self, name: str) -> int:
        return self._of(name, int)

    def number(self, name: str) -> float:
        return self._of(name, float)

    def text(self, name: str) -> str:
        return self._of(name, str)

    def flag(self, name: str) -> bool:
        return self._of(name, bool)

    def value(self, name: str) -> float | str | bool:
        """Return a value of whatever kind, but no stick, pool or group."""
        value = self._values[name]
        assert isinstance(value, int | float | str), (name, value)
        return value

    def many(self, name: str) -> tuple[Any, ...]:
        value: tuple[Any, ...] = self._of(name, tuple)
        return value

    def _of(self, name: str, kind: type[T]) -> T:
        value = self._values[name]
        assert isinstance(value, kind), (name, value)
        return value


NO_ARGS = Args({}, {})
