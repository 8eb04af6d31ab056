import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from luxminer.cli import dispatch
from tests.unit.chipsim.host import CHIP_ID, COUNT
from tests.unit.chipsim.test_port import Tty
from tests.unit.usbsim.test_usbip import IFC_ENABLE, IN, OUT, Host

TABLE = {"stick": ("", "luxminer_hil.stick_command:COMMAND")}
SCRIPT = f"""
from luxminer.cli import dispatch
raise SystemExit(dispatch("luxminer-hil", "", {TABLE!r}, None))
"""
WAIT_S = 20


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "stick", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], WAIT_S)[0], "no line in time"
    return process.stdout.readline().rstrip("\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_the_tty_and_stays_until_stopped(tmp_path: Path, number: int) -> None:
    link = str(tmp_path / "stick")
    with running("--model", "2pac", "--link", link, "--scale", "0.001") as process:
        assert line(process) == link
        host = Tty(link)
        os.set_blocking(host.fd, True)
        host.write(COUNT)
        got = b""
        while len(got) < 10:
            got += os.read(host.fd, 10)
        assert got == CHIP_ID * 2
        process.send_signal(number)
        out, err = process.communicate(timeout=WAIT_S)
        assert (process.returncode, out, err) == (0, "", "")
        host.close()
    assert not Path(link).is_symlink()


def read(host: Tty, length: int) -> bytes:
    os.set_blocking(host.fd, True)
    got = b""
    while len(got) < length:
        got += os.read(host.fd, length)
    return got


def test_a_stick_with_a_telemetry_controller_has_two_ttys(tmp_path: Path) -> None:
    chips, telemetry = str(tmp_path / "chips"), str(tmp_path / "telemetry")
    arguments = ("--model", "terminusa2", "--chip", "bm1368", "--chips", "3", "--scale", "1e-9")
    with running(*arguments, "--link", chips, "--telemetry-link", telemetry) as process:
        assert line(process) == chips
        host, box = Tty(chips), Tty(telemetry)
        host.write(bytes.fromhex("55aa520500000a"))
        assert read(host, 27).hex() == "aa5513680000000014" * 3
        box.write(b"?v")
        assert read(box, 1) == b"\x31"
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        host.close()
        box.close()
    assert not Path(telemetry).is_symlink()


def test_counters_are_json_lines_after_the_path(tmp_path: Path) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('seed = 11\n[[fault]]\nkind = "brown_out"\nfrom_s = 0.05\n')
    words = ("--fault", "zombie from_s=99", "--stable-mhz", "300")
    with running("--model", "compac", "--stats", "0.1", "--faults", str(faults), *words) as process:
        path = line(process)
        assert path.startswith("/dev/pts/")
        line(process)
        counters = json.loads(line(process))
        assert counters["path"] == path
        assert counters["seed"] == 11
        assert counters["faults"] == {"brown_out": 1}
        assert [chip["mhz"] for chip in counters["chips"]] == [200.0]


async def test_a_stick_by_usbip_prints_what_a_host_types_and_answers_it() -> None:
    with running("--model", "2pac", "--usbip", "127.0.0.1:0", "--serial", "10009999") as process:
        words = line(process).split()
        assert words[:2] == ["usbip", "--tcp-port"]
        assert words[3:] == ["attach", "-r", "127.0.0.1", "-b", "1-1"]
        host = Host(*await asyncio.open_connection("127.0.0.1", int(words[2])))
        assert isinstance(await host.attach(), bytes)
        _, _, serial = await host.control(bytes.fromhex("800603030000ff00"))
        assert serial[2:].decode("utf-16-le") == "10009999"
        assert await host.control(IFC_ENABLE) == (0, 0, b"")
        baudrate = (115_200).to_bytes(4, "little")
        assert await host.control(bytes.fromhex("411e000000000400"), baudrate) == (0, 4, b"")
        host.submit(1, OUT, 1, len(COUNT), data=COUNT)
        assert (await host.receive(of_input=False))[2:4] == (0, len(COUNT))
        got = b""
        while len(got) < 10:
            host.submit(2, IN, 1, 64)
            got += (await host.receive())[4]
        assert got == CHIP_ID * 2
        host.writer.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "compax"], "--model: unknown model 'compax'; use compac, 2pac, terminus"),
        (["--model", "r909", "--chip", "x"], "--chip: r909 has no 'x'; use bm1397"),
        (["--model", "u2", "--telemetry-link", "x"], "--telemetry-link: u2 has no telemetry"),
        (["--model", "compac", "--chips", "0"], "--chips: 0 is out of range"),
        (["--model", "compac", "--scale", "x"], "--scale: x is no number"),
        (["--model", "compac", "--scale", "2"], "--scale: 2 is out of range"),
        (["--model", "compac", "--stats", "0"], "--stats: 0 is out of range; use 0.1 or more"),
        (["--model", "compac", "--fault", "dorp"], "--fault.kind: unknown kind 'dorp'; did you"),
        (["--model", "compac", "--scale", "1e-999999999"], "--scale: 1e-999999999 is out of range"),
        (["--model", "compac", "--scale", "9" * 5000], "--scale: 9999999999"),
        (["--model", "compac", "--link", "x" * 300], "--link: cannot make xxx"),
        (
            ["--model", "2pac", "--fault", "dead_core core=55"],
            "--faults: dead_core names core 55; cores count from 0: the last one is 54",
        ),
        (
            ["--model", "compacf", "--fault", "dead_core core=128"],
            "--faults: dead_core names core 128; cores count from 0: the last one is 127",
        ),
        (
            ["--model", "blockerupter", "--fault", "dead_core core=1"],
            "--faults: dead_core names core 1; cores count from 0: the last one is 0",
        ),
        (
            ["--model", "2pac", "--fault", "dead chip=2"],
            "--faults: dead names chip 2; chips count from 0",
        ),
        (["--model", "2pac", "--fault", "dead chip=0 chip=1"], "--fault.chip: stands twice"),
        (["--model", "compac", "--fault", "usb_reset from_s=1"], "--faults: usb_reset is for"),
        (["--model", "compac", "--stable-mhz", "0"], "--stable-mhz: 0 is out of range; use a clo"),
        (["--model", "compac", "--stats", "nan"], "--stats: nan is out of range"),
        (["--model", "compac", "--faults", "/none.toml"], "--faults: cannot read /none.toml"),
        (["--model", "compac", "--usbip", "3240"], "--usbip: '3240' is no HOST:PORT; write"),
        (["--model", "compac", "--usbip", "h:65536"], "--usbip: port 65536 is outside 0 to 65535"),
        (["--model", "compac", "--usbip", "203.0.113.1:0"], "--usbip: cannot listen on 203.0"),
        (["--model", "compac", "--usbip", ":0", "--link", "x"], "--usbip: has no tty"),
        (["--model", "compac", "--usbip", ":0", "--serial", "x" * 127], "--serial: 'x"),
        (["--model", "compac", "--link", "/none/stick"], "--link: cannot make /none/stick"),
    ],
)
def test_wrong_arguments_give_one_clear_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch("luxminer-hil", "", TABLE, ["stick", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"luxminer-hil: {words}")
    assert err.count("\n") == 1


@pytest.mark.slow
async def test_a_pipe_that_nobody_reads_stops_neither_the_stick_nor_its_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("luxminer-hil"),
        *("stick", "--model", "compac", "--chips", "200", "--stats", "0.1"),
        *("--link", str(tmp_path / "tty")),
        stdout=writing,
    )
    os.close(writing)
    try:
        async with asyncio.timeout(30):
            await asyncio.sleep(4.0)  # some lines of 20 kB are more than a pipe holds
            line = Tty(str(tmp_path / "tty"))
            line.write(COUNT)
            assert await line.read(5) == CHIP_ID
            os.close(line.fd)
            process.terminate()
            assert await process.wait() == 0
    finally:
        os.close(reading)


def test_clients_that_say_nothing_are_no_trouble_at_the_end() -> None:
    with running("--model", "compac", "--usbip", "127.0.0.1:0") as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[2])
        with ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            time.sleep(0.1)
            process.terminate()
            _, errors = process.communicate(timeout=WAIT_S)
    assert (process.returncode, errors) == (0, "")
