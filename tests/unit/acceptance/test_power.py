"""Undervoltage flags: where they are, what they mean, and that their lack is said."""

import asyncio
from pathlib import Path

import pytest

from luxminer_hil.acceptance.checks import handling
from luxminer_hil.acceptance.power import HWMON, SYS, read_throttled, words_of
from luxminer_hil.acceptance.verdict import Verdict
from tests.unit.acceptance.made_up import bench_of


def put(root: Path, path: Path, text: str) -> None:
    file = root / path.relative_to("/")
    file.parent.mkdir(parents=True)
    file.write_text(text)


@pytest.mark.parametrize("path", SYS)
def test_the_flags_are_read_where_kernels_have_them(tmp_path: Path, path: Path) -> None:
    put(tmp_path, path, "50005\n")
    flags = read_throttled(tmp_path)
    assert flags == 0x50005
    assert words_of(flags) == [
        "undervoltage now",
        "throttled now",
        "undervoltage since the start",
        "throttled since the start",
    ]


def test_another_machine_says_that_it_is_none(tmp_path: Path) -> None:
    assert read_throttled(tmp_path) == "this machine is no Raspberry Pi"
    put(tmp_path, Path("/proc/device-tree/model"), "Pine64 Rock64\0")
    words = read_throttled(tmp_path)
    assert isinstance(words, str)
    assert words.startswith("Pine64 Rock64 has neither")


@pytest.mark.parametrize(("alarm", "flags"), [("0\n", 0), ("1\n", 0x10000)])
def test_kernels_without_the_flags_have_an_alarm(tmp_path: Path, alarm: str, flags: int) -> None:
    put(tmp_path, HWMON / "hwmon0" / "name", "cpu_thermal\n")
    put(tmp_path, HWMON / "hwmon3" / "name", "rpi_volt\n")
    (tmp_path / "sys/class/hwmon/hwmon3/in0_lcrit_alarm").write_text(alarm)
    assert read_throttled(tmp_path) == flags


def test_nonsense_in_the_file_is_no_flag(tmp_path: Path) -> None:
    put(tmp_path, SYS[0], "throttled")
    assert isinstance(read_throttled(tmp_path), str)


@pytest.mark.parametrize(
    ("flags", "verdict"),
    [
        (0, Verdict.PASSED),
        (0x50005, Verdict.FAILED),
        (0x50000, Verdict.WARNED),
        ("this machine is no Raspberry Pi", Verdict.NOT_APPLICABLE),
    ],
)
def test_flags_become_a_verdict(
    flags: int | str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "read_throttled", lambda: flags)
    finding = asyncio.run(handling.power(bench_of("compac")))
    assert finding.verdict is verdict
