"""``luxminer-hil pool`` as a process: what it prints, and how it ends."""

import asyncio
import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from luxminer.commands import ExitCode
from luxminer_hil.cli import main
from luxminer_hil.fakepool.behaviours import behaviour_names
from luxminer_hil.fakepool.proxy_actions import PROXY_SCRIPTS
from tests.unit.fakepool.raw_client import RawMiner
from tests.unit.fakepool.wire import Wire

PROGRAM = "import sys; from luxminer_hil.cli import main; sys.exit(main(sys.argv[1:]))"
WAIT_S = 20.0


@asynccontextmanager
async def pool_process(
    *options: str, scheme: str = "stratum+tcp", command: str = "pool"
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The process and the port of the URL that it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        *(command, "--listen", "127.0.0.1:0", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        url = await line_of(process)
        assert url.startswith(f"{scheme}://127.0.0.1:")
        yield process, int(url.rpartition(":")[2])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_S):
        return (await process.stdout.readline()).decode().strip()


async def end_of(process: asyncio.subprocess.Process) -> tuple[str, str]:
    async with asyncio.timeout(WAIT_S):
        output, errors = await process.communicate()
    return output.decode(), errors.decode()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
async def test_url_shares_and_summary(how: signal.Signals) -> None:
    async with pool_process("--difficulty", "1e-6", "--seed", "3") as (process, port):
        async with await RawMiner.connect(port) as miner:
            await miner.login()
            found = miner.mine()
            await miner.submit(*found.params())
            share: dict[str, Any] = json.loads(await line_of(process))
            assert share["accepted"] is True
            assert share["hash"] == found.block_hash
            assert share["nonce"] == found.nonce
            assert (share["user"], share["job"], share["asked"]) == ("rig.1", miner.job[0], 1e-6)
            await miner.submit(*found.params())
            share = json.loads(await line_of(process))
            assert (share["accepted"], share["reason"]) == (False, "duplicate")
        process.send_signal(how)
        output, errors = await end_of(process)
        summary = json.loads(output)["summary"]
        assert (summary["submitted"], summary["accepted"]) == (2, 1)
        assert summary["rejected"] == {"duplicate": 1}
        assert (process.returncode, errors) == (ExitCode.OK, "")


async def test_a_script_is_played(tmp_path: Path) -> None:
    script = tmp_path / "plan.toml"
    script.write_text('[[step]]\nafter = 1\ndo = "message"\ntext = "thanks"\n')
    options = ("--difficulty", "1e-6", "--script", str(script))
    async with pool_process(*options) as (_, port), await RawMiner.connect(port) as miner:
        await miner.login()
        await miner.submit(*miner.mine().params())
        assert await miner.until("client.show_message") == ["thanks"]


@pytest.mark.slow
async def test_names_words_and_options_make_one_pool(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    words = "when=authorize do=message text=welcome"
    options = ("--script", "tls", "--script", "early-jobs", "--step", words, "--ca", str(ca))
    async with pool_process(*options, scheme="stratum+ssl") as (process, port):
        shown = json.loads(await line_of(process))["certificate"]
        context = ssl.create_default_context(cafile=ca)
        async with await Wire.to(port, tls=context, name="localhost") as wire:
            der = wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            assert shown == {"kind": "good", "sha256": hashlib.sha256(der).hexdigest()}
            wire.ask(1, "mining.subscribe", "raw/1")
            await wire.until("mining.notify")
            wire.ask(2, "mining.authorize", "rig.1", "x")
            assert (await wire.until("client.show_message"))["params"] == ["welcome"]


@pytest.mark.slow
async def test_a_session_is_recorded_and_replayed(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    async with (
        pool_process("--difficulty", "1e-6", "--record", str(path)) as (process, port),
        await RawMiner.connect(port) as miner,
    ):
        await miner.login()
        job = miner.job
        process.send_signal(signal.SIGINT)
        assert (await end_of(process))[1] == ""
    options = ("--replay", str(path), "--speed", "10")
    async with pool_process(*options) as (process, port), await RawMiner.connect(port) as miner:
        await miner.login()
        assert miner.job == job
        await miner.submit(*miner.mine().params())
        share = json.loads(await line_of(process))
        assert (share["accepted"], share["judged"], share["asked"]) == (True, None, 1e-6)


@pytest.mark.slow
async def test_a_proxy_prints_what_was_asked_of_it() -> None:
    options = ("--name", "Pool.onion=127.0.0.1", "--step", "when=request do=refuse code=4")
    async with (
        pool_process(*options, command="proxy", scheme="socks5") as (process, port),
        await Wire.to(port) as wire,
    ):
        wire.say(b"\x05\x01\x00" + b"\x05\x01\x00\x03\x0apool.onion\x0d\x05")
        assert await wire.end() == b"\x05\x00" + b"\x05\x04\x00\x01" + bytes(6)
        assert json.loads(await line_of(process)) == {
            "connection": 1,
            "asked": "pool.onion:3333",
            "as": "name",
            "user": None,
            "fate": "refused by script",
        }
        process.send_signal(signal.SIGTERM)
        assert await end_of(process) == ("", "")
        assert process.returncode == ExitCode.OK


@pytest.mark.parametrize("command", ["pool", "proxy"])
def test_the_list_names_every_behaviour(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--list"]) == ExitCode.OK
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line}
    assert set(behaviour_names(PROXY_SCRIPTS)) <= listed
    assert (set(behaviour_names()) <= listed) is (command == "pool")


async def test_a_reader_that_went_away_ends_it() -> None:
    async with pool_process("--difficulty", "1e-6") as (process, port):
        transport = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined] # asyncio has no public way to close a pipe
        transport.close()
        async with await RawMiner.connect(port) as miner:
            await miner.login()
            miner.post("mining.submit", *miner.mine().params())
            async with asyncio.timeout(WAIT_S):
                assert await process.wait() == ExitCode.OK


@pytest.mark.slow
async def test_a_proxy_ends_with_its_reader() -> None:
    async with pool_process(scheme="socks5", command="proxy") as (process, port):
        transport = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined] # asyncio has no public way to close a pipe
        transport.close()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x04\x01\x00")
        async with asyncio.timeout(WAIT_S):
            assert await process.wait() == ExitCode.OK
        writer.close()
        assert process.stderr is not None
        assert await process.stderr.read() == b""


@pytest.mark.slow
async def test_a_pipe_that_nobody_reads_stops_no_pool() -> None:
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "pool", "--listen", "127.0.0.1:0"),
        *("--difficulty", "1e-6"),
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    try:
        async with asyncio.timeout(WAIT_S):
            url = await asyncio.to_thread(os.read, reading, 100)
            async with await RawMiner.connect(int(url.rpartition(b":")[2])) as miner:
                await miner.login()
                found = miner.mine().params()
                for _ in range(1500):  # lines of 400 bytes: more than a pipe and the queue hold
                    miner.post("mining.submit", *found)
                assert (await miner.call("mining.ping"))["result"] == "pong"
            process.terminate()
            assert await process.wait() == ExitCode.OK
            assert process.stderr is not None
            assert b"lines are lost" in await process.stderr.read()
    finally:
        os.close(reading)
        if process.returncode is None:
            process.kill()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--listen", "nowhere"], "--listen: 'nowhere' is no HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], "port 99999 is outside 0 to 65535"),
        (["--difficulty", "0"], "difficulty '0' is outside"),
        (["--difficulty", "much"], "difficulty 'much' is not a number"),
        (["--version-mask", "0x1fffe0"], "--version-mask: '0x1fffe0' is no mask; write eight"),
        (["--block", "main-7"], "no block 'main-7'; there are"),
        (["--script", "/nonexistent.toml"], "/nonexistent.toml: cannot be read: No such file"),
        (["--script", "vardif"], "vardif: no behaviour 'vardif'; did you mean vardiff?"),
        (["--script", "no"], "no: no behaviour 'no'; --list shows those there are"),
        (["--step", "at=1 do=nothing"], "--step: do: no action 'nothing'; one of job"),
        (["--replay", "/nonexistent"], "--replay: replay: /nonexistent cannot be read: No such"),
        (["--ca", "/tmp/ca.pem"], "--ca: there is no certificate; add --tls"),
        (["--record", "/nonexistent/x"], "cannot write /nonexistent/x: No such file"),
        (["--job-interval", "0.01"], "job_interval_s 0.01 is below 0.05"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pool", *options]) == ExitCode.USAGE
    errors = capsys.readouterr().err
    assert words in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--listen", "nowhere"], "--listen: 'nowhere' is no HOST:PORT"),
        (["--listen", "0.0.0.0:1080"], "0.0.0.0 is not loopback; --anywhere"),
        (["--name", "pool.onion"], "--name: 'pool.onion' is no NAME=HOST; write pool.onion="),
        (["--script", "stale-happy"], "stale-happy: no behaviour 'stale-happy'"),
        (["--step", "when=tunnel do=job"], "--step: do: no action 'job'; one of refuse"),
    ],
)
def test_bad_usage_of_the_proxy_is_one_line_and_status_2(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["proxy", *options]) == ExitCode.USAGE
    errors = capsys.readouterr().err
    assert words in errors
    assert errors.count("\n") == 1


def test_a_setting_that_no_pool_has_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "plan.toml"
    script.write_text("[pool]\nextranonce_size = 4\n")
    assert main(["pool", "--script", str(script)]) == ExitCode.USAGE
    assert "extranonce_size: unknown setting of [pool]; did you mean" in capsys.readouterr().err


def test_without_openssl_the_cure_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert main(["pool", "--tls", "--listen", "127.0.0.1:0"]) == ExitCode.USAGE
    assert "--tls: TLS needs the program openssl; type: sudo apt" in capsys.readouterr().err


def test_a_mistake_in_a_script_has_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "plan.jsonl"
    script.write_text('\n{"at": 1, "do": "cut"}\n')
    assert main(["pool", "--script", str(script)]) == ExitCode.USAGE
    assert f"{script}: line 2: seconds: missing from cut; add seconds" in capsys.readouterr().err


def test_an_address_in_use_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["pool", "--listen", address]) == ExitCode.USAGE
    errors = capsys.readouterr().err
    assert errors == (
        f"luxminer-hil: --listen: cannot listen on {address}: Address already in use; "
        "use another port, or 0 for a free one\n"
    )


def test_only_the_typed_command_is_imported() -> None:
    code = (
        "import sys; from luxminer_hil.cli import main\n"
        "try: main(['pool', '--help'])\n"
        "except SystemExit: pass\n"
        "print('\\n'.join(sys.modules))"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "luxminer_hil.pool_command" in loaded
    assert not {"luxminer_hil.stick_command", "luxminer_hil.vectors_command"} & loaded
    assert not {name for name in loaded if name.startswith("luxminer_hil.chipsim")}
