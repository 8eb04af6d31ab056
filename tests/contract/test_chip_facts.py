"""Proof that a changed fact of a chip is seen.

Each fact is changed by itself, in the drivers only, and at least one vector or row of the products
must then disagree. A fact that nothing from outside our own code proves is listed with its reason.
"""

import ast
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from luxminer.errors import LuxminerError
from luxminer_drivers.common import facts as common
from tests.contract.test_chip_vectors import (
    CHECKS_MODULE,
    ROOT,
    check_rows,
    facts_of,
    ours,
)
from tests.contract.unproven_facts import EQUIVALENT, UNPROVEN


class Facts(NamedTuple):
    """A module of facts, and the packages that have to be imported anew when it changes."""

    name: str
    packages: tuple[str, ...]
    families: tuple[str, ...]
    """Whose vectors can see a change; empty for all."""


LATER = ("bm13xx", "bm1387", "bm1397", "bm1362", "bm1370")
MODULES = (
    Facts("common", ("common", "bm1380", "bm1384", "icarus", *LATER), ()),
    Facts("icarus", ("icarus", "bm1380"), ("ICARUS", "BM1380")),
    Facts("bm1380", ("bm1380",), ("BM1380",)),
    Facts("bm1384", ("bm1384", "bm1380", "icarus"), ("BM1384",)),
    Facts("bm13xx", LATER, ()),
    Facts("bm1387", ("bm1387",), ("BM1387",)),
    Facts("bm1397", ("bm1397",), ("BM1397", "BM1391", "BM1366", "BM1368", "BM1370")),
    Facts("bm1362", ("bm1362", "bm1370"), ("BM1362", "BM1366", "BM1368", "BM1370")),
    Facts("bm1370", ("bm1370",), ("BM1370", "BM1368")),
)


@pytest.mark.parametrize("name", [module.name for module in MODULES])
def test_facts_are_rows_without_code(name: str) -> None:
    facts = facts_of(name)
    tree = ast.parse(Path(facts.__file__).read_text())
    own = {name for name, value in vars(facts).items() if isinstance(value, type)}
    allowed = (
        *(ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.Assign, ast.keyword),
        *(ast.AnnAssign, ast.Expr, ast.Constant, ast.Name, ast.Load, ast.Store, ast.Attribute),
        *(ast.Call, ast.Tuple, ast.Subscript, ast.BinOp, ast.BitOr),  # X | None is a type
    )
    for node in ast.walk(tree):
        assert isinstance(node, allowed), f"line {getattr(node, 'lineno', '?')}: {node}"
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            assert node.func.id in own
        if isinstance(node, ast.ImportFrom):
            module = str(node.module)
            assert module in ("typing", "enum") or module.endswith(".facts")


def mutations(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield where ``value`` was changed, and it with that one change."""
    if isinstance(value, bool):
        yield place, not value
    elif value is None:
        yield place, 1
    elif isinstance(value, Enum):
        yield place, next(each for each in type(value) if each is not value)
    elif isinstance(value, int | float):
        yield place, type(value)(value * 1.25 + 1)
    elif isinstance(value, str | bytes):
        yield place, value[:-1] or (b"\x01" if isinstance(value, bytes) else "x")
    elif isinstance(value, tuple):
        names = getattr(value, "_fields", None) or [str(index) for index in range(len(value))]
        for index, item in enumerate(value):
            if is_same_to_everybody(value, names[index]):
                continue
            for where, changed in mutations(item, f"{place}.{names[index]}"):
                items = [*value[:index], changed, *value[index + 1 :]]
                yield where, type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    else:
        raise TypeError(f"no idea how to change {value!r}")


def is_same_to_everybody(value: object, name: str) -> bool:
    """Names of fields are for people; a single group of bytes has no other order."""
    if isinstance(value, common.Field):
        return name == "name" or (name == "order" and value.width <= common.WORD_LENGTH)
    return isinstance(value, common.BitField) and name == "name"


def changed_members(value: type[Enum]) -> Iterator[tuple[str, object]]:
    for member in value:
        members = {each.name: each.value for each in value}
        (_, members[member.name]), *_ = mutations(member.value)
        if isinstance(member.value, int):
            members[member.name] = member.value + 1
        if len({repr(each) for each in members.values()}) == len(members):
            yield member.name, value.__base__(value.__name__, members)  # type: ignore[misc]


def parts(value: Any) -> Iterator[int]:
    """Yield who is inside a row."""
    if isinstance(value, tuple):
        for item in value:
            yield id(item)
            yield from parts(item)


def own_facts(facts: Any) -> Iterator[tuple[str, Any]]:
    """Yield the facts of a module that are no part of another one of it, nor from elsewhere."""
    tree = ast.parse(Path(facts.__file__).read_text())
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    rows = {name: getattr(facts, name) for name in names}
    inside = {each for row in rows.values() for each in parts(row)}
    for name, value in rows.items():
        is_row = isinstance(value, tuple) and id(value) in inside
        if not is_row and name != "PRODUCTS":
            yield name, value


def is_listed(table: Mapping[str, str], *names: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in table for name in names)


MARKERS = ("Order", "Split", "TicketOrder")
"""Enumerations whose values are for people: their members are what counts."""


def all_changes(module: Facts) -> Iterator[tuple[str, str, object]]:
    """Yield the name of a fact, the place in it, and it with a change at that place."""
    for name, value in own_facts(facts_of(module.name)):
        if isinstance(value, type):
            is_enum = issubclass(value, Enum) and name not in MARKERS
            places = changed_members(value) if is_enum else iter(())
            changes = [(f".{place}", changed) for place, changed in places]
        elif module.name == "bm1384" and name == "PRODUCTS":
            continue
        else:
            changes = list(mutations(value))
        yield from ((name, place, changed) for place, changed in changes)


def changed_facts(module: Facts) -> Iterator[tuple[str, str, object]]:
    """Yield the changes that have to be noticed."""
    left_out = {**UNPROVEN[module.name], **EQUIVALENT[module.name]}
    for name, place, changed in all_changes(module):
        if not is_listed(left_out, name, name + place):
            yield name, place, changed


@contextmanager
def fresh_driver(module: Facts) -> Iterator[Any]:
    """Import facts anew, and after the caller has changed them, whoever imports the driver."""
    prefixes = (*(f"{ROOT}.{name}" for name in module.packages), CHECKS_MODULE)
    saved = {name: each for name, each in sys.modules.items() if name.startswith(prefixes)}
    for name in saved:
        del sys.modules[name]
        package, _, child = name.rpartition(".")
        if package in sys.modules:  # which would give away the old one
            delattr(sys.modules[package], child)
    try:
        yield facts_of(module.name)
    finally:
        for name in [name for name in sys.modules if name.startswith(prefixes)]:
            del sys.modules[name]
        sys.modules.update(saved)
        for name, each in saved.items():  # packages hold their modules as attributes, too
            package, _, child = name.rpartition(".")
            setattr(sys.modules[package], child, each)


TROUBLE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, StopIteration),
    *(TypeError, ValueError, LuxminerError),
)
"""What a wrong fact may lead to."""

SEEN_BY = {
    module.name: [*ours((*module.families, "all")), *ours(("CompacA1", "NewPac"))]
    if module.families
    else list(ours())
    for module in MODULES
}


def is_noticed(module: Facts, name: str = "", value: object = None) -> bool:
    with fresh_driver(module) as now:
        if name:
            setattr(now, name, value)
        try:
            checks = importlib.import_module(CHECKS_MODULE).CHECKS
            check_rows()
            for kind, vector in SEEN_BY[module.name]:
                checks[kind](vector)
        except TROUBLE:
            return True
    return False


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_nothing_is_noticed_without_a_change(module: Facts) -> None:
    before = facts_of(module.name)
    assert not is_noticed(module)
    assert importlib.import_module(f"{ROOT}.{module.name}").facts is before
    assert facts_of(module.name) is before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        pytest.param(module, name, value, id=f"{module.name}-{name}{place}")
        for module in MODULES
        for name, place, value in changed_facts(module)
    ],
)
def test_a_changed_fact_is_noticed(module: Facts, name: str, value: object) -> None:
    assert is_noticed(module, name, value)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_what_is_listed_as_unproven_exists(module: Facts) -> None:
    places = {name + place for name, place, _ in all_changes(module)}
    names = {name for name, _ in own_facts(facts_of(module.name))}
    for table in (UNPROVEN, EQUIVALENT):
        for pattern in table[module.name]:
            assert any(fnmatchcase(known, pattern) for known in names | places), pattern
