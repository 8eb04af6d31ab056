"""``luxminer-hil bench``: on virtual sticks of its own, on one at a tty, on a rig."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from luxminer.commands import ExitCode
from luxminer_hil.acceptance.report import HTML, JUNIT
from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.cli import main

SHORT = ["--nonces", "40", "--points", "2", "--soak", "20"]


@pytest.mark.slow
def test_a_virtual_stick_passes_and_leaves_its_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["bench", "--model", "2pac", "--report", str(tmp_path / "r"), *SHORT])
    output = capsys.readouterr().out
    assert status == ExitCode.OK, output
    assert output.splitlines()[-1] == "2pac: pass"
    assert "  golden       pass    3 of 3 blocks" in output
    assert (tmp_path / "r" / HTML).stat().st_size > 10_000
    assert (tmp_path / "r" / JUNIT).stat().st_size > 3000


def test_a_fault_fails_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "dead"\nchip = 1\n')
    arguments = ["bench", "--model", "2pac", "--faults", str(faults), "--only", "chips", *SHORT]
    assert main(arguments) == ExitCode.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:-1] if line[2] != " "] == [
        "identify",
        "chips",
        "clock",
    ]
    assert "  chips        fail    1 of 2 chips answer" in lines


def test_a_long_chain_is_a_virtual_stick_too() -> None:
    arguments = ["bench", "--model", "terminusa2", "--chips", "9", "--only", "chips", *SHORT]
    assert main(arguments) == ExitCode.OK


def test_a_fault_of_a_chip_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "dead"\nchip = 7\n')
    assert main(["bench", "--model", "2pac", "--faults", str(faults)]) == ExitCode.USAGE
    assert "dead names chip 7; chips count from 0: the last one is 1" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_a_run_and_leaves_the_chips_quiet(
    number: signal.Signals, tmp_path: Path
) -> None:
    """A real stick may get hot when nobody looks after it."""
    async with VirtualStick("newpac", scale="0.0001", port=PtyPort(tmp_path / "tty")) as stick:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("luxminer-hil"),
            *("bench", "--port", stick.path, "--model", "newpac", "--scale", "0.0001"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            for _ in range(2):  # what it looks at, and that it came up
                await process.stdout.readline()
            process.send_signal(number)
            await process.stdout.read()
            assert await process.wait() == 130


def test_a_rig_of_two_gets_a_folder_each(tmp_path: Path) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text(
        '[effort]\nnonces = 20\nsoak_s = 10\npoints = 1\n[[stick]]\nmodel = "compac"\n'
        '[[stick]]\nmodel = "u2"\n'
    )
    arguments = ["bench", "--rig", str(rig), "--report", str(tmp_path / "r"), "--only", "ticket"]
    assert main(arguments) == ExitCode.OK
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["compac", "u2"]


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--list"]) == ExitCode.OK
    assert "sweep        hash rate at several clocks" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--model: is missing"),
        (["--model", "compaq"], "did you mean compac"),
        (["--model", "compac", "--only", "golde"], '--only: is "golde"'),
        (["--model", "compac", "--soak", "1"], "--soak: is 1; use 10 to"),
        (["--model", "compac", "--scale", "2"], "--scale: is 2"),
        (["--model", "compac", "--port", "/dev/x", "--faults", "/dev/null"], "virtual sticks only"),
        (["--port", "/dev/ttyUSB77"], "USB does not say what is at /dev/ttyUSB77"),
        (["--model", "compac", "--rig", "x"], "--rig: names the sticks already"),
        (["--rig", "/nowhere/rig.toml"], "cannot be read"),
        (["--model", "compac", "--scale", "0.5"], "scale: is for a stick at a port"),
        (["--model", "compac", "--hub", "1-1"], "hub: is for a stick at a port"),
    ],
)
def test_wrong_use_says_what_is_right(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) == ExitCode.USAGE
    assert words in capsys.readouterr().err


def test_no_stick_is_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--port", "/dev/nothing", "--model", "u1"]) == ExitCode.NO_HARDWARE
    assert "identify     fail" in capsys.readouterr().out


@pytest.mark.slow
async def test_a_stick_at_a_tty_is_checked_in_real_time(tmp_path: Path) -> None:
    """As a real one would be: by its port, and with nobody to pull it."""
    async with VirtualStick("compac", scale="0.0005", port=PtyPort(tmp_path / "tty")) as stick:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("luxminer-hil"),
            *("bench", "--port", stick.path, "--model", "compac", "--scale", "0.0005"),
            *("--nonces", "20", "--only", "ticket", "--only", "golden", "--only", "recovery"),
            *("--only", "replug", "--only", "power", "--report", str(tmp_path / "r")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 100)
    text = output.decode()
    assert process.returncode == ExitCode.OK, text
    verdicts = {line.split()[0]: line.split()[1] for line in text.splitlines()[1:-2]}
    assert verdicts == {
        "identify": "pass",
        "clock": "pass",
        "ticket": "pass",
        "golden": "n/a",
        "recovery": "pass",
        "replug": "n/a",
        "power": "n/a",
    }
