"""What a reply consists of, before it is written as JSON or text."""

from collections.abc import Iterable
from dataclasses import dataclass

from luxminer.api.columns import Row

__all__ = ["Answer", "Joined", "Reply", "Section", "Status", "one", "rows"]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one JSON key; ``word`` heads the only row of a one-row section in text."""

    key: str
    rows: tuple[Row, ...]
    word: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    letter: str
    when: int
    """Unix seconds."""
    code: int
    text: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one command. A section without rows is not shown."""

    status: Status
    sections: tuple[Section, ...] = ()
    bare: str = ""
    """A word that is all of the reply, as CGMiner's last ones are; no status is shown then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The answers to ``a+b+c``, in the order asked for, each name once."""

    parts: tuple[tuple[str, Reply], ...]


Answer = Reply | Joined


def one(key: str, row: Row) -> Section:
    """Make a section that always has exactly one row."""
    return Section(key, (row,), word=True)


def rows(key: str, items: Iterable[Row]) -> Section:
    """Make a list of rows; their first field numbers them."""
    return Section(key, tuple(items))
