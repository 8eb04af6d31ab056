"""The parts of replies as data: under which key, of which columns, one row or a list.

From a `SectionTable` come the rows of a reply, the fields in the documentation and the schema of
the OpenAPI document.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from luxminer.api.columns import Column, Columns, make_row
from luxminer.api.replies import Section, one, rows
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["SectionTable", "single"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SectionTable(Generic[T]):
    """Rows under one key of a reply."""

    key: str
    columns: Columns[T]
    items: Callable[[MinerSnapshot], Sequence[T]] | None = None
    """What the rows are about; None where the handler chooses."""
    is_single: bool = False
    """Always exactly one row, which its key heads in text."""
    more: tuple[Columns[Any], ...] = ()
    """Columns that the handler adds to a row; ``{n}`` in a label is a number."""

    @property
    def fields(self) -> dict[str, Column[Any]]:
        """Return all columns by label; ``{n}`` in one stands for a number."""
        tables: tuple[Columns[Any], ...] = (self.columns, *self.more)
        return {column.label: column for table in tables for column in table}

    def of(self, miner: MinerSnapshot, items: Iterable[T]) -> Section:
        """Make the section of a few items; see `show` for many."""
        made = [make_row(self.columns, miner, item) for item in items]
        return one(self.key, made[0]) if self.is_single else rows(self.key, made)


def single(key: str, columns: Columns[None]) -> SectionTable[None]:
    """Describe the one row about the miner as a whole."""
    return SectionTable(key, columns, lambda _miner: (None,), is_single=True)
