"""``luxminer token`` as a user types it."""

import stat
from pathlib import Path

import pytest

from luxminer.cli import main


def test_shown_twice_it_is_the_same_and_renewed_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    shown = []
    for arguments in ([], [], ["--new"], []):
        assert main(["token", *arguments]) == 0
        captured = capsys.readouterr()
        shown.append(captured.out.strip())
        assert bool(captured.err) == bool(arguments)
    assert shown[0] == shown[1] != shown[2] == shown[3]
    assert len(shown[0]) >= 43
    assert stat.S_IMODE((tmp_path / "state" / "token").stat().st_mode) == 0o600


def test_a_place_that_cannot_be_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "file" / "state"))
    assert main(["token"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
