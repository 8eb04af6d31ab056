"""What a pool does at which moment, read from a file and played on a `FakePool`.

JSON lines (one object per line, ``#`` starts a comment line) or, in a file named ``*.toml``, tables
``[[step]]``. A step has a moment, ``at`` (seconds since the start) or ``after`` (accepted shares
since the start), a ``do`` from `ACTIONS`, and the keys of that action::

    {"at": 10, "do": "difficulty", "value": 0.01}
    {"at": 10, "do": "job", "clean": true}
    {"after": 50, "do": "cut", "seconds": 20}
"""

import asyncio
import json
import re
import time
import tomllib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from luxminer_hil.fakepool.blocks import block_named
from luxminer_hil.fakepool.proof import exact_difficulty, json_number
from luxminer_hil.fakepool.server import FakePool

__all__ = ["ACTIONS", "ScriptError", "Step", "play", "read_script"]

MAX_SCRIPT_BYTES = 1 << 20
MAX_STEPS = 10_000
MAX_SECONDS = 1e7
IDLE_S = 60.0
"""Longest sleep while only counts of shares are waited for; shares end it."""


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

    read: Callable[[Any], Any]
    default: Any = None
    required: bool = True


class Action(NamedTuple):
    """Something that a pool can be told to do."""

    keys: Mapping[str, Key]
    run: Callable[..., Coroutine[Any, Any, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One order and its moment: exactly one of ``at_s`` and ``after`` is set."""

    line: int
    at_s: float | None
    after: int | None
    action: str
    values: Mapping[str, Any]

    def is_due(self, elapsed_s: float, accepted: int) -> bool:
        if self.at_s is not None:
            return elapsed_s >= self.at_s
        return self.after is not None and accepted >= self.after


# Readers of values: each raises ValueError with what the value must be.


def one_of(kind: type, words: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:  # bool is no int here
            raise ValueError(f"must be {words}")
        return value

    return read


flag = one_of(bool, "true or false")
text = one_of(str, 'text in "quotes"')


def seconds(value: Any) -> float:
    if type(value) not in (int, float, Decimal) or not 0 <= value <= MAX_SECONDS:
        raise ValueError("must be a number of seconds, 0 or more")
    return float(value)


def integer(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def difficulty(value: Any) -> Any:
    if type(value) not in (int, float, Decimal):
        raise ValueError("must be a number")
    json_number(exact_difficulty(value))
    return value


def job_difficulty(value: Any) -> Any:
    return value if value == "network" else difficulty(value)


def mask(value: Any) -> int:
    if type(value) is not str or not re.fullmatch(r"[0-9a-fA-F]{8}", value):
        raise ValueError('must be eight hexadecimal digits, as "1fffe000"')
    return int(value, 16)


def octets(value: Any) -> bytes:
    if type(value) is not str or not re.fullmatch(r"([0-9a-fA-F]{2})*", value):
        raise ValueError("must be hexadecimal digits, two for each byte")
    return bytes.fromhex(value)


def names(value: Any) -> tuple[str, ...]:
    if type(value) is not list or not all(type(name) is str for name in value):
        raise ValueError('must be a list of patterns, as ["*"]')
    return tuple(value)


def block(value: Any) -> str:
    return block_named(text(value)).name


def optional(read: Callable[[Any], Any], default: Any = None) -> Key:
    return Key(read, default, required=False)


async def raw(pool: FakePool, text: str | None, hex_bytes: bytes | None) -> None:
    """Send text with a line feed after it, and bytes as they are."""
    if text is not None:
        await pool.send_raw(text.encode() + b"\n")
    if hex_bytes is not None:
        await pool.send_raw(hex_bytes)


ACTIONS: dict[str, Action] = {
    "job": Action(
        {
            "clean": optional(flag, default=False),
            "new_block": optional(flag),
            "difficulty": optional(job_difficulty),
        },
        FakePool.new_job,
    ),
    "block": Action(
        {
            "block": Key(block),
            "clean": optional(flag, default=True),
            "difficulty": optional(job_difficulty),
        },
        FakePool.new_job,
    ),
    "difficulty": Action(
        {"value": Key(difficulty)}, lambda pool, value: pool.set_difficulty(value)
    ),
    "extranonce": Action({"size": optional(integer(1, 16))}, FakePool.set_extranonce),
    "version_mask": Action({"mask": Key(mask)}, FakePool.set_version_mask),
    "cut": Action({"seconds": Key(seconds)}, FakePool.cut),
    "disconnect": Action({}, FakePool.disconnect),
    "reconnect": Action(
        {
            "host": optional(text),
            "port": optional(integer(1, 65535)),
            "wait_s": optional(integer(0, 100_000), default=0),
        },
        FakePool.reconnect,
    ),
    "message": Action({"text": Key(text)}, FakePool.show_message),
    "raw": Action({"text": optional(text), "hex_bytes": optional(octets)}, raw),
    "refuse": Action({"users": optional(names, default=("*",))}, FakePool.refuse),
    "answer": Action({"on": Key(flag)}, FakePool.answer_submits),
    "delay": Action({"seconds": Key(seconds)}, FakePool.delay),
    "ping": Action({}, FakePool.ping),
    "version": Action({}, FakePool.get_version),
}
"""What ``do`` may say, its keys, and the order on the pool."""

MOMENTS: dict[str, Callable[[Any], Any]] = {"at": seconds, "after": integer(0, 1 << 53)}


def read_script(path: Path) -> list[Step]:
    """Read the steps of a file, in its order. Raises ScriptError."""
    try:
        data = path.read_bytes()[: MAX_SCRIPT_BYTES + 1]
        content = data.decode()
    except OSError as exc:
        raise ScriptError(f"cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise ScriptError("is not UTF-8 text") from exc
    if len(data) > MAX_SCRIPT_BYTES:
        raise ScriptError(f"has more than {MAX_SCRIPT_BYTES} bytes")
    rows = toml_rows(content) if path.suffix == ".toml" else json_rows(content)
    steps = [read_step(line, row) for line, row in rows]
    if len(steps) > MAX_STEPS:
        raise ScriptError(f"has {len(steps)} steps, more than {MAX_STEPS}")
    return steps


def json_rows(content: str) -> Iterable[tuple[int, object]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            yield number, json.loads(line, parse_float=Decimal)
        except (ValueError, RecursionError) as exc:
            reason = exc.msg if isinstance(exc, json.JSONDecodeError) else "not JSON"
            cure = 'write one {"at": 5, "do": "job"} a line'
            raise ScriptError(reason, line=number, cure=cure) from exc


def toml_rows(content: str) -> Iterable[tuple[int, object]]:
    try:
        document = tomllib.loads(content, parse_float=Decimal)
    except tomllib.TOMLDecodeError as exc:
        raise ScriptError(str(exc)) from exc
    for key in document:
        if key != "step":
            raise ScriptError("unknown key", key=key, cure="steps are tables [[step]]")
    rows = document.get("step", [])
    if not isinstance(rows, list):
        raise ScriptError("is no list of tables", key="step", cure="write [[step]]")
    heads = [
        number
        for number, line in enumerate(content.splitlines(), start=1)
        if re.match(r"\s*\[\[\s*step\s*\]\]", line)
    ]
    lines = heads if len(heads) == len(rows) else [0] * len(rows)
    return zip(lines, rows, strict=True)


def read_step(line: int, row: object) -> Step:
    if not isinstance(row, dict):
        raise ScriptError("is no step", line=line, cure='write {"at": 5, "do": "job"}')
    moments = [key for key in MOMENTS if key in row]
    if len(moments) != 1:
        given = "both" if moments else "none"
        raise ScriptError(
            f"needs one moment and has {given}", line=line, cure="give `at` or `after`"
        )
    name = row.get("do")
    action = ACTIONS.get(name) if isinstance(name, str) else None
    if action is None or not isinstance(name, str):
        near = get_close_matches(str(name), ACTIONS, 1)
        cure = f"did you mean {near[0]}?" if near else f"one of {', '.join(ACTIONS)}"
        raise ScriptError(f"no action {name!r}", line=line, key="do", cure=cure)
    moment = read_value(MOMENTS[moments[0]], row[moments[0]], line, moments[0])
    values = {key: known.default for key, known in action.keys.items() if not known.required}
    for key, value in row.items():
        if key in ("do", *moments):
            continue
        if key not in action.keys:
            near = get_close_matches(key, action.keys, 1)
            known_keys = ", ".join(action.keys) or "no keys of its own"
            cure = f"did you mean {near[0]}?" if near else f"{name} has {known_keys}"
            raise ScriptError(f"unknown key of {name}", line=line, key=key, cure=cure)
        values[key] = read_value(action.keys[key].read, value, line, key)
    for key, known in action.keys.items():
        if known.required and key not in values:
            raise ScriptError(f"missing from {name}", line=line, key=key, cure=f"add {key}")
    return Step(
        line=line,
        at_s=moment if moments[0] == "at" else None,
        after=moment if moments[0] == "after" else None,
        action=name,
        values=values,
    )


def read_value(read: Callable[[Any], Any], value: object, line: int, key: str) -> Any:
    try:
        return read(value)
    except ValueError as exc:
        shown = value if isinstance(value, int | float | Decimal) else repr(value)
        raise ScriptError(f"{shown} cannot be used", line=line, key=key, cure=str(exc)) from exc


async def play(
    pool: FakePool, steps: Iterable[Step], *, monotonic: Callable[[], float] = time.monotonic
) -> None:
    """Play all steps and return; steps that are due together go in the order of the file.

    A cut is not waited for, so that steps inside its time still happen at theirs.
    """
    started_s = monotonic()
    waiting = list(steps)
    async with asyncio.TaskGroup() as cuts:
        while waiting:
            elapsed_s, accepted = monotonic() - started_s, pool.ledger().accepted
            due: list[Step] = []
            later: list[Step] = []
            for step in waiting:
                (due if step.is_due(elapsed_s, accepted) else later).append(step)
            waiting = later
            for step in due:
                order = ACTIONS[step.action].run(pool, **step.values)
                if step.action == "cut":
                    cuts.create_task(order)
                else:
                    await order
            if waiting and not due:
                next_s = min((s.at_s for s in waiting if s.at_s is not None), default=IDLE_S)
                await pool.wait_for_change(max(0.0, min(next_s - elapsed_s, IDLE_S)))
