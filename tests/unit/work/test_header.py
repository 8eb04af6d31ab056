"""Bytes of coinbase and header: every order spelled out, so that no swapped one passes."""

import json
from pathlib import Path
from typing import Any

import pytest

from luxminer.hashing import double_sha256, merkle_root
from luxminer.work import header
from luxminer.work.job import WorkItem
from tests.oracles import header as oracle
from tests.unit.mining.jobs import job

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "stratum.json").read_text())
WITNESS = b"\x01\x20" + bytes(32)
PLAIN1 = bytes.fromhex("0100000001") + bytes(32) + b"\xff" * 4 + b"\x08\x03\xa0\x86\x01"
PLAIN2 = b"\xff" * 4 + bytes.fromhex("01") + bytes(8) + b"\x01\x51"
LOCK_TIME = b"\x07\x00\x00\x00"


def test_words_keep_their_place_and_turn_around() -> None:
    assert header.swap_words(bytes.fromhex("0001020304050607")).hex() == "0302010007060504"
    assert header.swap_words(b"") == b""


@pytest.mark.parametrize("size", [1, 3, 31])
def test_parts_of_words_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} bytes"):
        header.swap_words(bytes(size))


def test_the_header_has_each_field_in_its_place() -> None:
    prev, root = bytes(range(32)), bytes(range(32, 64))
    raw = header.header_bytes(0x01020304, prev, root, 0x05060708, 0x090A0B0C, 0x0D0E0F10)
    assert raw.hex() == (
        "04030201" + prev.hex() + root.hex() + "08070605" + "0c0b0a09" + "100f0e0d"
    )
    assert header.header_start(0x01020304, prev, root) == raw[:64]
    assert header.header_tail(root, 0x05060708, 0x090A0B0C) == raw[64:76]


def test_hashes_are_displayed_backwards() -> None:
    assert header.display(bytes(range(32))) == bytes(reversed(range(32))).hex()
    assert header.from_display(header.display(bytes(range(32)))) == bytes(range(32))


def test_the_parts_of_a_coinbase_follow_each_other() -> None:
    assert header.coinbase(b"a", b"b", b"c", b"d") == b"abcd"


@pytest.mark.parametrize("vector", VECTORS["jobs"], ids=lambda vector: vector["id"])
def test_jobs_agree_with_an_oracle_that_works_on_text(vector: dict[str, Any]) -> None:
    notify, submit, wanted = vector["notify"], vector["submit"], vector["expect"]
    part1, part2 = header.strip_witness(
        bytes.fromhex(notify["coinb1"]), bytes.fromhex(notify["coinb2"])
    )
    extranonces = bytes.fromhex(vector["extranonce1"]), bytes.fromhex(submit["extranonce2"])
    whole = header.coinbase(part1, *extranonces, part2)
    root = merkle_root(whole, [bytes.fromhex(node) for node in notify["merkle_branch"]])
    assert root == oracle.merkle_root(whole, notify["merkle_branch"])
    numbers = [int(submit["ntime"], 16), int(notify["nbits"], 16), int(submit["nonce"], 16)]
    version = int(wanted["version"], 16)
    prev = header.swap_words(bytes.fromhex(notify["prevhash"]))
    ours = header.header_bytes(version, prev, root, *numbers)
    assert ours == oracle.header(version, notify["prevhash"].lower(), root, *numbers)
    assert double_sha256(ours).hex() == wanted["hash_internal"]


def test_a_witness_is_cut_out_and_only_that() -> None:
    part1 = PLAIN1[:4] + b"\x00\x01" + PLAIN1[4:]
    assert header.strip_witness(part1, PLAIN2 + WITNESS + LOCK_TIME) == (PLAIN1, PLAIN2 + LOCK_TIME)


def test_a_coinbase_without_witness_stays_as_it_is() -> None:
    tail = PLAIN2 + WITNESS + LOCK_TIME  # what looks like a witness is an output without marker
    assert header.strip_witness(PLAIN1, tail) == (PLAIN1, tail)
    assert header.strip_witness(b"", b"") == (b"", b"")


@pytest.mark.parametrize(
    "part2",
    [
        b"",
        LOCK_TIME,
        WITNESS + LOCK_TIME[:3],
        PLAIN2 + b"\x02\x20" + bytes(32) + LOCK_TIME,
        PLAIN2 + b"\x01\x1f" + bytes(32) + LOCK_TIME,
    ],
)
def test_a_marker_without_a_witness_is_refused(part2: bytes) -> None:
    with pytest.raises(ValueError, match="witness"):
        header.strip_witness(PLAIN1[:4] + b"\x00\x01" + PLAIN1[4:], part2)


START = PLAIN1[:41]


@pytest.mark.parametrize(
    ("script", "height"),
    [
        ("0300350c", 800000),
        ("030f730d", 881423),
        ("0340d10c", 840000),
        ("0111", 17),
        ("017f", 127),
        ("028000", 128),
        ("51", 1),
        ("60", 16),
        ("00", 0),
        ("", None),
        ("03a086", None),  # goes on in the extranonce
        ("0181", None),  # negative
        ("04ffff001d", None),  # before BIP34: nbits and a counter
        ("61", None),
    ],
)
def test_heights(script: str, height: int | None) -> None:
    raw = bytes.fromhex(script)
    assert header.block_height(START + bytes([len(raw)]) + raw) == height
    marked = START[:4] + b"\x00\x01" + START[4:]
    assert header.block_height(marked + bytes([len(raw)]) + raw) == height


def test_a_short_coinbase_has_no_height() -> None:
    assert header.block_height(b"") is None
    assert header.block_height(START) is None


@pytest.mark.parametrize("vector", VECTORS["gbt"]["bip34_heights"], ids=lambda v: str(v["height"]))
def test_heights_as_nodes_write_them(vector: dict[str, Any]) -> None:
    script = bytes.fromhex(vector["push_hex"])
    expected = vector["height"] if vector["height"] < 1 << 23 else None
    assert header.block_height(START + bytes([len(script)]) + script) == expected


def test_the_first_64_bytes_of_a_work_item() -> None:
    work = WorkItem(
        job=job(),
        extranonce2=b"",
        ntime=0,
        merkle_root=bytes(range(100, 132)),
        versions=(0x20000004, 0x20002004),
        midstates=(b"", b""),
        tail=b"",
    )
    expected = bytes.fromhex("04000020") + bytes(range(32)) + bytes(range(100, 128))
    assert header.first_64_bytes(work) == expected
