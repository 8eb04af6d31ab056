"""Scripts of a node: what calls set off, what time brings, and mistakes that are named."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from luxminer.commands import ExitCode
from luxminer_hil.cli import main
from luxminer_hil.fakenode import FakeNode, NodeSettings
from luxminer_hil.fakenode.script import play, read_script, read_step_words
from luxminer_hil.scripting.language import Script, ScriptError


async def ask(node: FakeNode, method: str, *params: object, login: str = "user:pass") -> Any:
    """Return status and answer, or None for a connection that broke."""
    user, _, password = login.partition(":")
    async with aiohttp.ClientSession() as session:
        url = f"http://{user}:{password}@{node.address}/"
        try:
            async with session.post(url, json={"method": method, "params": params}) as reply:
                return reply.status, await reply.text()
        except aiohttp.ClientError:
            return None


async def result(node: FakeNode, method: str, *params: object) -> Any:
    status, text = await ask(node, method, *params)
    assert status == 200, text
    return json.loads(text)["result"]


async def test_calls_set_off_what_a_script_says() -> None:
    steps = [
        read_step_words('when=getblockheader times=1 do=error code=-5 message="not yet"'),
        read_step_words("when=submitblock do=status status=503 text=busy"),
        read_step_words("when=validateaddress do=result value=7"),
        read_step_words("when=getblockchaininfo skip=1 times=1 do=cut"),
        read_step_words("when=getblocktemplate times=1 do=block"),
    ]
    async with FakeNode(steps=steps) as node:
        status, text = await ask(node, "getblockheader", "00" * 32)
        assert (status, json.loads(text)["error"]["message"]) == (500, "not yet")
        assert await ask(node, "submitblock", "") == (503, "busy")
        assert await result(node, "validateaddress", "x") == 7
        assert (await result(node, "getblockchaininfo"))["chain"] == "regtest"
        assert await ask(node, "getblockchaininfo") is None
        assert (await result(node, "getblocktemplate", {"rules": ["segwit"]}))["height"] == 202


async def test_time_brings_blocks_and_transactions() -> None:
    steps = [
        read_step_words("at=0 every=0.01 times=3 do=block"),
        read_step_words("at=0 do=transactions count=4"),
        read_step_words("at=0 do=template field=longpollid"),
    ]
    async with FakeNode(NodeSettings(transactions=0), steps=steps) as node:
        async with asyncio.timeout(5):
            await play(Script(steps=tuple(steps)), node)
        template = await result(node, "getblocktemplate", {"rules": ["segwit"]})
        assert template["height"] == 204
        assert "longpollid" not in template
        assert node.chain.mempool_changes == 4


async def test_time_brings_by_chance_what_has_a_chance() -> None:
    steps = [
        read_step_words("at=0 chance=0 do=block"),
        read_step_words("at=0 every=0.001 times=20 chance=0.5 do=transactions count=1"),
    ]
    counts = []
    for _ in range(2):
        async with FakeNode(NodeSettings(transactions=0), steps=steps) as node:
            async with asyncio.timeout(5):
                await play(Script(steps=tuple(steps)), node)
            assert await result(node, "getblockcount") == 200
            counts.append(node.chain.mempool_changes)
    assert counts == [20, 20], "what chance forbids does not count"


async def test_what_a_node_asks_for() -> None:
    async with FakeNode(NodeSettings(chain="signet")) as node:
        status, text = await ask(node, "getblocktemplate", {"rules": ["segwit"]})
        assert "signet rule" in json.loads(text)["error"]["message"]
        assert (await ask(node, "getblockcount", login="user:wrong"))[0] == 401
        assert (await ask(node, "getbestblock"))[0] == 404
        assert (await ask(node, "submitblock", "zz"))[0] == status == 500
        assert await result(node, "getblockcount") == 200


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("at=1 do=blok", "did you mean block"),
        ("at=1 do=cut", "needs an event"),
        ("when=submit do=cut", "cannot be used"),
        ("after=3 do=block", "needs one moment"),
        ("at=1 do=transactions", "missing from transactions"),
        ("when=longpoll do=hang seconds=-1", "cannot be used"),
    ],
)
def test_a_wrong_step_is_named(words: str, reason: str) -> None:
    with pytest.raises(ScriptError, match=reason):
        read_step_words(words)


def test_a_file_of_steps(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_text('# plan\n{"at": 5, "every": 60, "do": "block"}\n')
    (step,) = read_script(path).steps
    assert (step.at_s, step.every, step.action) == (5.0, 60.0, "block")


def test_a_script_for_a_pool_is_none_for_a_node(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("[pool]\ndifficulty = 1\n")
    with pytest.raises(ScriptError, match="a node is no pool; leave it out"):
        read_script(path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--listen", "here"], "no HOST:PORT"),
        (["--height", "3"], "height 3 is outside"),
        (["--step", "at=1 do=nothing"], "no action"),
        (["--script", "/nowhere.toml"], "cannot be read"),
        (["--bits", "nix"], "--bits: 'nix' is no target; write eight hexadecimal digits"),
        (["--bits", "0x1d3fffff"], "--bits: '0x1d3fffff' is no target"),
        (["--cookie", "/nonexistent/x", "--listen", "127.0.0.1:0"], "cannot write /nonexistent/x"),
    ],
)
def test_a_wrong_option_is_named(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["node", *options]) == ExitCode.USAGE
    assert words in capsys.readouterr().err
