"""Coinbases taken apart, put together, and spoiled; real ones come from the golden vectors."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luxminer.work import coinbase
from luxminer.work.header import script_height
from luxminer.work.job import PoolJob
from tests.unit.mining.jobs import job

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "stratum.json").read_text())
BLOCKS: list[dict[str, Any]] = VECTORS["gbt"]["blocks"]
PLAIN = bytes.fromhex(BLOCKS[0]["expect"]["coinbase_nonwitness_hex"])
FULL = bytes.fromhex(BLOCKS[0]["expect"]["coinbase_full_hex"])
SCRIPT = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")


def job_with(outputs: bytes) -> PoolJob:
    """Return a job whose coinbase has these outputs, their count included."""
    start = bytes.fromhex("0100000001") + bytes(32) + b"\xff" * 4 + b"\x0c\x03\x20\xa1\x07"
    return replace(job(), coinb1=start, coinb2=b"\xff" * 4 + outputs + bytes(4))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block["id"]))
def test_real_coinbases_come_apart(block: dict[str, Any]) -> None:
    choices = block["choices"]
    for name in ("coinbase_nonwitness_hex", "coinbase_full_hex"):
        found = coinbase.parse_coinbase(bytes.fromhex(block["expect"][name]))
        assert found.version == choices["coinbase_tx_version"]
        assert found.script_sig.hex() == choices["script_sig"]
        assert f"{found.sequence:08x}" == choices["sequence"]
        assert found.lock_time == choices["locktime"]
        outputs = [{"value": o.value_sat, "script": o.script.hex()} for o in found.outputs]
        assert outputs == choices["outputs"]
        assert found.height == block["template"]["height"]
        has_witness = block["expect"]["coinbase_full_hex"] == block["expect"][name]
        assert found.has_witness is (has_witness and choices["witness_reserved_value"] is not None)


@pytest.mark.parametrize("raw", [PLAIN, FULL], ids=["plain", "with witness"])
def test_every_cut_is_noticed(raw: bytes) -> None:
    for end in range(len(raw)):
        with pytest.raises(ValueError, match="coinbase"):
            coinbase.parse_coinbase(raw[:end])
    with pytest.raises(ValueError, match="1 bytes too many"):
        coinbase.parse_coinbase(raw + b"\0")


@pytest.mark.parametrize(
    ("at", "new", "why"),
    [
        (4, "02", "2 inputs"),
        (4, "fd0100", "input count 1 with too many bytes"),
        (5, "01", "spends an output"),
        (41, "01", "has 1 bytes instead of 2 to 100"),
        (41, "65", "has 101 bytes"),
        (41, "ffffffffffffffffff", "has 18446744073709551615 bytes"),
        (55, "fdffff", "announces 65535 outputs"),
        (55, "ffffffffffffffffff", "announces 18446744073709551615 outputs"),
        (55, "00", "no outputs"),
        (64, "fe00000001", "16777"),
    ],
)
def test_lengths_are_not_believed(at: int, new: str, why: str) -> None:
    raw = bytes.fromhex(new)
    with pytest.raises(ValueError, match=why):
        coinbase.parse_coinbase(PLAIN[:at] + raw + PLAIN[at + len(raw) :])


def test_a_witness_is_one_item_of_32_bytes() -> None:
    at = len(FULL) - 4 - 34
    for witness in ("0120", "0121", "0220", "0020"):
        raw = FULL[:at] + bytes.fromhex(witness) + FULL[at + 2 :]
        if raw == FULL:
            continue
        with pytest.raises(ValueError, match="witness"):
            coinbase.parse_coinbase(raw)


@pytest.mark.parametrize(
    "vector", VECTORS["gbt"]["bip34_heights"], ids=lambda vector: str(vector["height"])
)
def test_heights(vector: dict[str, Any]) -> None:
    script = coinbase.height_push(vector["height"])
    assert script.hex() == vector["push_hex"]
    if len(script) <= 4:
        assert script_height(script + b"tag") == vector["height"]


@pytest.mark.parametrize("height", [-1, 1 << 31])
def test_what_no_block_is_as_high_as(height: int) -> None:
    with pytest.raises(ValueError, match=f"height {height}"):
        coinbase.height_push(height)


@pytest.mark.parametrize(
    "vector", VECTORS["gbt"]["varints"], ids=lambda vector: str(vector["value"])
)
def test_compact_sizes(vector: dict[str, Any]) -> None:
    assert coinbase.compact_size(vector["value"]).hex() == vector["hex"]


def test_pushes_are_direct() -> None:
    assert coinbase.push(b"ab") == b"\x02ab"
    for size in (0, 76):
        with pytest.raises(ValueError, match=f"{size} bytes"):
            coinbase.push(bytes(size))


def test_the_coinbase_of_a_job_has_room_for_extranonces() -> None:
    made = job_with(b"\x01" + bytes(8) + b"\x16" + SCRIPT)
    found = coinbase.parse_coinbase(coinbase.coinbase_of(made))
    assert found.height == 500_000
    assert found.script_sig[4:] == made.extranonce1 + bytes(4)
