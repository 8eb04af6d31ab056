"""What differs between two configurations, and the same differences made in a third one.

Rows of a list are told apart by what names them (`IDENTITY`), not by their place, so that changes
find their row in a file that its owner has edited meanwhile.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from luxminer.config.schema import Config

__all__ = [
    "IDENTITY",
    "Add",
    "Change",
    "Ident",
    "Order",
    "Remove",
    "Set",
    "apply",
    "apply_to_rows",
    "diff",
    "idents",
    "reordered",
]

IDENTITY = {
    "groups": ("name",),
    "pools": ("url", "user"),
    "devices": ("serial", "port"),
}
"""Settings that name a row of each list; ``name`` alone, where a list is not here."""

Ident = tuple[object, ...]
"""Values of the settings that name a row, and how many such rows stand before it."""


@dataclass(frozen=True, slots=True)
class Set:
    """One setting of a section, or of a row of a list."""

    section: str
    row: Ident | None
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Add:
    """A row at the end of a list; where it is there already, its settings."""

    section: str
    row: Ident
    settings: Any


@dataclass(frozen=True, slots=True)
class Remove:
    section: str
    row: Ident


@dataclass(frozen=True, slots=True)
class Order:
    """How rows follow each other; others of the list keep their places."""

    section: str
    rows: tuple[Ident, ...]


Change = Set | Add | Remove | Order


def idents(section: str, rows: Sequence[Any]) -> list[Ident]:
    """Return what tells the rows of a list apart."""
    seen: Counter[Ident] = Counter()
    found = []
    for row in rows:
        name: Ident = tuple(getattr(row, key) for key in IDENTITY.get(section, ("name",)))
        found.append((*name, seen[name]))
        seen[name] += 1
    return found


def diff(before: Config, after: Config) -> list[Change]:
    """Return the changes that make ``after`` of ``before``, in the order to be made."""
    changes: list[Change] = []
    for field in dataclasses.fields(Config):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new:
            continue
        if isinstance(new, tuple):
            changes += _rows_differ(field.name, old, new)
        else:
            changes += _settings_differ(field.name, None, old, new)
    return changes


def _settings_differ(section: str, row: Ident | None, old: Any, new: Any) -> list[Change]:
    return [
        Set(section, row, field.name, getattr(new, field.name))
        for field in dataclasses.fields(new)
        if getattr(old, field.name) != getattr(new, field.name)
    ]


def _rows_differ(section: str, old: Sequence[Any], new: Sequence[Any]) -> list[Change]:
    before = dict(zip(idents(section, old), old, strict=True))
    after = dict(zip(idents(section, new), new, strict=True))
    changes: list[Change] = [Remove(section, row) for row in before if row not in after]
    for row, settings in after.items():
        if row in before:
            changes += _settings_differ(section, row, before[row], settings)
        else:
            changes.append(Add(section, row, settings))
    unmoved = [row for row in before if row in after]
    unmoved += [row for row in after if row not in before]
    if unmoved != list(after):
        changes.append(Order(section, tuple(after)))
    return changes


def apply(config: Config, changes: Sequence[Change]) -> Config:
    """Make the changes; those of rows that are not there are left out."""
    values: dict[str, Any] = {
        field.name: getattr(config, field.name) for field in dataclasses.fields(Config)
    }
    for section in dict.fromkeys(change.section for change in changes):
        wanted = [change for change in changes if change.section == section]
        if isinstance(values[section], tuple):
            values[section] = apply_to_rows(section, values[section], wanted)
        else:
            settings = {change.key: change.value for change in wanted if isinstance(change, Set)}
            values[section] = dataclasses.replace(values[section], **settings)
    return Config(**values)


def apply_to_rows(section: str, rows: Sequence[Any], changes: Sequence[Change]) -> tuple[Any, ...]:
    """Return the rows of one list after its changes; see `apply`."""
    found = dict(zip(idents(section, rows), rows, strict=True))
    for change in changes:
        if isinstance(change, Set):
            if change.row is not None and change.row in found:
                found[change.row] = dataclasses.replace(
                    found[change.row], **{change.key: change.value}
                )
        elif isinstance(change, Add):
            found[change.row] = change.settings
        elif isinstance(change, Remove):
            found.pop(change.row, None)
        else:
            names = reordered(list(found), lambda name: name, change.rows)
            found = {name: found[name] for name in names}
    return tuple(found.values())


T = TypeVar("T")


def reordered(
    items: Sequence[T], name_of: Callable[[T], Ident | None], order: Sequence[Ident]
) -> list[T]:
    """Let the items that ``order`` names change places among themselves."""
    by_name = {name_of(item): item for item in items}
    following = iter([by_name[name] for name in order if name in by_name])
    return [next(following) if name_of(item) in order else item for item in items]
