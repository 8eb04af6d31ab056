"""Columns of reply rows: a label, where its value comes from, and how it is written.

The order of a table is the order of the text form; JSON sorts by label on its own.

Ref: CGMiner API (decimals per kind of number); integers stay integers, everything
else has fixed decimals, and what is not a finite number is 0.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, TypeAlias, TypeVar

from luxminer.telemetry.model import MinerSnapshot

__all__ = [
    "DIFFICULTY",
    "FLAG",
    "FREE",
    "MEGAHASHES",
    "OBJECT",
    "PERCENT",
    "RATE",
    "ROUNDED",
    "TEXT",
    "TIME",
    "VOLTS",
    "WHOLE",
    "YES_NO",
    "Column",
    "Columns",
    "Digits",
    "Row",
    "Several",
    "Value",
    "constant",
    "json_type",
    "make_row",
    "table",
]

Number = int | float | Fraction


class Digits(str):
    """A number that is already written out: JSON takes it without quotes."""

    __slots__ = ()


Value: TypeAlias = "int | str | Digits | tuple[Value, ...] | dict[str, Value]"
"""A bool counts as int here and is written ``true`` or ``false``. Lists and rows inside a row are
of LuxOS alone; text has a list with blanks between, and ``outer.inner`` as label of a row's."""

Row = dict[str, Value]
"""Label to value, in the order of the text form."""

Format = Callable[[Any], Value]
T = TypeVar("T")


def _finite(value: Number | None) -> Number:
    return value if value is not None and math.isfinite(value) else 0


def _whole(value: Number | None) -> int:
    return math.floor(_finite(value))


def _rounded(value: Number | None) -> int:
    return round(_finite(value))


def _fixed(decimals: int) -> Callable[[Number | None], Digits]:
    return lambda value: Digits(f"{float(_finite(value)):.{decimals}f}")


def _yes_no(value: bool) -> str:
    return "Y" if value else "N"


def _same(value: int | str) -> int | str:
    return value


WHOLE: Format = _whole
"""Counters and difficulties: the fraction is cut off, as CGMiner does with its best share."""
ROUNDED: Format = _rounded
"""Elapsed seconds, and frequencies and percentages that LuxOS shows as integers."""
TIME: Format = _whole
"""Unix seconds, 0 for never."""
RATE: Format = _fixed(2)
"""Hash rates, per-minute rates, temperatures, clocks."""
VOLTS: Format = _fixed(3)
MEGAHASHES: Format = _fixed(4)
PERCENT: Format = _fixed(4)
"""Already multiplied by 100."""
FREE: Format = _fixed(6)
"""Fine times and the free numbers of ``estats``."""
DIFFICULTY: Format = _fixed(8)
TEXT: Format = str
FLAG: Format = bool
YES_NO: Format = _yes_no
OBJECT: Format = dict
"""A row inside the row, made already."""


@dataclass(frozen=True, slots=True)
class Several:
    """Format of a list of values that have one format."""

    each: Format

    def __call__(self, values: Iterable[Any]) -> tuple[Value, ...]:
        return tuple(map(self.each, values))


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One field of a row about a ``T``. An optional one is left out while its value is None."""

    label: str
    format: Format
    get: Callable[[MinerSnapshot, T], object]
    optional: bool = False


Columns = tuple[Column[T], ...]


def constant(label: str, value: int | str) -> Column[Any]:
    """Make a field that clients demand and that can have only this value here."""
    return Column(label, _same, lambda _miner, _item: value)


def table(*columns: Column[T]) -> Columns[T]:
    """Collect the columns of one kind of row; no label twice."""
    labels = [column.label for column in columns]
    assert len(labels) == len(set(labels)), labels
    return columns


WHOLE_FORMATS: tuple[Format, ...] = (WHOLE, ROUNDED)
TEXT_FORMATS: tuple[Format, ...] = (TEXT, YES_NO)


def json_type(column: Column[Any]) -> str:
    """Return the type of a field in the words of JSON Schema."""
    if column.format is _same:
        value = column.get(None, None)  # type: ignore[arg-type]  # a constant looks at neither
        names = {bool: "boolean", int: "integer", str: "string"}
        return names[type(value)]
    if column.format is FLAG:
        return "boolean"
    if column.format is OBJECT or isinstance(column.format, Several):
        return "object" if column.format is OBJECT else "array"
    if column.format in WHOLE_FORMATS:
        return "integer"
    return "string" if column.format in TEXT_FORMATS else "number"


def make_row(columns: Iterable[Column[T]], miner: MinerSnapshot, item: T, number: int = 0) -> Row:
    """Read the columns of one item. ``number`` stands in for ``{n}`` in labels."""
    row: Row = {}
    for column in columns:
        value = column.get(miner, item)
        if value is not None or not column.optional:
            label = column.label.format(n=number) if "{" in column.label else column.label
            row[label] = column.format(value)
    return row
