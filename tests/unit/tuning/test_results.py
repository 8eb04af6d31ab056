"""Results over restarts; whatever the file says, the tuner begins."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.tuning.course import MAX_KEPT, NO_COURSE, Course
from luxminer.tuning.results import (
    FILE_NAME,
    MAX_FILE_BYTES,
    MAX_RESULTS,
    Result,
    ResultFile,
    Results,
    Stage,
)
from luxminer.tuning.search import Goal, Setting

RESULT = Result(
    model="GekkoScience Compac A1",
    goal=Goal.EFFICIENCY,
    max_hw_error_percent=2.0,
    setting=Setting(mhz=306.25, core_mv=295),
    rate_hs=1.5e11,
    wrong_part=0.004,
    power_w=4.5,
    stage=Stage.FINAL,
    wall_s=1.7e9,
)
COURSE = Course(
    max_hw_error_percent=2.0,
    failed=(Setting(mhz=350.5, core_mv=300),),
    suspects=(Setting(mhz=343.5),),
    trial=Setting(mhz=337.5, core_mv=305),
)
GOOD = Results()
GOOD.put("A1-0001", RESULT)
OPEN = Results()
OPEN.put("A1-0001", replace(RESULT, stage=Stage.UNDER_WAY, course=COURSE))


def test_what_was_saved_is_there_again(tmp_path: Path) -> None:
    file = ResultFile(tmp_path / "state")
    assert len(file.load()) == 0
    file.save(GOOD.encode())
    assert file.load().get("A1-0001", RESULT.model) == RESULT
    assert [path.name for path in (tmp_path / "state").iterdir()] == [FILE_NAME]


def test_the_course_of_a_search_is_kept_until_it_is_over() -> None:
    again = Results.decode(OPEN.encode())
    assert again.items() == OPEN.items()
    again.close_all()
    result = again.get("A1-0001", RESULT.model)
    assert result is not None
    assert result.course == replace(COURSE, trial=None)
    again.stop_all()
    result = again.get("A1-0001", RESULT.model)
    assert result is not None
    assert result.course == NO_COURSE
    assert b"course" not in GOOD.encode()


def test_a_result_of_another_model_is_not_taken() -> None:
    assert GOOD.get("A1-0001", "GekkoScience Compac") is None
    assert GOOD.get("A1-0002", RESULT.model) is None


def test_a_forgotten_result_is_gone() -> None:
    results = Results.decode(GOOD.encode())
    results.forget("A1-0001")
    results.forget("A1-0002")
    assert len(results) == 0


def test_the_oldest_goes_where_there_are_too_many() -> None:
    results = Results()
    for number in range(MAX_RESULTS + 1):
        results.put(f"S{number}", replace(RESULT, wall_s=1e9 + (number - 5) ** 2))
    assert len(results) == MAX_RESULTS
    assert results.get("S5", RESULT.model) is None
    assert len(Results.decode(results.encode())) == MAX_RESULTS


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"format": 2, "sticks": {}}',
        b'{"format": 1, "sticks": []}',
        b'{"format": 1, "sticks": {"a": 1}}',
        b'{"format": 1, "sticks": {"": {}}}',
        b" " * (MAX_FILE_BYTES + 1),
        b"9" * 5000,
        GOOD.encode().replace(b"306.25", b"NaN"),
        GOOD.encode().replace(b"306.25", b"1e999"),
        GOOD.encode().replace(b"306.25", b"1" + b"0" * 400),
        GOOD.encode().replace(b"306.25", b"-1"),
        GOOD.encode().replace(b"306.25", b"true"),
        GOOD.encode().replace(b"306.25", b'"306.25"'),
        GOOD.encode().replace(b"295", b"Infinity"),
        GOOD.encode().replace(b"efficiency", b"beauty"),
        GOOD.encode().replace(b'"efficiency"', b"[]"),
        GOOD.encode().replace(b'"final"', b'"soon"'),
        GOOD.encode()[:-20],
        OPEN.encode().replace(b"350.5", b"NaN"),
        OPEN.encode().replace(b"343.5", b'"fast"'),
        OPEN.encode().replace(b"337.5", b"null"),
        OPEN.encode().replace(b'"trial": {', b'"trial": [], "else": {'),
        OPEN.encode().replace(b'"failed": [', b'"failed": 3, "else": ['),
        OPEN.encode().replace(b'"course": {', b'"course": [], "else": {'),
        OPEN.encode().replace(b'"failed": [', b'"failed": [' + b"{}," * MAX_KEPT),
        json.dumps({"format": 1, "sticks": {f"{n}": {} for n in range(MAX_RESULTS + 1)}}).encode(),
    ],
)
def test_a_damaged_file_is_put_aside(
    raw: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_bytes(raw)
    assert len(ResultFile(tmp_path).load()) == 0
    assert (tmp_path / f"{FILE_NAME}.corrupt").read_bytes() == raw
    assert not (tmp_path / FILE_NAME).exists()
    assert "is damaged" in caplog.text


@given(st.binary(max_size=200), st.integers(0, 800), st.integers(0, 10))
def test_no_content_raises_anything_else(noise: bytes, at: int, length: int) -> None:
    raw = OPEN.encode()
    for content in (noise, raw[:at] + noise + raw[at + length :]):
        try:
            Results.decode(content)
        except ValueError:
            continue


def test_a_file_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(OSError, match="directory"):
        ResultFile(tmp_path).load()
