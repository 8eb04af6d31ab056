"""Orders over the socket to a service of its own, which is killed: its settings are there again."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.server import FakePool
from tests.integration.rig import SCALE, free_port
from tests.integration.test_service_process import SEED, Service, service, settings
from tests.unit.api.wire import exchange

SAVED_S = 3.0


def written(folder: Path, port: int, pool: str, more: str = "") -> Path:
    file = folder / "luxminer.toml"
    file.write_text(
        f"""\
# My miner.
[api]
listen = "127.0.0.1"   # nobody else
port = {port}
http_port = 0
{more}
# No sticks today.
[mining]
detect = true

[log]
level = "info" # enough

# The best pool.
[[pools]]
url = "{pool}"
user = "me.worker"   # that is me
password = "a # b"
#quota = 3

# That is all.
"""
    )
    file.chmod(0o640)
    return file


async def ask(port: int, command: str) -> dict[str, Any]:
    name, _, parameter = command.partition("|")
    request = json.dumps({"command": name, "parameter": parameter})
    reply = await exchange(port, request.encode())
    tree: dict[str, Any] = json.loads(reply.rstrip(b"\0\n"))
    return tree


async def accepted(port: int, command: str) -> str:
    status = (await ask(port, command))["STATUS"][0]
    assert status["STATUS"] in "SI", status
    return str(status["Msg"])


async def session(port: int) -> str:
    return str((await ask(port, "logon"))["SESSION"][0]["SessionID"])


def has(file: Path, *words: str) -> bool:
    return all(word in file.read_text() for word in words)


async def holds(file: Path, *words: str) -> None:
    """Wait until the file has these words."""
    deadline_s = time.monotonic() + SAVED_S
    while not has(file, *words):
        assert time.monotonic() < deadline_s, words
        await asyncio.sleep(0.05)


async def answers(miner: Service, times: int = 1) -> None:
    async with asyncio.timeout(15):
        while miner.errors.count("API listens on") < times:
            assert miner.process.returncode is None, miner.errors
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_what_was_ordered_is_there_after_a_kill(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(FakePool(difficulty=1.0, seed=SEED + n))
            for n in range(2)
        ]
        port = free_port()
        file = written(tmp_path, port, pools[0].url)
        comments = [line for line in file.read_text().splitlines() if line.startswith("#")]
        async with service(file) as miner:
            await answers(miner)
            await accepted(port, f"addpool|{pools[1].url},second.worker,se\\,cret")
            await accepted(port, "addgroup|spare,2")
            await accepted(port, f"addpool|{pools[1].url},third.worker,x,1")
            await accepted(port, "poolpriority|1,0,2")
            await accepted(port, "poolquota|0,5")
            await accepted(port, "disablepool|0")
            await accepted(port, "groupquota|0,7")
            await accepted(port, "pooloptsset|patience_s=77")
            await accepted(port, "logset|debug")
            before = [await ask(port, name) for name in ("pools", "groups", "poolopts")]
            await holds(file, "patience_s = 77.0", 'level = "debug" # enough')
            miner.process.kill()
            await miner.ended(5)
        text = file.read_text()
        assert file.stat().st_mode & 0o7777 == 0o640
        assert sorted(line for line in text.splitlines() if line.startswith("#")) == sorted(
            comments
        )
        assert '# The best pool.\n[[pools]]\nurl = "' in text
        assert text.index("second.worker") < text.index("# that is me")
        assert "se,cret" in text
        async with service(file) as miner:
            await answers(miner)
            after = [await ask(port, name) for name in ("pools", "groups", "poolopts")]
        shown = [{row["User"]: row for row in replies[0]["POOLS"]} for replies in (before, after)]
        for name in ("me.worker", "second.worker", "third.worker"):
            for label in ("URL", "Priority", "Group"):
                assert shown[0][name].get(label) == shown[1][name].get(label), (name, label)
        assert shown[1]["me.worker"]["Status"] == "Disabled"
        assert before[1]["GROUPS"] == after[1]["GROUPS"]
        assert before[2]["POOLOPTS"] == after[2]["POOLOPTS"]


@pytest.mark.slow
async def test_quit_restart_resetminer_and_resetconfig(tmp_path: Path) -> None:
    async with FakePool(difficulty=1.0, seed=SEED) as pool:
        port = free_port()
        file = written(tmp_path, port, pool.url)
        async with service(file) as miner:
            await answers(miner)
            number = miner.process.pid
            assert await exchange(port, b'{"command":"restart"}') == (
                b'{"STATUS":"RESTART","id":1}\0'
            )
            await answers(miner, 2)
            assert miner.process.pid == number

            first = await session(port)
            assert await accepted(port, f"resetminer|{first}") == "Mining restarts"
            await answers(miner, 3)
            assert (await ask(port, "session"))["SESSION"][0]["SessionID"] == ""
            assert (await ask(port, f"resetminer|{first}"))["STATUS"][0]["Code"] == 403
            assert len((await ask(port, "pools"))["POOLS"]) == 1

            before = file.read_text()
            said = await accepted(port, f"resetconfig|{await session(port)}")
            assert f"{file}.bak" in said
            await answers(miner, 4)
            assert (file.parent / f"{file.name}.bak").read_text() == before
            assert "POOLS" not in await ask(port, "pools")
            assert f"port = {port}\n" in file.read_text()

            assert await exchange(port, b"quit\n") == b"BYE\0"
            assert await miner.ended(10) == 0


@pytest.mark.slow
async def test_without_autosave_changes_are_in_memory_until_save(tmp_path: Path) -> None:
    async with FakePool(difficulty=1.0, seed=SEED) as pool:
        port = free_port()
        file = written(tmp_path, port, pool.url, "autosave = false\n")
        before = file.read_text()
        async with service(file) as miner:
            await answers(miner)
            await accepted(port, "logset|debug")
            await asyncio.sleep(1.0)
            assert file.read_text() == before
            assert await accepted(port, "save|mine.toml") == (
                f"Configuration saved to file '{tmp_path / 'mine.toml'}'"
            )
            assert 'level = "debug" # enough' in (tmp_path / "mine.toml").read_text()
            assert file.read_text() == before
            for name in ("/etc/passwd", "../x.toml", ".hidden.toml", "ledger.db"):
                assert (await ask(port, f"save|{name}"))["STATUS"][0]["Code"] == 43
            await accepted(port, "save")
            assert 'level = "debug" # enough' in file.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("command", ["restart", "resetminer"])
async def test_a_stick_mines_on_after_a_restart(command: str, tmp_path: Path) -> None:
    """Also its counters begin anew for the service, while the ledger of all times goes on."""
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        VirtualStick("compac", scale=SCALE, seed=SEED, port=PtyPort(tmp_path / "tty")) as stick,
    ):
        port = free_port()
        file = settings(tmp_path, pool.url, stick.path, port=port)
        async with service(file) as miner:
            await pool.wait_for_shares(3, 30)
            if command == "restart":
                await exchange(port, b"restart\n")
            else:
                await accepted(port, f"resetminer|{await session(port)}")
            await answers(miner, 2)
            await pool.wait_for_shares(pool.ledger().submitted + 3, 30)
            await accepted(port, "zero|all,true")
            row = (await ask(port, "summary"))["SUMMARY"][0]
            assert row["Hardware Errors"] == 0
            assert row["Elapsed"] <= 1
            await exchange(port, b"quit\n")
            assert await miner.ended(10) == 0
            assert " error " not in miner.errors
        assert pool.ledger().accepted == pool.ledger().submitted
