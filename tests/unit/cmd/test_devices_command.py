"""``luxminer devices``: its table, its JSON and its exit status."""

import json
import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from luxminer.cli import main

FIELDS = {"model", "serial", "usb_path", "tty", "driver", "usable", "problem", "cure"}


@pytest.fixture
def tty() -> Iterator[str]:
    """A port that could be a stick's: only opened here, as listing does not talk."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


def config(folder: Path, *ports: str) -> str:
    file = folder / "luxminer.toml"
    entries = [f'[[devices]]\nport = "{port}"\nmodel = "compac"\n' for port in ports]
    file.write_text("[mining]\ndetect = false\n" + "".join(entries))
    return str(file)


def test_no_stick_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "-c", config(tmp_path, str(tmp_path / "none"))]) == 3
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["model", "serial", "usb", "path", "tty", "driver", "state"]
    assert row.startswith("GekkoScience Compac")
    assert "no such port; plug the stick in or correct devices[0].port" in row


def test_a_usable_port_is_status_0_whatever_the_others_are(
    tty: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(tmp_path, str(tmp_path / "none"), tty)
    assert main(["devices", "--json", "-c", file]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(set(row) == FIELDS for row in rows)
    usable = {row["tty"]: row["usable"] for row in rows if row["tty"]}
    assert usable[tty]
    assert not usable[str(tmp_path / "none")]


def test_a_file_is_not_a_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "notes.txt"
    file.touch()
    assert main(["devices", "-c", config(tmp_path, str(file))]) == 3
    assert "not a serial port; name the stick's tty" in capsys.readouterr().out


def test_a_wrong_configuration_is_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["devices", "-c", config(tmp_path, "/dev/a", "/dev/a")]) == 2
    assert "same stick" in capsys.readouterr().err
