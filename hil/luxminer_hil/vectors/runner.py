"""Reads vector files, runs each vector through every side that knows its kind, and counts.

Two formats: chips and sticks, ``{"vectors": {kind: [vector, ...]}}``, and pools, whose sections
`luxminer_hil.vectors.stratum.entries` walks. A vector passes when all sides that apply pass.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from luxminer.errors import ConfigError
from luxminer_hil.vectors.mismatch import Mismatch
from luxminer_hil.vectors.not_applicable import ROWS, Row, row_for

__all__ = ["Case", "Outcome", "Report", "Result", "Side", "chip_sides", "load", "pool_sides", "run"]

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 256 << 20
MAX_SHOWN = 300
"""Longest value in a failure line."""

UNKNOWN_KIND = "unknown kind"

Vector = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One part of the product that vectors are run through."""

    name: str
    checks: Mapping[str, Callable[[Any], None]]
    """Kind -> raises `Mismatch` for a vector that it does not agree with."""
    applicable: Callable[[str, Any], str | None]
    """Kind and vector -> why it is not for this side, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One vector of a file."""

    kind: str
    vector_id: str
    vector: Vector
    sides: tuple[Side, ...]


class Outcome(Enum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a case; ``text`` says what differed, or why it does not apply."""

    case: Case
    outcome: Outcome
    text: str = ""
    row: Row | None = None
    """Of the table, where that left the vector out."""


def chip_sides() -> tuple[Side, ...]:
    """Return driver and simulator."""
    return _sides({"driver": "chips", "simulator": "chips_sim"})


def pool_sides() -> tuple[Side, ...]:
    """Return stratum, work and solo code as one side."""
    return _sides({"pool side": "stratum"})


def _sides(modules: Mapping[str, str]) -> tuple[Side, ...]:
    """Import the sides of a format; one that does not say what applies follows the first."""
    sides: list[Side] = []
    for name, module_name in modules.items():
        module = import_module(f"luxminer_hil.vectors.{module_name}")
        default = sides[0].applicable if sides else _everything_applies
        applicable = getattr(module, "applicable", default)
        sides.append(Side(name=name, checks=module.CHECKS, applicable=applicable))
    return tuple(sides)


def _everything_applies(_kind: str, _vector: Any) -> str | None:
    return None


def load(path: Path) -> list[Case]:
    """Read all vectors of a file. Raises ConfigError for one that is not of the two formats."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise ConfigError(f"has more than {MAX_FILE_BYTES} bytes", key=str(path))
        document = json.loads(raw.decode())
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror}", key=str(path)) from exc
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"is no JSON file: {exc}", key=str(path)) from exc
    if not isinstance(document, dict):
        raise _malformed(path, "is no JSON object")
    if isinstance(document.get("vectors"), dict):
        return list(_chip_cases(path, document["vectors"]))
    about = document.get("about")
    if isinstance(about, dict) and str(about.get("format", "")).startswith("stratum"):
        return list(_pool_cases(path, document))
    raise _malformed(path, "is of neither format")


def _malformed(path: Path, reason: str) -> ConfigError:
    cure = 'wanted: {"vectors": {kind: [...]}} or {"about": {"format": "stratum-..."}, ...}'
    return ConfigError(reason, key=str(path), cure=cure)


def _chip_cases(path: Path, kinds: Mapping[str, Any]) -> Iterator[Case]:
    sides = chip_sides()
    for kind, vectors in kinds.items():
        if not isinstance(vectors, list):
            raise _malformed(path, f"has no list under vectors.{kind}")
        yield from _cases(path, ((kind, vector) for vector in vectors), sides)


def _pool_cases(path: Path, document: Mapping[str, Any]) -> Iterator[Case]:
    walker = import_module("luxminer_hil.vectors.stratum")
    try:
        entries = list(walker.entries(document))
    except (AttributeError, LookupError, TypeError, ValueError) as exc:
        raise _malformed(path, f"has a section of unknown shape ({exc})") from exc
    yield from _cases(path, entries, pool_sides())


def _cases(
    path: Path, entries: Iterable[tuple[str, Any]], sides: tuple[Side, ...]
) -> Iterator[Case]:
    seen: Counter[str] = Counter()
    for kind, vector in entries:
        seen[kind] += 1
        if not isinstance(vector, dict):
            raise _malformed(path, f"has no object as number {seen[kind]} of {kind}")
        vector_id = str(vector.get("id", f"{kind}-{seen[kind]}"))
        yield Case(kind=kind, vector_id=vector_id, vector=vector, sides=sides)


def run(case: Case) -> Result:
    """Run one vector through its sides. Nothing that a check raises comes out."""
    row = row_for(case.kind, case.vector_id, case.vector)
    if row is not None:
        text = f"{row.instead}; {row.why}"
        return Result(case=case, outcome=Outcome.NOT_APPLICABLE, text=text, row=row)
    reasons: list[str] = []
    ran = False
    for side in case.sides:
        try:
            reason = side.applicable(case.kind, case.vector)
            if reason is not None:
                reasons.append(reason)
            elif case.kind in side.checks:
                ran = True
                side.checks[case.kind](case.vector)
        except Mismatch as exc:
            where = f"{side.name}: {exc.what}" if exc.what else side.name
            text = f"expected {_shown(exc.expected)}, got {_shown(exc.got)} ({where})"
            return Result(case=case, outcome=Outcome.FAILED, text=text)
        except Exception as exc:
            log.debug("%s %s raised", case.vector_id, case.kind, exc_info=True)
            got = _shown(f"{type(exc).__name__}: {exc}")
            text = f"expected a result, got {got} ({side.name})"
            return Result(case=case, outcome=Outcome.FAILED, text=text)
    if ran:
        return Result(case=case, outcome=Outcome.PASSED)
    text = reasons[0] if reasons else UNKNOWN_KIND
    return Result(case=case, outcome=Outcome.NOT_APPLICABLE, text=text)


def _shown(value: object) -> str:
    """One line, never longer than it helps."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}... ({len(text)} characters)"


class Report:
    """Counts of results, and the lines that tell them."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results = results
        self.total = Counter(result.outcome for result in results)

    def failures(self) -> Iterator[str]:
        """Yield one line for each failing vector."""
        for result in self._results:
            if result.outcome is Outcome.FAILED:
                names = (_shown(result.case.vector_id), _shown(result.case.kind))
                yield f"{' '.join(names)}: {result.text}"

    def kinds(self) -> Iterator[str]:
        """Yield one line for each kind, in the order of the files."""
        counts: dict[str, Counter[Outcome]] = {}
        for result in self._results:
            counts.setdefault(result.case.kind, Counter())[result.outcome] += 1
        for kind, count in counts.items():
            yield f"{_shown(kind)}: {_counted(count)}"

    def explanation(self) -> Iterator[str]:
        """Yield the table of what is not applicable, with the numbers of these files."""
        rows = Counter(result.row for result in self._results if result.row is not None)
        yield "not applicable:"
        for row in ROWS:
            yield f"  {row.place} ({rows[row]}): {row.instead}; {row.why}"
        others = Counter(
            (result.case.kind, str(result.case.vector.get("family", "")), result.text)
            for result in self._results
            if result.outcome is Outcome.NOT_APPLICABLE and result.row is None
        )
        for (kind, family, reason), number in others.items():
            place = f"{kind}, family {family}" if family else kind
            yield f"  {place} ({number}): {reason}"

    def summary(self) -> str:
        return _counted(self.total)


def _counted(count: Counter[Outcome]) -> str:
    return ", ".join(f"{count[outcome]} {outcome.value}" for outcome in Outcome)
