"""``luxminer run`` as a process of its own, with the programs of other people as its clients."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import luxos.syncops
import pytest

from luxminer.commands import ExitCode
from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.server import FakePool
from tests.integration.rig import SCALE, free_port

SEED = 20260202
STOP_S = 2.0
NOBODY = 65534
LUXMINER = (sys.executable, "-m", "luxminer")


class Service:
    """One process; what it writes to standard error goes to a file, which never blocks it."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self.process = process
        self._errors = errors

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    async def ended(self, timeout_s: float) -> int:
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    async def says(self, words: str, timeout_s: float = 15) -> None:
        deadline_s = time.monotonic() + timeout_s
        while words not in self.errors:
            assert self.process.returncode is None, self.errors
            assert time.monotonic() < deadline_s, f"never said {words}: {self.errors}"
            await asyncio.sleep(0.05)


def settings(
    folder: Path,
    pool: str,
    tty: Path | str,
    *,
    port: int = 0,
    http_port: int = 0,
    name: str = "luxminer",
) -> Path:
    file = folder / f"{name}.toml"
    file.write_text(
        f"""\
[api]
listen = "127.0.0.1"
port = {port}
http_port = {http_port}
[mining]
detect = false
[[pools]]
url = "{pool}"
user = "me.worker"
[[devices]]
port = "{tty}"
model = "compac"
scale = {SCALE}
"""
    )
    return file


@asynccontextmanager
async def service(file: Path, *, prefix: Sequence[str] = ()) -> AsyncIterator[Service]:
    """Run the service; ended by its id, whatever happens."""
    errors = file.with_suffix(".log")
    with errors.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *prefix,
            *LUXMINER,
            "run",
            "-c",
            str(file),
            env={**os.environ, "STATE_DIRECTORY": str(file.parent)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
    try:
        yield Service(process, errors)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def output(*command: str, stdin: bytes = b"", timeout_s: float = 20) -> tuple[int, str]:
    """Return exit status and standard output of a program that must end by itself."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, _ = await process.communicate(stdin)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode()


def complaints(errors: str) -> list[str]:
    """Return the lines that are for the owner: not those of the log below error."""
    return [
        line
        for line in errors.splitlines()
        if line.startswith("luxminer:") or " error " in line.partition(":")[2]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_a_mining_service_quickly_and_in_order(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        VirtualStick("compac", scale=SCALE, seed=SEED, port=PtyPort(tmp_path / "tty")) as stick,
        service(settings(tmp_path, pool.url, stick.path, port=free_port())) as miner,
    ):
        await pool.wait_for_shares(2, 30)
        miner.process.send_signal(number)
        started_s = time.monotonic()
        assert await miner.ended(10) == ExitCode.OK
        assert time.monotonic() - started_s < STOP_S
        assert "Traceback" not in miner.errors
        assert sum(pool.ledger().rejected.values()) == 0


@pytest.mark.slow
async def test_a_signal_ends_a_service_that_has_neither_pool_nor_stick(tmp_path: Path) -> None:
    file = settings(tmp_path, f"stratum+tcp://127.0.0.1:{free_port()}", tmp_path / "none")
    async with service(file) as miner:
        await miner.says("no such port")
        miner.process.terminate()
        started_s = time.monotonic()
        assert await miner.ended(10) == ExitCode.OK
        assert time.monotonic() - started_s < STOP_S
        assert "Traceback" not in miner.errors


@pytest.mark.slow
async def test_programs_of_others_read_a_mining_service(tmp_path: Path) -> None:
    port, http_port = free_port(), free_port()
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        VirtualStick("compac", scale=SCALE, seed=SEED, port=PtyPort(tmp_path / "tty")) as stick,
        service(settings(tmp_path, pool.url, stick.path, port=port, http_port=http_port)) as miner,
    ):
        await pool.wait_for_shares(2, 30)
        await asyncio.sleep(0.3)  # the answers to those shares are on their way
        await _luxos_command(port)
        await _luxos_library(port)
        await _netcat(port)
        await _curl(http_port)
        await _blind_client(port)
        before = pool.ledger().accepted
        await pool.wait_for_shares(before + 1, 30)
        assert miner.process.returncode is None
        assert "Traceback" not in miner.errors


async def _luxos_command(port: int) -> None:
    """Luxor's command-line tool, with the options of its own manual."""
    command = Path(sys.executable).with_name("luxos")
    status, out = await output(
        str(command), "--range", f"127.0.0.1:{port}", "--cmd", "summary", "--json", "-q"
    )
    assert status == 0, out
    reply = json.loads(out[out.index("{") :])
    assert reply[f"127.0.0.1:{port}"]["result"]["SUMMARY"][0]["Accepted"] >= 1


async def _luxos_library(port: int) -> None:
    def read() -> dict[str, dict[str, Any]]:
        names = ("version", "devs", "pools")
        return {name: luxos.syncops.rexec("127.0.0.1", port, name, timeout=5) for name in names}

    replies = await asyncio.to_thread(read)
    assert replies["version"]["VERSION"][0]["CGMiner"] == "4.13.6"
    assert replies["devs"]["DEVS"][0]["Status"] == "Alive"
    assert replies["pools"]["POOLS"][0]["User"] == "me.worker"


async def _netcat(port: int) -> None:
    """It ends by itself only when the service closes, and jq chokes on a NUL."""
    for tool in ("nc", "jq"):
        assert shutil.which(tool), f"{tool} is missing: scripts/setup.sh test installs it"
    line = """echo '{"command":"version+summary"}' | nc 127.0.0.1 %d | jq -e ."""
    status, out = await output("sh", "-c", line % port, timeout_s=5)
    assert status == 0, out
    reply = json.loads(out)
    assert reply["version"][0]["VERSION"][0]["API"] == "3.7"
    assert reply["summary"][0]["SUMMARY"][0]["Accepted"] >= 1


async def _curl(http_port: int) -> None:
    url = f"http://127.0.0.1:{http_port}/api"
    status, out = await output("curl", "-fsS", "-d", '{"command":"summary"}', url)
    assert status == 0, out
    assert json.loads(out)["SUMMARY"][0]["Hardware Errors"] == 0


async def _blind_client(port: int) -> None:
    """It takes the last byte away without a look, as many scripts for CGMiner do."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b'{"command":"devs"}')
    async with asyncio.timeout(5):
        reply = await reader.read()
    writer.close()
    assert json.loads(reply[:-1])["DEVS"][0]["ASC"] == 0


@pytest.mark.slow
async def test_a_second_service_leaves_the_stick_to_the_first(tmp_path: Path) -> None:
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        VirtualStick("compac", scale=SCALE, seed=SEED, port=PtyPort(tmp_path / "tty")) as stick,
        service(settings(tmp_path, pool.url, stick.path)) as first,
    ):
        await pool.wait_for_shares(1, 30)
        async with service(settings(tmp_path, pool.url, stick.path, name="second")) as second:
            assert await second.ended(20) == ExitCode.NO_HARDWARE
            (line,) = complaints(second.errors)
            for words in (stick.path, f"process {first.process.pid}", "stop that program"):
                assert words in line
            assert "Traceback" not in second.errors
        before = pool.ledger().accepted
        await pool.wait_for_shares(before + 1, 30)
        assert first.process.returncode is None


def _hide(tty: Path) -> None:
    """Leave the tty to root, as the kernel does where no udev rule says otherwise."""
    tty.resolve().chmod(0o600)


@pytest.mark.slow
async def test_no_permission_is_named_with_the_cure() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    other = (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    status, _ = await output(*other, *LUXMINER, "--version")
    if status != 0:
        pytest.skip("the other user may not read this installation")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, NOBODY, NOBODY)
        port = PtyPort(folder / "tty")
        async with (
            FakePool(difficulty=SCALE, seed=SEED) as pool,
            VirtualStick("compac", scale=SCALE, seed=SEED, port=port) as stick,
        ):
            _hide(Path(stick.path))
            file = settings(folder, pool.url, stick.path)
            async with service(file, prefix=other) as miner:
                assert await miner.ended(20) == ExitCode.NO_HARDWARE
                errors = miner.errors
            status, table = await output(*other, *LUXMINER, "devices", "-c", str(file))
    (line,) = complaints(errors)
    assert "Traceback" not in errors
    for text in (line, table):
        assert stick.path in text
        assert "permission denied" in text
        assert "let user nobody read and write it" in text
    assert status == ExitCode.NO_HARDWARE


@pytest.mark.slow
@pytest.mark.parametrize("key", ["port", "http_port"])
async def test_a_busy_port_is_one_clear_line(key: str, tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        number: int = busy.getsockname()[1]
        url = f"stratum+tcp://127.0.0.1:{free_port()}"
        file = settings(tmp_path, url, tmp_path / "none", **{key: number})  # type: ignore[arg-type]
        async with service(file) as miner:
            assert await miner.ended(20) == ExitCode.USAGE
    (line,) = complaints(miner.errors)
    for words in (f"api.{key}", str(number), "choose another port"):
        assert words in line
    assert "Traceback" not in miner.errors
