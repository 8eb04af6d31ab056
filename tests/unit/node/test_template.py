"""Templates: what real ones give, and everything that one must not be."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luxminer.errors import NodeError
from luxminer.node.coinbase import build_coinbase
from luxminer.node.merkle import merkle_branch, merkle_root
from luxminer.node.template import parse_template
from luxminer.work.coinbase import parse_coinbase
from tests.oracles import sha256

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "stratum.json").read_text())
REAL: dict[str, Any] = VECTORS["gbt"]["templates_only"][0]["template"]
PAYOUT = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    fields = copy.deepcopy(REAL)
    change(fields)
    return fields


def test_a_real_template() -> None:
    template = parse_template(REAL)
    assert (template.height, template.value_sat) == (2_442_185, 2_465_717)
    assert template.prev_hash[::-1].hex() == REAL["previousblockhash"]
    assert (template.nbits, template.ntime) == (0x192495F8, REAL["curtime"])
    assert template.longpoll_id == REAL["longpollid"]
    assert [t.data.hex() for t in template.transactions] == [
        t["data"] for t in REAL["transactions"]
    ]


def test_known_transactions_are_kept_once() -> None:
    first = parse_template(REAL)
    known = {transaction.wtxid: transaction for transaction in first.transactions}
    again = parse_template(REAL, known)
    assert all(a is b for a, b in zip(first.transactions, again.transactions, strict=True))
    assert again.is_same_work(first)
    assert not parse_template({**REAL, "curtime": REAL["curtime"] + 1}).is_same_work(first)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.pop("version"), "version is no whole number"),
        (lambda f: f.update(version=True), "version is no whole number"),
        (lambda f: f.update(version=1 << 33), "more than 32 bits"),
        (lambda f: f.update(rules=["!newfork"]), 'the rule "newfork"'),
        (lambda f: f.update(rules="segwit"), "rules is no list"),
        (lambda f: f.update(previousblockhash="00"), "has 1 bytes instead of 32"),
        (lambda f: f.update(previousblockhash="zz" * 32), "is not hex"),
        (lambda f: f.update(height=None), "height is no whole number"),
        (lambda f: f.update(height=-1), "height is no whole number"),
        (lambda f: f.update(height=2.5), "height is no whole number"),
        (lambda f: f.update(bits="1d00"), "bits has 2 bytes"),
        (lambda f: f.update(bits="00000000"), "target zero"),
        (lambda f: f.update(target="00" * 32), "target and bits 192495f8"),
        (lambda f: f.update(curtime="now"), "curtime is no whole number"),
        (lambda f: f.update(coinbasevalue=21 * 10**14 + 1), "coinbasevalue is no whole"),
        (lambda f: f.pop("coinbasevalue"), "coinbasevalue is no whole"),
        (lambda f: f.update(transactions={}), "transactions is no list"),
        (lambda f: f.update(transactions=[7]), "a transaction is no object"),
        (lambda f: f.update(transactions=[None] * 25_001), "25001 transactions"),
        (lambda f: f["transactions"][0].update(data=""), "not what its hash says"),
        (lambda f: f["transactions"][0].update(txid=5), "txid is no text"),
        (lambda f: f["transactions"][1].update(txid="11" * 32), "has two hashes"),
        (lambda f: f["transactions"].pop(), "commitment is not that"),
        (lambda f: f.update(default_witness_commitment="6a"), "has 1 bytes instead of 38"),
        (lambda f: f.update(coinbaseaux=[]), "coinbaseaux is no object"),
        (lambda f: f.update(coinbaseaux={"flags": "00" * 61}), "61 bytes is too long"),
        (lambda f: f.update(longpollid=5), "longpollid is no text"),
        (lambda f: f.update(longpollid="5" * 513), "longpollid is no text"),
        (lambda f: f.update(noncerange="0000000000000000"), "keeps nonces"),
        (lambda f: f.update(signet_challenge="5121aa51ae"), "need a signature"),
    ],
)
def test_what_cannot_be_used_is_named(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    with pytest.raises(NodeError, match=words):
        parse_template(changed(change))


@pytest.mark.parametrize("value", [None, [], "template", 5])
def test_something_else_is_no_template(value: object) -> None:
    with pytest.raises(NodeError, match="no object"):
        parse_template(value)


def test_bits_that_a_node_requires_are_set() -> None:
    fields = changed(lambda f: f.update(vbrequired=4, mintime=REAL["curtime"] + 9))
    template = parse_template(fields)
    assert template.version == 0x20000004
    assert template.ntime == REAL["curtime"] + 9


def test_without_segwit_nothing_is_committed_to() -> None:
    def plain(fields: dict[str, Any]) -> None:
        fields.update(rules=["csv"], transactions=[])
        fields.pop("default_witness_commitment")

    assert parse_template(changed(plain)).commitment == b""


@pytest.mark.parametrize("count", range(9))
def test_a_branch_leads_to_the_root(count: int) -> None:
    txids = [sha256.double_sha256(bytes([n])) for n in range(count)]
    found = b"\x77" * 32
    for node in merkle_branch(txids):
        found = sha256.double_sha256(found + node)
    assert found == merkle_root([b"\x77" * 32, *txids])


@pytest.mark.parametrize(
    ("aux", "text", "kept"),
    [(b"", b"", b""), (b"", b"x" * 60, b"x" * 60), (b"a" * 60, b"x" * 60, b"x" * 22)],
)
def test_what_the_coinbase_script_holds(aux: bytes, text: bytes, kept: bytes) -> None:
    parts = build_coinbase(
        height=840_000,
        value_sat=7,
        payout=PAYOUT,
        commitment=b"",
        aux=aux,
        text=text,
        extranonce_size=12,
    )
    found = parse_coinbase(parts.before + b"\xee" * 12 + parts.behind)
    pushed = bytes([len(kept)]) + kept if kept else b""
    assert found.script_sig == b"\x03\x40\xd1\x0c" + aux + pushed + b"\x0c" + b"\xee" * 12
    assert len(found.script_sig) <= 100
    assert (found.lock_time, found.sequence) == (839_999, 0xFFFFFFFE)
    assert [(each.value_sat, each.script) for each in found.outputs] == [(7, PAYOUT)]


def test_an_aux_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(NodeError, match="no room for extranonces"):
        build_coinbase(
            height=840_000,
            value_sat=7,
            payout=PAYOUT,
            commitment=b"",
            aux=bytes(90),
            text=b"",
            extranonce_size=12,
        )
