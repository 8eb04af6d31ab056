"""The service as the bench asks it from outside: its settings, and replies of all kinds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from luxminer.config.load import load
from luxminer.device.assignment import Assigner
from luxminer.device.registry import discover_drivers
from luxminer_hil.system.machine import POOL_ADDRESS, Machine, Wiring
from luxminer_hil.system.scenarios import SCENARIOS, Scenario
from luxminer_hil.system.service import Service, settings_for
from luxminer_hil.system.sticks import PluggedStick


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve one reply to everybody; yields the port and what was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(4096))
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], asked


def service(tmp_path: Path, *, api_port: int = 0, http_port: int = 0) -> Service:
    machine = Machine(tmp_path, tmp_path, tmp_path / "state", Wiring(pool_port=1))
    machine.api_port, machine.http_port = api_port, http_port
    return Service(machine)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: str(each.name))
def test_the_settings_of_each_scenario_are_accepted(scenario: Scenario, tmp_path: Path) -> None:
    sticks = [
        PluggedStick(plan, f"S{n}", tmp_path / f"{n}", 1) for n, plan in enumerate(scenario.sticks)
    ]
    path = tmp_path / "luxminer.toml"
    path.write_text(settings_for(sticks))
    config = load(path)
    assert [each.scale for each in config.devices] == [float(stick.scale) for stick in sticks]
    assert config.pools[0].url.endswith(POOL_ADDRESS)
    Assigner(config, discover_drivers())


async def test_a_reply_ends_with_its_connection(tmp_path: Path) -> None:
    async with answering(b'{"DEVS": [{"ID": 0}]}\0') as (port, asked):
        assert await service(tmp_path, api_port=port).rows() == [{"ID": 0}]
        assert asked == [b'{"command": "devs"}']


async def test_no_sticks_are_no_rows(tmp_path: Path) -> None:
    async with answering(b'{"STATUS": []}\0') as (port, _):
        assert await service(tmp_path, api_port=port).rows() == []


@pytest.mark.parametrize("reply", [b"", b"[]\0", b"{\0", b"x" * 100])
async def test_what_is_no_reply_is_an_error(reply: bytes, tmp_path: Path) -> None:
    async with answering(reply) as (port, _):
        with pytest.raises(ValueError, match=r"Expecting|no object"):
            await service(tmp_path, api_port=port).ask("version")


async def test_http_is_asked_by_post(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
    async with answering(head + b'{"a": 1}') as (port, asked):
        assert await service(tmp_path, http_port=port).ask_http("summary") == {"a": 1}
        assert asked[0].startswith(b"POST /api HTTP/1.1\r\n")


async def test_http_that_refuses_is_an_error(tmp_path: Path) -> None:
    async with answering(b"HTTP/1.1 403 Forbidden\r\n\r\n{}") as (port, _):
        with pytest.raises(ValueError, match="403"):
            await service(tmp_path, http_port=port).ask_http("summary")
