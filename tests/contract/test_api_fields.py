"""Every field that LUXminer or CGMiner shows is in our reply, once, with its type, in both forms.

The dialect: LUXminer's type where it has the field, else CGMiner's; text in CGMiner's order.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luxminer.api.render import to_json, to_text
from luxminer.api.replies import Reply
from luxminer.api.requests import Request
from luxminer.telemetry.model import MinerSnapshot
from tests.contract.api_forms import has_form, parse_strictly, text_rows
from tests.unit.api.snapshots import OWNER, Rig, bare_miner, device, miner, pool, pulled

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "api_fields.json").read_text())
COMMANDS: dict[str, dict[str, Any]] = VECTORS["commands"]
PARAMETERS = {"asc": "0", "check": "version"}

SNAPSHOTS = {
    "full": miner(),
    "bare": bare_miner(),
    "pulled": miner(devices=(pulled(0), device(1))),
    "many": miner(devices=tuple(map(device, range(12))), pools=tuple(map(pool, range(5)))),
}


async def ask(command: str, snapshot: MinerSnapshot) -> Reply:
    answer = await Rig(snapshot).dispatcher.handle(
        Request(command, PARAMETERS.get(command, "")), OWNER
    )
    assert isinstance(answer, Reply)
    return answer


def expected_fields(entry: dict[str, Any]) -> dict[str, str]:
    return {**entry.get("cgminer", {}), **entry.get("luxminer", {})}


def data_rows(command: str, tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rows = tree[COMMANDS[command]["key"]]
    assert isinstance(rows, list)
    assert rows
    yield from rows[1:] if command == "stats" else rows


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_proved_field_is_there_with_its_type(command: str) -> None:
    tree = parse_strictly(to_json(await ask(command, SNAPSHOTS["full"])))
    for row in data_rows(command, tree):
        for label, kind in expected_fields(COMMANDS[command]).items():
            assert label in row, label
            assert has_form(row[label], kind), (label, kind, row[label])


@pytest.mark.parametrize("command", COMMANDS)
async def test_text_has_the_same_fields_in_the_order_of_cgminer(command: str) -> None:
    reply = await ask(command, SNAPSHOTS["full"])
    tree = parse_strictly(to_json(reply))
    rows = text_rows(to_text(reply))
    assert [key for key, _ in rows[0]] == ["STATUS", "When", "Code", "Msg", "Description"]
    if command == "stats":
        rows.pop(1)
    json_rows = list(data_rows(command, tree))
    assert len(rows) - 1 == len(json_rows)
    first = list(COMMANDS[command].get("cgminer", {}))
    for text_row, json_row in zip(rows[1:], json_rows, strict=True):
        labels = [key for key, _ in text_row]
        assert len(labels) == len(set(labels))
        assert set(labels) == set(json_row)
        assert [label for label in labels if label in first] == first
        if command != "estats":  # its chips repeat, with other fields of ours between them
            assert labels[: len(first)] == first
        for label, value in text_row:
            shown = json_row[label]
            shown = str(shown).lower() if isinstance(shown, bool) else shown
            assert re.sub(r"\\(.)", r"\1", value) == shown


@pytest.mark.parametrize("command", COMMANDS)
async def test_success_carries_the_number_and_text_of_the_reference(command: str) -> None:
    entry = COMMANDS[command]
    status = (await ask(command, SNAPSHOTS["full"])).status
    assert status.letter == "S"
    assert status.code == entry["code"]
    pattern = re.escape(entry["text"]).replace("%d", r"\d+").replace("%s", ".*")
    assert re.fullmatch(pattern, status.text)
    assert status.description == "LUXminer 0.1.0"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", SNAPSHOTS)
async def test_in_every_state_both_forms_are_sound_and_rows_have_one_set_of_fields(
    name: str, command: str
) -> None:
    reply = await ask(command, SNAPSHOTS[name])
    tree = parse_strictly(to_json(reply))
    assert tree["id"] == "1"
    assert set(tree) <= {"STATUS", "id", COMMANDS[command]["key"]}
    to_text(reply).decode("ascii")
    if command not in ("stats", "estats"):
        assert len({tuple(row) for row in tree.get(COMMANDS[command]["key"], [])}) <= 1


async def test_the_header_of_stats_and_a_numbered_set_per_stick() -> None:
    for name, slots in (("bare", 4), ("full", 4), ("many", 12)):
        tree = parse_strictly(to_json(await ask("stats", SNAPSHOTS[name])))
        header, block = tree["STATS"]
        assert set(header) == set(COMMANDS["stats"]["luxminer_header"])
        for family in ("chain_acn", "chain_acs", "chain_hw", "chain_rate", "freq", "temp_chip"):
            numbers = {
                int(key.removeprefix(family)) for key in block if re.fullmatch(rf"{family}\d+", key)
            }
            assert numbers == set(range(1, slots + 1)), family


@pytest.mark.parametrize("command", ["devs", "edevs", "devdetails", "estats", "pools", "events"])
async def test_nothing_there_is_success_without_the_data_key(command: str) -> None:
    tree = parse_strictly(to_json(await ask(command, SNAPSHOTS["bare"])))
    assert list(tree) == ["STATUS", "id"]
    assert tree["STATUS"][0]["STATUS"] == "S"
