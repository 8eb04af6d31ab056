"""Commands about the service: parameters, codes, orders."""

import json
from dataclasses import replace
from typing import Any

import pytest

from luxminer.api.render import to_json
from luxminer.api.requests import Request
from luxminer.control import Command
from luxminer.control.service import (
    RebootMachine,
    ResetConfig,
    RestartMining,
    SaveConfig,
    SetLogLevel,
)
from luxminer.control.zero import Zero, ZeroWhat
from luxminer.errors import CommandError
from tests.unit.api.snapshots import OWNER, Rig, miner


async def ask(rig: Rig, command: str, parameter: str = "") -> dict[str, Any]:
    answer = await rig.dispatcher.handle(Request(command, parameter), OWNER)
    tree: dict[str, Any] = json.loads(to_json(answer))
    return tree


def taken(rig: Rig, order: type[Command], result: object = None) -> list[Command]:
    orders: list[Command] = []

    async def take(command: Command) -> object:
        orders.append(command)
        if isinstance(result, Exception):
            raise result
        return result

    rig.bus.register(order, take)
    return orders


@pytest.mark.parametrize(
    ("level", "setting", "after", "shown"),
    [
        ("info", "", None, []),
        ("info", "x", None, []),
        ("info", "d", "debug", ["Debug", "Verbose"]),
        ("debug", "Debug", "info", []),
        ("info", "R", "trace", ["Debug", "RPCProto", "Verbose"]),
        ("info", "q", "warning", ["Quiet"]),
        ("warning", "silent", "error", ["Quiet", "Silent"]),
        ("trace", "n", "info", []),
    ],
)
async def test_debug_switches_levels(
    level: str, setting: str, after: str | None, shown: list[str]
) -> None:
    rig = Rig(replace(miner(), log_level=level))
    orders = taken(rig, SetLogLevel)
    reply = await ask(rig, "debug", setting)
    assert orders == ([SetLogLevel(level=after)] if after is not None else [])
    row = reply["DEBUG"][0]
    assert sorted(label for label, value in row.items() if value is True) == shown
    assert reply["STATUS"][0]["Code"] == 79


@pytest.mark.parametrize(
    ("parameter", "code"), [("", 406), ("loud", 408), ("DEBUG", 394), ("debug,more", 408)]
)
async def test_logset(parameter: str, code: int) -> None:
    rig = Rig()
    orders = taken(rig, SetLogLevel)
    assert (await ask(rig, "logset", parameter))["STATUS"][0]["Code"] == code
    assert orders == ([SetLogLevel(level="debug")] if code == 394 else [])


async def test_save_names_the_file() -> None:
    rig = Rig()
    orders = taken(rig, SaveConfig, "/etc/luxminer/luxminer.toml")
    status = (await ask(rig, "save"))["STATUS"][0]
    assert status["Msg"] == "Configuration saved to file '/etc/luxminer/luxminer.toml'"
    assert orders == [SaveConfig()]
    rig = Rig()
    taken(rig, SaveConfig, CommandError("unwritable", "no"))
    status = (await ask(rig, "save", "../x"))["STATUS"][0]
    assert (status["Code"], status["Msg"]) == (43, "Can't open or create save file '../x'")


@pytest.mark.parametrize(
    ("command", "order", "code", "refused"),
    [
        ("resetminer", RestartMining, 396, 404),
        ("resetconfig", ResetConfig, 395, 462),
        ("rebootdevice", RebootMachine, 397, 461),
    ],
)
async def test_the_session_comes_first(
    command: str, order: type[Command], code: int, refused: int
) -> None:
    rig = Rig()
    orders = taken(rig, order, "x.bak")
    for sid, expected in (("", 401), ("nobody12", 403), ("nobody12,1,2", 403)):
        assert (await ask(rig, command, sid))["STATUS"][0]["Code"] == expected
    assert orders == []
    sid = rig.dispatcher.sessions.start() or ""
    assert (await ask(rig, command, sid))["STATUS"][0]["Code"] == code
    assert len(orders) == 1
    rig = Rig()
    taken(rig, order, CommandError("not-possible" if refused == 461 else "unwritable", "because"))
    sid = rig.dispatcher.sessions.start() or ""
    status = (await ask(rig, command, sid))["STATUS"][0]
    assert status["Code"] == refused
    assert "because" in status["Msg"]


async def test_usbstats_counts_per_stick_or_says_that_there_is_none() -> None:
    reply = await ask(Rig(), "usbstats")
    kinds = [(row["ID"], row["Stat"], row["Modes"]) for row in reply["USBSTATS"]]
    assert (0, "SendWork", "bw") in kinds
    assert (0, "GetResults", "br") in kinds
    reply = await ask(Rig(replace(miner(), devices=())), "usbstats")
    assert reply["STATUS"][0]["Code"] == 88
    assert "USBSTATS" not in reply


@pytest.mark.parametrize(
    ("parameter", "code", "text"),
    [
        ("", 94, "Missing zero parameters"),
        ("all", 75, "Missing parameter: true/false"),
        ("all,", 75, "Missing parameter: true/false"),
        ("foo,true", 95, "Invalid zero parameter 'foo'"),
        ("all,x", 76, "Invalid parameter should be true or false"),
        ("All,False", 97, "Zeroed All stats without summary"),
        ("bestshare,t", 96, "Zeroed BestShare stats with summary"),
    ],
)
async def test_zero(parameter: str, code: int, text: str) -> None:
    rig = Rig()
    orders = taken(rig, Zero)
    status = (await ask(rig, "zero", parameter))["STATUS"][0]
    assert (status["Code"], status["Msg"]) == (code, text)
    expected = {
        97: [Zero(what=ZeroWhat.ALL)],
        96: [Zero(what=ZeroWhat.BEST_SHARE, is_told=True)],
    }
    assert orders == expected.get(code, [])
