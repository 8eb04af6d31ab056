"""Proof that a changed fact is seen: every fact of drivers, bridges and simulator, one at a time.

Each side is changed by itself, so that an error that both have in common is no agreement. What
nothing from outside our own code notices is listed by name, and printed with its count.
"""

import ast
import importlib
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.contract.conftest import SURVIVORS
from tests.contract.fact_subjects import PACKAGES, SUBJECTS, Subject
from tests.contract.test_chip_vectors import facts_of
from tests.contract.unproven_facts import NO_DIFFERENCE, NOT_ON_THE_WIRE, STATED


@pytest.mark.parametrize("name", PACKAGES)
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


def is_listed(table: Mapping[str, str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in table)


def tables(subject: Subject) -> dict[str, Mapping[str, str]]:
    return {
        "of no consequence": NO_DIFFERENCE.get(subject.name, {}),
        "that no vector proves": STATED.get(subject.name, {}),
    }


@pytest.mark.parametrize("name", SUBJECTS)
def test_nothing_is_noticed_without_a_change(name: str) -> None:
    subject = SUBJECTS[name]
    before = importlib.import_module(subject.module)
    assert not subject.notices(None)
    assert importlib.import_module(subject.module) is before


def test_what_is_listed_is_about_facts_that_are_there() -> None:
    assert NO_DIFFERENCE.keys() | STATED.keys() <= SUBJECTS.keys()
    for table in (NO_DIFFERENCE, STATED):
        for name, rows in table.items():
            places = [literal.name for literal in SUBJECTS[name].changes]
            for pattern in rows:
                assert any(fnmatchcase(place, pattern) for place in places), (name, pattern)
    everywhere = [literal.name for each in SUBJECTS.values() for literal in each.changes]
    for pattern in NOT_ON_THE_WIRE:
        assert any(fnmatchcase(place, pattern) for place in everywhere), pattern


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBJECTS)
def test_every_changed_fact_is_noticed(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    subject = SUBJECTS[name]
    on_the_wire = [each for each in subject.changes if not is_listed(NOT_ON_THE_WIRE, each.name)]
    unseen = [each.name for each in on_the_wire if not subject.notices(each)]
    aside = len(subject.changes) - len(on_the_wire)
    words = [f"{name}: {len(subject.changes)} facts, {aside} not on the wire"]
    words.append(f"{len(on_the_wire)} changed, {len(on_the_wire) - len(unseen)} noticed")
    left = list(unseen)
    for why, table in tables(subject).items():
        here = [place for place in left if is_listed(table, place)]
        left = [place for place in left if place not in here]
        if here and table is STATED.get(name):
            words.append(f"{len(here)} {why} ({', '.join(here)})")
        elif here:
            words.append(f"{len(here)} {why}")
    words.append(f"survivors: {', '.join(left) or 'none'}")
    record_property(SURVIVORS, "; ".join(words))
    assert not left, f"nothing notices a change of {', '.join(left)}"
    stale = [
        place
        for place in {each.name for each in on_the_wire} - set(unseen)
        for table in (NO_DIFFERENCE, STATED)
        if is_listed(table.get(name, {}), place)
    ]
    assert not stale, f"listed as unproven, and noticed: {', '.join(stale)}"
    # In the order that the checks have now, too.
    assert not subject.notices(None)
