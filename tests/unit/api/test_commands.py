"""The table of commands against both references."""

import json
from pathlib import Path
from typing import Any

import pytest

from luxminer.api.commands import COMMANDS
from luxminer.api.render import to_json
from luxminer.api.requests import Request
from luxminer.telemetry.model import MinerSnapshot
from tests.unit.api.snapshots import OWNER, Rig, chip, device, miner

REFERENCE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "api_commands.json").read_text()
)["commands"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_as_its_reference_says(name: str) -> None:
    """Commands of neither reference have nothing to be compared with."""
    row, reference = COMMANDS[name], REFERENCE[name]
    found = {"write": row.write, "session": row.session, "joinable": row.joinable}
    assert {"of": str(row.dialect), **found} == reference


def test_what_needs_a_session_is_a_write() -> None:
    assert all(row.write for row in COMMANDS.values() if row.session)


def test_what_can_be_joined_needs_no_parameter() -> None:
    for row in COMMANDS.values():
        if row.joinable:
            assert not any(param.required for param in row.grammar.params), row.name


async def ask(request: str, snapshot: MinerSnapshot | None = None) -> dict[str, Any]:
    command, _, parameter = request.partition("|")
    tree = json.loads(
        to_json(await Rig(snapshot).dispatcher.handle(Request(command, parameter), OWNER))
    )
    assert isinstance(tree, dict)
    return tree


TWO_CHIPS = miner(
    devices=(device(0), device(1, chips=(chip(0), chip(1, frequency_mhz=156.25)), voltage_v=1.45))
)


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("frequencyget|1", {"FREQS": [{"Board": 1, "Count": 2, "Freqs": [150.0, 156.25]}]}),
        ("frequencyget|1,1", {"FREQS": [{"Board": 1, "Count": 1, "Freqs": [156.25]}]}),
        ("voltageget|0", {"VOLTAGE": [{"Board": 0, "Voltage": 0.0, "IsOnBoard": False}]}),
        ("voltageget|1,true", {"VOLTAGE": [{"Board": 1, "Voltage": 1.45, "IsOnBoard": True}]}),
        ("groups", {"GROUPS": [{"GROUP": 0, "Name": "default", "Quota": 1.0}]}),
    ],
)
async def test_what_is_shown(request_text: str, expected: dict[str, Any]) -> None:
    tree = await ask(request_text, TWO_CHIPS)
    assert {key: tree[key] for key in tree if key not in ("STATUS", "id")} == expected


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("frequencyget|0,1", ("E", 420, "Board 0 has no chip 1 - there are 1")),
        ("frequencyget|0,-1", ("E", 408, "Invalid chip_id '-1' - 0 or more")),
        ("ascidentify|1", ("W", 114, "ASC1 does not support identify")),
        ("failover-only", ("E", 127, "Deprecated config option '(null)'")),
        ("failover-only|true", ("E", 127, "Deprecated config option 'true'")),
        ("setconfig", ("E", 85, "Missing config parameters 'name,N'")),
        ("setconfig|queue,1", ("E", 83, "Unknown config 'queue,1'")),
        ("setconfig|queue", ("E", 127, "Deprecated config option 'queue'")),
        ("lockstats", ("W", 124, "Lock stats not enabled")),
        ("psuget", ("E", 434, "No controllable PSU")),
        ("netset", ("E", 401, "Missing session id")),
    ],
)
async def test_what_is_refused(request_text: str, expected: tuple[str, int, str]) -> None:
    status = (await ask(request_text, TWO_CHIPS))["STATUS"][0]
    assert (status["STATUS"], status["Code"], status["Msg"]) == expected


async def test_the_display_shows_the_pool_in_use_or_none() -> None:
    shown = (await ask("lcd"))["LCD"][0]
    assert (shown["Current Pool"], shown["User"]) == (
        "stratum+tcp://pool0.example:3333",
        "account.worker0",
    )
    shown = (await ask("lcd", miner(pools=())))["LCD"][0]
    assert (shown["Current Pool"], shown["User"]) == ("none", "")
