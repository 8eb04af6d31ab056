"""An agent with a virtual stick at a pty, and benches that behave and misbehave."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from luxminer.errors import ConfigError
from luxminer_hil.acceptance.rig import StickEntry
from luxminer_hil.agent.server import MAX_CONNECTIONS, Agent
from luxminer_hil.agent.wire import MAX_LINE_BYTES, MAX_REQUEST_BYTES, decode
from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from tests.unit.chipsim.host import until

TOKEN = "f00d"
SCALE = 0.0005
QUICK = {"nonces": 20, "longest_s": 5}
GONE_S = 5.0


class Bench:
    """One that talks to an agent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, **values: object) -> None:
        self.writer.write(json.dumps({"token": TOKEN, **values}).encode() + b"\n")
        await self.writer.drain()

    async def next(self) -> dict[str, Any]:
        return decode(await self.reader.readline())

    async def until_end(self) -> list[dict[str, Any]]:
        lines = [await self.next()]
        while lines[-1]["kind"] not in ("end", "error"):
            lines.append(await self.next())
        return lines


class Served:
    """An agent that listens on loopback."""

    def __init__(self, place: tuple[str, int]) -> None:
        self.place = place

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        reader, writer = await asyncio.open_connection(*self.place, limit=MAX_LINE_BYTES)
        try:
            yield Bench(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def served(agent: Agent) -> AsyncIterator[Served]:
    stopped = asyncio.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    place = listener.getsockname()
    task = asyncio.create_task(agent.serve(listener, stopped))
    try:
        yield Served(place)
    finally:
        stopped.set()
        await task


@asynccontextmanager
async def with_stick(folder: Path) -> AsyncIterator[tuple[VirtualStick, Served]]:
    tty = folder / "tty"
    entry = StickEntry(model="compac", port=str(tty), serial="10000001", scale=SCALE)
    async with (
        VirtualStick("compac", scale=SCALE, seed=1, port=PtyPort(tty)) as stick,
        served(Agent(lambda: entry, TOKEN)) as agent,
    ):
        yield stick, agent


@pytest.mark.slow
async def test_a_run_is_told_line_by_line_and_ends_with_reports(tmp_path: Path) -> None:
    async with with_stick(tmp_path) as (_, agent), agent.bench() as bench:
        await bench.send(checks=["chips"], effort=QUICK)
        lines = await bench.until_end()
    assert lines[0]["kind"] == "stick"
    assert (lines[0]["model"], lines[0]["label"]) == ("compac", "compac-10000001")
    results = [each for each in lines if each["kind"] == "result"]
    assert [(each["check"], each["verdict"]) for each in results] == [
        ("identify", "pass"),
        ("chips", "pass"),
        ("clock", "pass"),
    ]
    assert lines[-1]["verdict"] == "pass"
    reports = lines[-1]["reports"]
    assert 'serial" value="10000001"' in reports["junit.xml"]
    assert "<title>compac" in reports["report.html"]


@pytest.mark.slow
async def test_who_hangs_up_ends_the_run_and_the_next_may_begin(tmp_path: Path) -> None:
    async with with_stick(tmp_path) as (stick, agent):
        async with agent.bench() as first, agent.bench() as second:
            await first.send(checks=["chips"], effort={"soak_s": 3600})
            assert (await first.next())["kind"] == "stick"
            await second.send(checks=["chips"])
            refused = await second.next()
            assert refused["kind"] == "error"
            assert "another run" in refused["words"]
            await until(lambda: stick.port.has_host)
        await until(lambda: not stick.port.has_host, GONE_S)
        async with agent.bench() as third:
            await third.send(checks=["chips"], effort=QUICK)
            assert (await third.until_end())[-1]["kind"] == "end"


@pytest.mark.slow
async def test_an_agent_that_is_stopped_lets_go_of_the_stick(tmp_path: Path) -> None:
    async with with_stick(tmp_path) as (stick, _):
        entry = StickEntry(model="compac", port=str(tmp_path / "tty"), scale=SCALE)
        async with served(Agent(lambda: entry, TOKEN)) as agent, agent.bench() as bench:
            await bench.send(checks=["soak"])
            assert (await bench.next())["kind"] == "stick"
            await until(lambda: stick.port.has_host)
        await until(lambda: not stick.port.has_host, GONE_S)


def no_stick() -> StickEntry:
    raise ConfigError("has no stick", key="USB place 1-1.3", cure="plug it in")


async def test_a_stick_that_is_not_there_is_an_error_and_may_come_later() -> None:
    async with served(Agent(no_stick, TOKEN)) as agent:
        for _ in range(2):
            async with agent.bench() as bench:
                await bench.send()
                assert "USB place 1-1.3: has no stick" in (await bench.next())["words"]


async def test_a_stranger_gets_nothing() -> None:
    async with served(Agent(no_stick, TOKEN)) as agent, agent.bench() as bench:
        await bench.send(token="beef")
        answer = await bench.next()
        assert answer["kind"] == "error"
        assert answer["words"].startswith("token:")
        assert TOKEN not in answer["words"]
        assert await bench.reader.read() == b""


async def test_a_request_without_an_end_is_cut_off() -> None:
    async with served(Agent(no_stick, TOKEN)) as agent, agent.bench() as bench:
        bench.writer.write(b"x" * (4 * MAX_REQUEST_BYTES))
        assert "longer than" in (await bench.next())["words"]


async def test_silent_benches_are_few() -> None:
    async with served(Agent(no_stick, TOKEN)) as agent:
        silent = [await asyncio.open_connection(*agent.place) for _ in range(MAX_CONNECTIONS)]
        await asyncio.sleep(0.1)
        async with agent.bench() as bench:
            assert await bench.reader.read() == b""
        silent[0][1].close()
        await silent[0][1].wait_closed()
        await asyncio.sleep(0.1)
        async with agent.bench() as bench:
            await bench.send()
            assert (await bench.next())["kind"] == "error"
        for _, writer in silent[1:]:
            writer.close()
