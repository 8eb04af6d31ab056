"""The language of scripts: what happens when, read from a file and checked before anything starts.

A script is TOML: some ``words`` about it, settings in ``[pool]``, and tables ``[[step]]``; or, with
any other suffix, steps alone as JSON lines (``#`` starts a comment line). A step has one moment
from `MOMENTS`, a ``do``, the keys of that action, and any of `MODIFIERS`::

    [[step]]
    at = 10  # seconds since the start
    every = 5  # and again
    do = "job"
    clean = true

    [[step]]
    when = "authorize"  # whenever any client does this; only it is concerned
    do = "mute"

Which actions and events there are is a `Vocabulary`: a pool has another one than a proxy.
"""

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from luxminer_hil.scripting.values import Reader, integer, number, one_of, seconds, text

__all__ = [
    "Action",
    "Key",
    "Script",
    "ScriptError",
    "Step",
    "Vocabulary",
    "read_document",
    "read_document_of_steps",
    "read_words",
]

MAX_SCRIPT_BYTES = 1 << 20
MAX_STEPS = 10_000
MAX_COUNT = 1 << 53


class ScriptError(ValueError):
    """A step that cannot be played. ``line`` counts from 1; 0 is the file as a whole."""

    def __init__(self, reason: str, *, line: int = 0, key: str = "", cure: str = "") -> None:
        place = f"line {line}: " if line else ""
        name = f"{key}: " if key else ""
        super().__init__(f"{place}{name}{reason}{f'; {cure}' if cure else ''}")
        self.line = line
        self.key = key
        self.cure = cure


class Key(NamedTuple):
    """One key of an action: how its value is read, and what stands there without it."""

    read: Reader
    default: Any = None
    required: bool = True


class Action(NamedTuple):
    """Something that can be told to do. ``load`` turns the values of a step, files included."""

    keys: Mapping[str, Key]
    run: Callable[..., Any]
    load: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    only_on: bool = False
    """Whether it makes sense for an event only."""


class Vocabulary(NamedTuple):
    """What the scripts of one kind of peer may say."""

    actions: Mapping[str, Action]
    events: tuple[str, ...]
    moments: tuple[str, ...]
    verdicts: tuple[str, ...] = ()
    """What ``if`` may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One order and its moment: exactly one of ``at_s``, ``after`` and ``when`` is set."""

    line: int
    at_s: float | None = None
    after: int | None = None
    when: str | None = None
    every: float | None = None
    """Seconds, or accepted shares, until it happens again."""
    times: int | None = None
    """How often it happens at most, what chance forbade not counted; None is once, or always where
    it has ``every`` or ``when``."""
    skip: int = 0
    chance: float = 1.0
    wait_s: float = 0.0
    judged: str | None = None
    action: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole file."""

    words: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Table ``[pool]`` as it was written."""
    steps: tuple[Step, ...] = ()


MOMENTS: dict[str, Reader] = {
    "at": seconds,
    "after": integer(0, MAX_COUNT),
    "when": text,
}
"""Seconds since the start, accepted shares since the start, or what a client does."""

MODIFIERS: dict[str, tuple[str, Reader]] = {
    "every": ("at after", number(0.001, 1e7)),
    "times": ("at after when", integer(1, MAX_COUNT)),
    "skip": ("when", integer(0, MAX_COUNT)),
    "chance": ("at after when", number(0, 1)),
    "wait": ("when", seconds),
    "if": ("when", text),
}
"""Name -> moments that it may go with, and its reader."""


def optional(read: Reader, default: Any = None) -> Key:
    return Key(read, default, required=False)


def read_document(path: Path, vocabulary: Vocabulary) -> Script:
    """Read a file. Raises ScriptError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SCRIPT_BYTES + 1)
        content = data.decode()
    except OSError as exc:
        raise ScriptError(f"cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise ScriptError("is not UTF-8 text") from exc
    if len(data) > MAX_SCRIPT_BYTES:
        raise ScriptError(f"has more than {MAX_SCRIPT_BYTES} bytes")
    words, settings, rows = (
        toml_parts(content) if path.suffix == ".toml" else ("", {}, json_rows(content))
    )
    steps = tuple(read_step(line, row, vocabulary, path.parent) for line, row in rows)
    if len(steps) > MAX_STEPS:
        raise ScriptError(f"has {len(steps)} steps, more than {MAX_STEPS}")
    return Script(words=words, settings=settings, steps=steps)


def read_document_of_steps(path: Path, vocabulary: Vocabulary, who: str) -> Script:
    """Read a file for ``who`` has no settings of a pool. Raises ScriptError."""
    script = read_document(path, vocabulary)
    if script.settings:
        raise ScriptError(f"{who} is no pool", key="pool", cure="leave it out")
    return script


def read_words(words: str, vocabulary: Vocabulary) -> Step:
    """Read one step as a command line has it: ``when=authorize do=mute``. Raises ScriptError."""
    row: dict[str, object] = {}
    try:
        pairs = shlex.split(words)
    except ValueError as exc:
        raise ScriptError(f"{words!r}: {exc}") from exc
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ScriptError(f"{pair!r} is no setting", cure="write KEY=VALUE ...")
        try:
            row[key] = json.loads(value, parse_float=Decimal)
        except (ValueError, RecursionError):
            row[key] = value
    return read_step(0, row, vocabulary, Path())


def json_rows(content: str) -> Iterable[tuple[int, object]]:
    for row, line in enumerate(content.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            yield row, json.loads(line, parse_float=Decimal)
        except (ValueError, RecursionError) as exc:
            reason = exc.msg if isinstance(exc, json.JSONDecodeError) else "not JSON"
            cure = 'write one {"at": 5, "do": "job"} a line'
            raise ScriptError(reason, line=row, cure=cure) from exc


def toml_parts(content: str) -> tuple[str, dict[str, Any], Iterable[tuple[int, object]]]:
    """Return the words, the settings, and the steps with their lines."""
    try:
        document = tomllib.loads(content, parse_float=Decimal)
    except tomllib.TOMLDecodeError as exc:
        raise ScriptError(str(exc)) from exc
    for key in document:
        if key not in ("words", "pool", "step"):
            raise ScriptError("unknown key", key=key, cure="steps are tables [[step]]")
    words, settings = document.get("words", ""), document.get("pool", {})
    if not isinstance(words, str):
        raise ScriptError("is no text", key="words", cure='write words = "what this does"')
    if not isinstance(settings, dict):
        raise ScriptError("is no table", key="pool", cure="write [pool]")
    rows = document.get("step", [])
    if not isinstance(rows, list):
        raise ScriptError("is no list of tables", key="step", cure="write [[step]]")
    heads = [
        row
        for row, line in enumerate(content.splitlines(), start=1)
        if re.match(r"\s*\[\[\s*step\s*\]\]", line)
    ]
    lines = heads if len(heads) == len(rows) else [0] * len(rows)
    return words, settings, zip(lines, rows, strict=True)


def read_step(line: int, row: object, vocabulary: Vocabulary, folder: Path) -> Step:
    if not isinstance(row, dict):
        raise ScriptError("is no step", line=line, cure='write {"at": 5, "do": "job"}')
    moments = [key for key in vocabulary.moments if key in row]
    known_moments = " or ".join(f"`{name}`" for name in vocabulary.moments)
    if len(moments) != 1:
        given = f"{len(moments)}: {', '.join(moments)}" if moments else "none"
        raise ScriptError(
            f"needs one moment and has {given}", line=line, cure=f"give {known_moments}"
        )
    moment = moments[0]
    when = read_value(MOMENTS[moment], row[moment], line, moment)
    if moment == "when":
        when = read_value(one_of(*vocabulary.events), when, line, "when")
    name, action = read_action(row.get("do"), vocabulary, line)
    if action.only_on and moment != "when":
        raise ScriptError(f"{name} needs an event", line=line, key=moment, cure="give `when`")
    modifiers = {
        key: read_modifier(key, row[key], moment, when, vocabulary, line)
        for key in MODIFIERS
        if key in row and key not in action.keys
    }
    if "times" in modifiers and moment != "when" and "every" not in modifiers:
        cure = "add `every`, or leave it out"
        raise ScriptError(f"`{moment}` alone is once", line=line, key="times", cure=cure)
    rest = {
        key: value
        for key, value in row.items()
        if key not in ("do", moment) and key not in modifiers
    }
    values = read_keys(name, action, rest, line)
    for key, value in values.items():
        if isinstance(value, Path):
            values[key] = folder / value
    if action.load is not None:
        try:
            values = action.load(values)
        except ScriptError as exc:
            raise ScriptError(str(exc), line=line, key=name) from exc
    return Step(
        line=line,
        at_s=when if moment == "at" else None,
        after=when if moment == "after" else None,
        when=when if moment == "when" else None,
        every=modifiers.get("every"),
        times=modifiers.get("times"),
        skip=modifiers.get("skip", 0),
        chance=modifiers.get("chance", 1.0),
        wait_s=modifiers.get("wait", 0.0),
        judged=modifiers.get("if"),
        action=name,
        values=values,
    )


def read_action(name: object, vocabulary: Vocabulary, line: int) -> tuple[str, Action]:
    action = vocabulary.actions.get(name) if isinstance(name, str) else None
    if action is None or not isinstance(name, str):
        near = get_close_matches(str(name), vocabulary.actions, 1)
        known = ", ".join(vocabulary.actions)
        cure = f"did you mean {near[0]}?" if near else f"one of {known}"
        reason = "missing" if name is None else f"no action {name!r}"
        raise ScriptError(reason, line=line, key="do", cure=cure)
    return name, action


def read_modifier(
    key: str, value: object, moment: str, when: object, vocabulary: Vocabulary, line: int
) -> Any:
    moments, read = MODIFIERS[key]
    if moment not in moments.split():
        cure = f"it goes with {' or '.join(moments.split())}"
        raise ScriptError(f"says nothing about `{moment}`", line=line, key=key, cure=cure)
    if key == "if":
        if when != "submit":
            raise ScriptError("only shares are judged", line=line, key=key, cure='when = "submit"')
        read = one_of(*vocabulary.verdicts)
    return read_value(read, value, line, key)


def read_keys(name: str, action: Action, row: Mapping[str, object], line: int) -> dict[str, Any]:
    values = {key: known.default for key, known in action.keys.items() if not known.required}
    for key, value in row.items():
        if key not in action.keys:
            near = get_close_matches(key, [*action.keys, *MODIFIERS], 1)
            known_keys = ", ".join(action.keys) or "no keys of its own"
            cure = f"did you mean {near[0]}?" if near else f"{name} has {known_keys}"
            raise ScriptError(f"unknown key of {name}", line=line, key=key, cure=cure)
        values[key] = read_value(action.keys[key].read, value, line, key)
    for key, known in action.keys.items():
        if known.required and key not in values:
            raise ScriptError(f"missing from {name}", line=line, key=key, cure=f"add {key}")
    return values


def read_value(read: Reader, value: object, line: int, key: str) -> Any:
    try:
        return read(value)
    except ValueError as exc:
        shown = value if isinstance(value, int | float | Decimal) else repr(value)
        raise ScriptError(f"{shown} cannot be used", line=line, key=key, cure=str(exc)) from exc
