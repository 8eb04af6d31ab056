"""``luxminer devices``: its table, its JSON and its exit status."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
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
    heading, row, _, problem, cure, _, sum_ = capsys.readouterr().out.splitlines()
    assert heading.split() == ["model", "serial", "usb", "path", "port", "driver", "state"]
    assert row.startswith("GekkoScience Compac")
    assert problem == f"[1] {tmp_path / 'none'}: no such port"
    assert cure == "    Cure: plug the stick in or correct devices[0].port"
    assert sum_ == "0 of 1 usable"


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
    shown = capsys.readouterr().out
    assert "not a serial port" in shown
    assert "Cure: name the stick's tty" in shown


def test_lines_are_as_long_as_the_terminal_is_wide(tmp_path: Path) -> None:
    file = config(tmp_path, str(tmp_path / "none"))
    command = [sys.executable, "-m", "luxminer", "devices", "-c", file]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 44, 0, 0))
        assert subprocess.run(command, stdout=slave, env=environment, timeout=20).returncode == 3
        shown = os.read(master, 65536).decode().splitlines()
    finally:
        os.close(slave)
        os.close(master)
    path = str(tmp_path / "none")
    assert shown[0] == "GekkoScience Compac"
    assert all(len(line) <= 44 or path in line for line in shown)
    piped = subprocess.run(command, stdout=subprocess.PIPE, env=environment, timeout=20, text=True)
    assert piped.stdout.splitlines()[0].startswith("model")


def test_a_wrong_configuration_is_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["devices", "-c", config(tmp_path, "/dev/a", "/dev/a")]) == 2
    assert "same stick" in capsys.readouterr().err
