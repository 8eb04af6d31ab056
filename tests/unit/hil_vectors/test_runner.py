"""The runner against sides made for the purpose: outcomes, lines, and files that are none."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from luxminer.commands import ExitCode
from luxminer.errors import ConfigError
from luxminer_hil.cli import main
from luxminer_hil.vectors import runner
from luxminer_hil.vectors.mismatch import Mismatch, expect
from luxminer_hil.vectors.not_applicable import ROWS, Row, row_for
from luxminer_hil.vectors.runner import Case, Outcome, Report, Side, load, run


def doubles(vector: Any) -> None:
    expect(vector["expect"], vector["input"] * 2)


def never(kind: str, vector: Any) -> str | None:
    return "not for us" if vector.get("family") == "other" else None


def side(
    name: str = "driver",
    check: Callable[[Any], None] = doubles,
    applicable: Callable[[str, Any], str | None] = never,
) -> Side:
    return Side(name=name, checks={"double": check}, applicable=applicable)


def case(*sides: Side, kind: str = "double", **vector: Any) -> Case:
    known = {"id": "v-1", "input": 2, "expect": 4, **vector}
    return Case(kind=kind, vector_id=known["id"], vector=known, sides=sides or (side(),))


def test_a_vector_passes_only_if_all_sides_that_apply_pass() -> None:
    assert run(case()).outcome is Outcome.PASSED
    assert run(case(side(), side("simulator"))).outcome is Outcome.PASSED
    other = Side(name="simulator", checks={}, applicable=never)
    assert run(case(side(), other)).outcome is Outcome.PASSED, "knows no such kind"

    def disagrees(_: Any) -> None:
        raise Mismatch(1, 2, "third byte")

    result = run(case(side(), side("simulator", disagrees)))
    assert result.outcome is Outcome.FAILED
    assert result.text == "expected 1, got 2 (simulator: third byte)"


def test_a_mismatch_is_one_line_with_both_values() -> None:
    result = run(case(expect=5))
    assert result.outcome is Outcome.FAILED
    assert list(Report([result]).failures()) == ["v-1 double: expected 5, got 4 (driver)"]


@pytest.mark.parametrize(
    "exc",
    [KeyError("input"), ValueError("two\nlines"), RecursionError(), AssertionError("x" * 9999)],
    ids=lambda exc: type(exc).__name__,
)
def test_whatever_else_a_check_raises_is_a_failure_on_one_line(exc: Exception) -> None:
    def raises(_: Any) -> None:
        raise exc

    result = run(case(side(check=raises)))
    assert result.outcome is Outcome.FAILED
    (line,) = Report([result]).failures()
    assert line.startswith(f"v-1 double: expected a result, got {type(exc).__name__}") or (
        "two\\nlines" in line
    )
    assert "\n" not in line
    assert len(line) < 500


def test_a_gate_that_fails_is_a_failure_too() -> None:
    def broken(kind: str, vector: Any) -> str | None:
        return str(vector["family"])

    assert run(case(side(applicable=broken))).outcome is Outcome.FAILED


def test_what_is_not_applicable_says_why() -> None:
    result = run(case(family="other"))
    assert (result.outcome, result.text) == (Outcome.NOT_APPLICABLE, "not for us")
    result = run(case(kind="triple"))
    assert (result.outcome, result.text) == (Outcome.NOT_APPLICABLE, "unknown kind")
    result = run(case(kind="sv2/messages"))
    assert result.outcome is Outcome.NOT_APPLICABLE
    assert result.row is not None


def test_rows_match_kind_id_and_family(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (
        Row("nonce*", "a", "b", ids="v-[12]", families="BM136?"),
        Row("nonce", "c", "d"),
    )
    monkeypatch.setattr("luxminer_hil.vectors.not_applicable.ROWS", rows)
    assert row_for("nonce_x", "v-1", {"family": "BM1362"}) is rows[0]
    assert row_for("nonce_x", "v-3", {"family": "BM1362"}) is None
    assert row_for("nonce_x", "v-1", {"family": "BM1384"}) is None
    assert row_for("nonce", "v-3", {}) is rows[1]
    assert rows[0].place == "nonce*, id v-[12], family BM136?"


def test_every_row_says_what_and_why() -> None:
    for row in ROWS:
        assert row.place
        assert row.instead
        assert row.why


def test_counts_per_kind_and_in_total() -> None:
    results = [run(each) for each in (case(), case(expect=1), case(family="other"))]
    results += [run(case(kind="triple")), run(case())]
    report = Report(results)
    assert list(report.kinds()) == [
        "double: 2 passed, 1 failed, 1 not applicable",
        "triple: 0 passed, 0 failed, 1 not applicable",
    ]
    assert report.summary() == "2 passed, 1 failed, 2 not applicable"
    table = "\n".join(report.explanation())
    assert "double, family other (1): not for us" in table
    assert "triple (1): unknown kind" in table
    for row in ROWS:
        assert row.why in table


def written(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "vectors.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_vectors_without_an_id_get_their_place(tmp_path: Path) -> None:
    path = written(tmp_path, {"vectors": {"unheard_of": [{}, {"id": 7}]}})
    assert [each.vector_id for each in load(path)] == ["unheard_of-1", "7"]
    assert [run(each).outcome for each in load(path)] == [Outcome.FAILED, Outcome.FAILED]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "is no JSON file: Expecting property name"),
        ("[" * 100_000, "is no JSON file"),
        ("9" * 5000, "is no JSON file"),
        ([], "is no JSON object; wanted"),
        ({}, "is of neither format; wanted"),
        ({"vectors": []}, "is of neither format"),
        ({"about": {"format": "bitcoin"}}, "is of neither format"),
        ({"vectors": {"crc5": {}}}, "has no list under vectors.crc5"),
        ({"vectors": {"crc5": [[]]}}, "has no object as number 1 of crc5"),
    ],
)
def test_files_that_are_no_vectors(
    tmp_path: Path, document: object, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, document)
    with pytest.raises(ConfigError, match=re.escape(words)):
        load(path)
    assert main(["vectors", str(path)]) == ExitCode.USAGE
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"luxminer-hil: {path}: ")
    assert output.err.count("\n") == 1


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", str(tmp_path / "none.json")]) == ExitCode.USAGE
    assert "none.json: cannot be read: No such file or directory" in capsys.readouterr().err
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe4"}')
    assert main(["vectors", str(tmp_path / "latin.json")]) == ExitCode.USAGE
    assert main(["vectors"]) == ExitCode.USAGE
    assert "no file given" in capsys.readouterr().err


def test_sides_without_a_gate_follow_the_first() -> None:
    driver, simulator = runner.chip_sides()
    assert (driver.name, simulator.name) == ("driver", "simulator")
    assert "crc5" in driver.checks
    assert "crc5" in simulator.checks
    nobody = {"id": "x", "family": "BM0000", "input": {}, "expect": {}}
    assert driver.applicable("crc5", nobody) is not None
    assert simulator.applicable("crc5", nobody) is not None


def sections(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for vector in document["jobs"]:
        yield "jobs", vector


def test_sections_of_pools_are_walked_by_their_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any module with `CHECKS` and `entries` in that place; no gate means everything applies."""
    module = SimpleNamespace(CHECKS={"jobs": doubles}, entries=sections)
    monkeypatch.setitem(sys.modules, "luxminer_hil.vectors.stratum", module)
    about = {"format": "stratum-vectors-1"}
    jobs = [{"id": "j", "input": 1, "expect": 2}, {"id": "k", "input": 1, "expect": 3}]
    path = written(tmp_path, {"about": about, "jobs": jobs})
    assert main(["vectors", str(path)]) == ExitCode.FAILED
    assert capsys.readouterr().out.splitlines() == [
        "k jobs: expected 3, got 2 (pool side)",
        "jobs: 1 passed, 1 failed, 0 not applicable",
        "1 passed, 1 failed, 0 not applicable",
    ]
    for document in ({"about": about}, {"about": about, "jobs": 7}):
        assert main(["vectors", str(written(tmp_path, document))]) == ExitCode.USAGE
        assert "has a section of unknown shape" in capsys.readouterr().err


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="has more than"):
        load(Path("/dev/zero"))


def test_names_in_a_file_cannot_write_to_a_terminal(tmp_path: Path) -> None:
    bad = {"id": "a\x1b[31m\n", "family": "all", "input": {"data": "00", "bits": 8}, "expect": {}}
    path = tmp_path / "v.json"
    path.write_text(json.dumps({"vectors": {"crc5": [bad], "x\x1b[0m": [bad]}}))
    report = Report([run(case) for case in load(path)])
    lines = [*report.failures(), *report.kinds()]
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_a_huge_mask_takes_no_memory(tmp_path: Path) -> None:
    vector = {"family": "BM13xx", "input": {"log2_difficulty": 10**11}, "expect": {"register": "0"}}
    path = tmp_path / "v.json"
    path.write_text(json.dumps({"vectors": {"ticket_mujina": [vector]}}))
    (case,) = load(path)
    assert run(case).outcome is Outcome.FAILED
