"""The token file."""

import logging
import os
import stat
from pathlib import Path

import pytest

from luxminer.api.token import FILE_NAME, load_or_create, matches, renew, service_token
from luxminer.errors import ConfigError


def test_the_first_start_writes_a_private_token_that_stays(tmp_path: Path) -> None:
    path = tmp_path / "state" / "token"
    token = load_or_create(path)
    assert len(token) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create(path) == token
    assert [entry.name for entry in path.parent.iterdir()] == ["token"]


def test_renewing_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "token"
    first = load_or_create(path)
    (tmp_path / "token.new").write_text("left by a crash")
    second = renew(path)
    assert first != second
    assert load_or_create(path) == second
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_token_that_others_could_read_is_made_private(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "token"
    token = load_or_create(path)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert load_or_create(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize(
    "content", [b"", b"short", b"has a blank in the middle", b"\xff" * 40, b"x" * 5000]
)
def test_a_file_without_a_token_is_an_error_with_a_cure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load_or_create(path)
    assert str(path) in str(caught.value)
    assert "luxminer token --new" in caught.value.cure


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError):
        load_or_create(tmp_path / "file" / "token")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_token_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("x" * 43)
    path.chmod(0)
    with pytest.raises(ConfigError):
        load_or_create(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 43])
def test_a_service_goes_on_without_its_file(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    first, second = service_token(tmp_path), service_token(tmp_path)
    assert len(first) >= 43
    assert first != second
    assert path.read_bytes() == content
    assert "luxminer token --new" in caplog.text


def test_a_service_without_a_directory_has_a_token_of_its_own() -> None:
    assert service_token(None) != service_token(None)


def test_comparing() -> None:
    token = "a" * 43
    assert matches(token, token)
    for given in ("", "a", token + "a", token[:-1] + "b", "ä" * 43, "\ud800"):
        assert not matches(token, given)
