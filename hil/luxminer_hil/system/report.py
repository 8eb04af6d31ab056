"""What was shown and measured: one row each, with what it is held against."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Checks", "Row", "as_table", "write"]

HEADINGS = ("scenario", "what", "figure", "bound", "verdict")
MAX_CELL = 90
"""Longer figures are in the JSON file only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One check. ``bound`` is empty where a thing is so or not."""

    scenario: str
    what: str
    figure: str
    bound: str = ""
    passed: bool


class Checks:
    """Collects the rows of one scenario."""

    def __init__(self, scenario: str) -> None:
        self.scenario = scenario
        self.rows: list[Row] = []

    def that(self, what: str, passed: bool, figure: object = "") -> None:
        """Book something that must be so; ``figure`` is what was seen."""
        self._add(what, str(figure) or ("yes" if passed else "no"), "", passed)

    def within(self, what: str, value_s: float, bound_s: float) -> None:
        """Book a time that must not be longer than ``bound_s``."""
        self._add(what, f"{value_s:.2f} s", f"at most {bound_s:g} s", value_s <= bound_s)

    def note(self, what: str, value_s: float) -> None:
        """Book a time that nothing is promised about."""
        self._add(what, f"{value_s:.1f} s", "", passed=True)

    def failed(self, words: str) -> None:
        """Book what ended the scenario."""
        self._add("runs to its end", words, "", passed=False)

    def _add(self, what: str, figure: str, bound: str, passed: bool) -> None:
        self.rows.append(
            Row(scenario=self.scenario, what=what, figure=figure, bound=bound, passed=passed)
        )


def as_table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned text, and a last line with the sums."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(text.ljust(size) for text, size in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    passed = sum(row.passed for row in rows)
    return "\n".join([*lines, "", f"{passed} passed, {len(rows) - passed} failed"])


def write(rows: Sequence[Row], folder: Path) -> None:
    """Leave ``results.json`` and ``results.txt`` in ``folder``. Raises OSError."""
    text = json.dumps([asdict(row) for row in rows], indent=1)
    (folder / "results.json").write_text(text + "\n")
    (folder / "results.txt").write_text(as_table(rows) + "\n")


def _cells(row: Row) -> tuple[str, ...]:
    figure = row.figure.splitlines()[0] if row.figure else ""
    if len(figure) > MAX_CELL:
        figure = f"{figure[: MAX_CELL - 3]}..."
    return row.scenario, row.what, figure, row.bound, "pass" if row.passed else "FAIL"
