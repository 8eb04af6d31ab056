"""The literals of a module one by one, and the module as it is with one of them changed.

What is written once is one fact, however many rows take it in: a change is made in the source.
"""

import ast
import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["Literal", "anew", "literals", "put_changed"]

NAMES_ONLY = {"Field": ("name",), "BitField": ("name",)}
"""Rows -> fields that are for people."""

STEP = 1.25


class Literal(NamedTuple):
    """One literal of a source: what it is the value of, and where it stands among all nodes."""

    name: str
    node: int


def literals(module: ModuleType, also: Sequence[str] = ()) -> list[Literal]:
    """Return what is written as a literal at the top level of a module, in enumerations and rows.

    Not what stands in functions, but in those of ``also``, nor in docstrings.
    """
    tree = _tree(module)
    numbers = {id(node): number for number, node in enumerate(ast.walk(tree))}
    return [
        Literal(name, numbers[id(node)]) for name, node in _of_body(module, tree.body, also=also)
    ]


def put_changed(module: ModuleType, literal: Literal | None) -> None:
    """Import a module anew with one literal changed, or as it is; its parts are imported as usual.

    Raises whatever such a literal makes of it.
    """
    tree = _tree(module)
    if literal is not None:
        node = list(ast.walk(tree))[literal.node]
        if isinstance(node, ast.Constant):
            node.value = _another(node.value, _members_around(tree, node))
        else:
            assert isinstance(node, ast.Attribute), literal
            kind = getattr(module, ast.unparse(node.value))
            node.attr = next(each.name for each in kind if each.name != node.attr)
    made = ModuleType(module.__name__)
    made.__dict__.update(
        __file__=module.__file__, __package__=module.__package__, __spec__=module.__spec__
    )
    _put(module.__name__, made)
    exec(compile(tree, str(module.__file__), "exec"), made.__dict__)


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text())


def _of_body(
    module: ModuleType, body: Sequence[ast.stmt], within: str = "", also: Sequence[str] = ()
) -> Iterator[tuple[str, ast.expr]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and _is_enumeration(module, node):
            yield from _of_body(module, node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and node.name in also:
            yield from _of_function(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == "__all__":
                    continue
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for name, value in zip(target.elts, node.value.elts, strict=True):
                        yield from _of_value(module, value, within + ast.unparse(name))
                else:
                    yield from _of_value(module, node.value, within + ast.unparse(target))
        elif isinstance(node, ast.AnnAssign) and node.value is not None and not within:
            yield from _of_value(module, node.value, ast.unparse(node.target))


def _of_function(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | bytes):
            yield f"{function.name}:{node.lineno - function.lineno}.{node.col_offset}", node


def _is_enumeration(module: ModuleType, node: ast.ClassDef) -> bool:
    made = getattr(module, node.name, None)
    # The values of others are for people: their members are what counts.
    return isinstance(made, type) and issubclass(made, IntEnum)


def _of_value(module: ModuleType, value: ast.expr, place: str) -> Iterator[tuple[str, ast.expr]]:
    match value:
        case ast.Constant():
            yield place, value
        case ast.Attribute() if _is_member(module, value):
            yield place, value
        case ast.Call():
            kind = getattr(module, ast.unparse(value.func), None)
            names = getattr(kind, "_fields", None) or tuple(map(str, range(len(value.args))))
            for name, item in zip(names, value.args, strict=False):
                if name not in NAMES_ONLY.get(ast.unparse(value.func), ()):
                    yield from _of_value(module, item, f"{place}.{name}")
            for keyword in value.keywords:
                if keyword.arg not in NAMES_ONLY.get(ast.unparse(value.func), ()):
                    yield from _of_value(module, keyword.value, f"{place}.{keyword.arg}")
        case ast.Tuple() | ast.List() | ast.Set():
            for number, item in enumerate(value.elts):
                yield from _of_value(module, item, f"{place}.{number}")
        case ast.Dict():
            for key, item in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield f"{place}.key[{ast.unparse(key)}]", key
                name = ast.unparse(key) if key is not None else "**"
                yield from _of_value(module, item, f"{place}[{name}]")
        case ast.BinOp():
            yield from _of_value(module, value.left, f"{place}.left")
            yield from _of_value(module, value.right, f"{place}.right")
        case ast.UnaryOp():
            yield from _of_value(module, value.operand, place)


def _is_member(module: ModuleType, value: ast.Attribute) -> bool:
    kind = getattr(module, ast.unparse(value.value), None)
    return isinstance(kind, type) and issubclass(kind, Enum) and len(kind) > 1


def _members_around(tree: ast.Module, node: ast.Constant) -> set[object]:
    """Return the values of the enumeration that a literal is a member of; none outside of one."""
    for each in tree.body:
        if isinstance(each, ast.ClassDef) and any(inner is node for inner in ast.walk(each)):
            return {
                inner.value.value
                for inner in each.body
                if isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Constant)
            }
    return set()


def _another(value: Any, members: set[object]) -> Any:
    """Return what a fact might be instead."""
    match value:
        case bool():
            return not value
        case None:
            return 1
        case int() if members:
            return next(each for each in range(value + 1, value + 300) if each not in members)
        case int() | float():
            return type(value)(value * STEP + 1)
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:] if value else b"\x01"
        case str():
            return value[:-1] or "x"
    raise TypeError(f"no idea how to change {value!r}")


@contextmanager
def anew(prefixes: Sequence[str]) -> Iterator[None]:
    """Forget all modules whose names begin so, and at the end have them again as they were."""
    saved = {
        name: module for name, module in sys.modules.items() if name.startswith(tuple(prefixes))
    }
    for name in saved:
        _take(name)
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(tuple(prefixes))]:
            _take(name)
        for name, module in saved.items():
            _put(name, module)


def _put(name: str, module: ModuleType) -> None:
    """Put a module in place; packages hold theirs as attributes, too."""
    sys.modules[name] = module
    package, _, child = name.rpartition(".")
    if package:
        setattr(importlib.import_module(package), child, module)


def _take(name: str) -> None:
    del sys.modules[name]
    package, _, child = name.rpartition(".")
    if package in sys.modules and child in vars(sys.modules[package]):
        delattr(sys.modules[package], child)
