"""``luxminer-hil record`` and ``replay`` as programs, on a virtual stick."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from luxminer.commands import ExitCode
from luxminer.transport.serial import open_serial
from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.cli import main
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.record.events import Do
from luxminer_hil.record.load import load

COUNT = bytes.fromhex("84000011")
READ_PLL = bytes.fromhex("84000411")
ID = bytes.fromhex("1384000013")


@asynccontextmanager
async def program(*arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("luxminer-hil"),
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 10)


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()


async def ask(path: str, data: bytes, wanted: int) -> bytes:
    transport = await open_serial(path, 115200)
    try:
        await transport.write(data)
        heard = b""
        async with asyncio.timeout(5):
            while len(heard) < wanted:
                heard += await transport.read()
        return heard
    finally:
        await transport.close()


@pytest.mark.slow
async def test_a_foreign_host_is_recorded_and_replayed(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    async with VirtualStick("2pac", port=PtyPort(tmp_path / "stick")) as stick:
        link = tmp_path / "proxy"
        async with program(
            "record", file, "--port", stick.path, "--link", link, "--model", "2pac"
        ) as proxy:
            assert await line_of(proxy) == str(link)
            assert await ask(str(link), COUNT, 10) == ID * 2
            proxy.terminate()
            assert "events in" in await line_of(proxy)
            assert await asyncio.wait_for(proxy.wait(), 10) == ExitCode.OK
        (session,) = load(file).sessions()
        assert b"".join(x.event.data for x in session if x.event.do is Do.WRITE) == COUNT

        async with program("replay", file, "--as-host", stick.path) as replay:
            words = await line_of(replay)
            assert "1 writes" in words
            assert await asyncio.wait_for(replay.wait(), 10) == ExitCode.OK

    async with program("replay", file, "--as-stick", "--link", tmp_path / "again") as replay:
        path = await line_of(replay)
        assert await ask(path, COUNT, 10) == ID * 2
        assert "all was replayed; 0 bytes" in await line_of(replay)
        assert await asyncio.wait_for(replay.wait(), 10) == ExitCode.OK

    async with program("replay", file, "--as-stick", "--link", tmp_path / "again") as replay:
        path = await line_of(replay)
        transport = await open_serial(path, 115200)
        await transport.write(b"\x84\x00\x00\x12")
        words = await line_of(replay)
        await transport.close()
        assert "the host departs at line 3, byte 4: recorded 11, the host wrote 12" in words
        assert await asyncio.wait_for(replay.wait(), 10) == ExitCode.FAILED


@pytest.mark.slow
async def test_the_service_records_its_own_stick(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    async with (
        VirtualStick("compac", scale="0.0005", port=PtyPort(tmp_path / "stick")) as stick,
        FakePool(difficulty="0.0005", seed=1) as pool,
    ):
        config = tmp_path / "bench.toml"
        config.write_text(
            "[api]\nport = 0\nhttp_port = 0\n[mining]\ndetect = false\n"
            f'[[pools]]\nurl = "{pool.url}"\nuser = "u"\n'
            f'[[devices]]\nport = "{stick.path}"\nmodel = "compac"\nscale = 0.0005\n'
        )
        async with program("record", file, "--service", "-c", config, "--duration", "6") as service:
            assert service.stdout is not None
            output = (await asyncio.wait_for(service.stdout.read(), 30)).decode()
            assert await service.wait() == ExitCode.OK, output
        assert "events in" in output
        assert "is full" not in output
        await pool.wait_for_shares(1, 5)
    recording = load(file)
    assert recording.header.model == "compac"
    assert main(["replay", str(file), "--vectors", str(tmp_path / "v.json")]) == ExitCode.OK
    assert main(["vectors", str(tmp_path / "v.json")]) == ExitCode.OK
    assert "init_trace" in json.loads((tmp_path / "v.json").read_text())["vectors"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["record", "x"], "one of both is needed"),
        (["record", "x", "--port", "a", "--service"], "one of both is needed"),
        (["record", "x", "--port", "a", "--limit-mib", "0"], "is 0; give 1 or more"),
        (["record", "x", "--port", "a", "--duration", "0"], "is 0; give more than 0"),
        (["replay", "/dev/null", "--as-stick"], "line 1 is missing: the file is empty"),
    ],
)
def test_wrong_use_says_what_is_right(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == ExitCode.USAGE
    assert words in capsys.readouterr().err
