"""What the tuner has found, by serial number: one JSON file in the state directory.

A file that cannot be understood is put aside and tuning begins anew; it never ends mining. What is
read is only a wish: it is held against the limits of the stick before it is set.
"""

import json
import logging
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from luxminer.pool.files import write_atomically
from luxminer.tuning.course import MAX_KEPT, NO_COURSE, Course
from luxminer.tuning.search import Goal, Setting

__all__ = ["FILE_NAME", "MAX_FILE_BYTES", "MAX_RESULTS", "Result", "ResultFile", "Results", "Stage"]

log = logging.getLogger(__name__)

FILE_NAME = "tuning.json"

MAX_RESULTS = 256
"""Sticks; beyond that the oldest result is forgotten."""

MAX_FILE_BYTES = 1 << 20
MAX_NAME_CHARS = 256
MAX_NUMBER = 1e18

FORMAT = 1


class Stage(StrEnum):
    """How far a search has come."""

    UNDER_WAY = "under way"
    """It goes on from here when the stick or the service is back."""
    STOPPED = "stopped"
    """By its owner, or as nothing more can be found now."""
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Best verified setting of one stick, and what it was looked for with."""

    model: str
    goal: Goal
    max_hw_error_percent: float
    setting: Setting
    rate_hs: float
    """At the scale of the stick; 0 while nothing is verified."""
    wrong_part: float
    power_w: float | None
    stage: Stage
    wall_s: float
    course: Course = NO_COURSE
    """Of the search, while it is under way."""

    @property
    def is_verified(self) -> bool:
        return self.rate_hs > 0


class Results:
    """Results of all sticks ever tuned, by their lasting names."""

    def __init__(self) -> None:
        self._found: dict[str, Result] = {}

    def __len__(self) -> int:
        return len(self._found)

    def get(self, identity: str, model: str) -> Result | None:
        """Return the result of a stick, None when there is none, or one of another model."""
        result = self._found.get(identity)
        return result if result is not None and result.model == model else None

    def put(self, identity: str, result: Result) -> None:
        """Keep a result; the oldest goes where there are too many."""
        self._found[identity] = result
        if len(self._found) > MAX_RESULTS:
            del self._found[min(self._found, key=lambda name: self._found[name].wall_s)]

    def forget(self, identity: str) -> None:
        """Drop the result of a stick, if there is one."""
        self._found.pop(identity, None)

    def items(self) -> tuple[tuple[str, Result], ...]:
        """Return all names with their results."""
        return tuple(self._found.items())

    @property
    def has_open(self) -> bool:
        """Whether a search that was interrupted waits to go on."""
        return any(result.stage is Stage.UNDER_WAY for result in self._found.values())

    def stop_all(self) -> None:
        """Let no search go on by itself."""
        for name, result in self.items():
            if result.stage is Stage.UNDER_WAY:
                self._found[name] = replace(result, stage=Stage.STOPPED, course=NO_COURSE)

    def close(self, identity: str) -> None:
        """Take note that nothing is tried on a stick any more."""
        result = self._found.get(identity)
        if result is not None:
            self._found[identity] = replace(result, course=replace(result.course, trial=None))

    def close_all(self) -> None:
        """Take note that nothing is tried any more."""
        for identity in tuple(self._found):
            self.close(identity)

    def encode(self) -> bytes:
        """Return the content of the file."""
        sticks = {name: _row(result) for name, result in self._found.items()}
        document = {"format": FORMAT, "sticks": sticks}
        return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def decode(cls, raw: bytes) -> "Results":
        """Read the content of a file. Raises ValueError."""
        if len(raw) > MAX_FILE_BYTES:
            raise ValueError("too large")
        try:
            document = json.loads(raw)
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError(f"not of format {FORMAT}")
        sticks = document.get("sticks")
        if not isinstance(sticks, dict) or len(sticks) > MAX_RESULTS:
            raise ValueError("sticks: not a table, or too many")
        results = cls()
        for name, row in sticks.items():
            try:
                results._found[_name(name)] = _result(row)
            except ValueError as exc:
                raise ValueError(f"{name[:MAX_NAME_CHARS]!r}: {exc}") from exc
        return results


class ResultFile:
    """Reads and writes results. Calls block: use them from an executor."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME

    def load(self) -> Results:
        """Return the results, none when there is no file.

        A damaged file is put aside. Raises OSError for one that cannot be read or put aside: it
        must not be overwritten.
        """
        try:
            with self._path.open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return Results()
        try:
            return Results.decode(raw)
        except ValueError as exc:
            aside = self._path.with_name(f"{FILE_NAME}.corrupt")
            self._path.replace(aside)
            log.warning("%s is damaged (%s); kept as %s", self._path, exc, aside.name)
            return Results()

    def save(self, results: bytes) -> None:
        """Write what `Results.encode` has made, whole at every moment. Raises OSError."""
        write_atomically(self._path, results)


def _row(result: Result) -> dict[str, Any]:
    row: dict[str, Any] = {
        "model": result.model,
        "goal": result.goal.value,
        "max_hw_error_percent": result.max_hw_error_percent,
        "frequency_mhz": result.setting.mhz,
        "core_mv": result.setting.core_mv,
        "rate_hs": result.rate_hs,
        "wrong_part": result.wrong_part,
        "power_w": result.power_w,
        "stage": result.stage.value,
        "wall_s": result.wall_s,
    }
    if result.course != NO_COURSE:
        row["course"] = _course_row(result.course)
    return row


def _course_row(course: Course) -> dict[str, Any]:
    return {
        "max_hw_error_percent": course.max_hw_error_percent,
        "failed": [_setting_row(each) for each in course.failed],
        "suspects": [_setting_row(each) for each in course.suspects],
        "trial": None if course.trial is None else _setting_row(course.trial),
    }


def _setting_row(setting: Setting) -> dict[str, Any]:
    return {"frequency_mhz": setting.mhz, "core_mv": setting.core_mv}


def _result(row: object) -> Result:
    if not isinstance(row, dict):
        raise ValueError("not a table")
    course = row.get("course")
    return Result(
        model=_name(row.get("model")),
        goal=Goal(str(row.get("goal"))),
        max_hw_error_percent=_number(row, "max_hw_error_percent"),
        setting=_setting(row),
        rate_hs=_number(row, "rate_hs"),
        wrong_part=_number(row, "wrong_part"),
        power_w=_maybe(row, "power_w"),
        stage=Stage(str(row.get("stage"))),
        wall_s=_number(row, "wall_s"),
        course=NO_COURSE if course is None else _course(course),
    )


def _course(row: object) -> Course:
    if not isinstance(row, dict):
        raise ValueError("course: not a table")
    trial = row.get("trial")
    return Course(
        max_hw_error_percent=_number(row, "max_hw_error_percent"),
        failed=_settings(row.get("failed")),
        suspects=_settings(row.get("suspects")),
        trial=None if trial is None else _setting(trial),
    )


def _settings(rows: object) -> tuple[Setting, ...]:
    if not isinstance(rows, list) or len(rows) > MAX_KEPT:
        raise ValueError("course: not a list, or too long")
    return tuple(_setting(row) for row in rows)


def _setting(row: object) -> Setting:
    if not isinstance(row, dict):
        raise ValueError("setting: not a table")
    core_mv = _maybe(row, "core_mv")
    mhz = _number(row, "frequency_mhz")
    return Setting(mhz=mhz, core_mv=None if core_mv is None else int(core_mv))


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARS:
        raise ValueError("not a name")
    return value


def _maybe(row: dict[str, Any], key: str) -> float | None:
    return None if row.get(key) is None else _number(row, key)


def _number(row: dict[str, Any], key: str) -> float:
    value: Any = row.get(key)
    if type(value) not in (int, float) or not 0 <= value < MAX_NUMBER:  # not NaN either
        raise ValueError(f"{key}: not a number that this can be")
    return float(value)
