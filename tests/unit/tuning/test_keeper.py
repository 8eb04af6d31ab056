"""The file of results: read once, written seldom and whole, and no disk holds anything up."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from luxminer.tuning.keeper import Keeper
from luxminer.tuning.results import FILE_NAME, Results
from tests.unit.tuning.test_results import RESULT


async def test_what_changed_is_written_at_most_once_in_a_while(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    await keeper.load()
    path = tmp_path / FILE_NAME
    await keeper.save_when_due(0.0)
    assert not path.exists(), "nothing is there to keep"
    writes = 0
    known = 0
    for second in range(600):
        keeper.results.put("A", replace(RESULT, wall_s=float(second)))
        await keeper.save_when_due(float(second))
        now = path.stat().st_ino if path.exists() else 0
        writes += now != known
        known = now
    assert writes == 9
    await keeper.end()
    found = Results.decode(path.read_bytes()).get("A", RESULT.model)
    assert found == replace(RESULT, wall_s=599.0)
    again = Keeper(tmp_path)
    await again.load()
    assert again.results.get("A", RESULT.model) == found


async def test_without_a_change_nothing_is_written(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.results.put("A", RESULT)
    await keeper.save_when_due(0.0)
    before = (tmp_path / FILE_NAME).stat()
    await keeper.save_when_due(1000.0)
    await keeper.end()
    after = (tmp_path / FILE_NAME).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_a_file_that_cannot_be_read_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    keeper = Keeper(tmp_path)
    await keeper.load()
    keeper.results.put("A", RESULT)
    await keeper.save_when_due(0.0)
    await keeper.end()
    assert (tmp_path / FILE_NAME).is_dir()
    assert "are not saved" in caplog.text


async def test_a_full_disk_is_told_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "state"
    keeper = Keeper(place)
    await keeper.load()
    place.write_text("in the way")
    keeper.results.put("A", RESULT)
    for second in range(0, 600, 60):
        await keeper.save_when_due(float(second))
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    place.unlink()
    await keeper.end()
    assert (place / FILE_NAME).exists()


async def test_without_a_state_directory_results_last_as_long_as_the_service() -> None:
    keeper = Keeper(None)
    await keeper.load()
    keeper.results.put("A", RESULT)
    await keeper.save_when_due(0.0)
    await keeper.end()
    assert keeper.results.get("A", RESULT.model) == RESULT
