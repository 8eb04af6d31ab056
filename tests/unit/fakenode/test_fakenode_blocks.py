"""The node's judge: real blocks come apart rightly, and every rule that one breaks is named."""

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luxminer_hil.fakenode import Chain, NodeSettings
from luxminer_hil.fakenode.addresses import script_paid_by
from luxminer_hil.fakenode.blocks import read_block
from luxminer_hil.fakenode.proof import (
    commitment_of,
    compact,
    nbits_target,
    root_of,
    script_number,
    sha256d,
    shown,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "stratum.json").read_text())
WHOLE = [block for block in VECTORS["gbt"]["blocks"] if "submitblock_hex" in block["expect"]]
NOW = 1_800_000_000.0


@pytest.mark.parametrize("vector", WHOLE, ids=lambda vector: str(vector["id"]))
def test_real_blocks_come_apart(vector: dict[str, Any]) -> None:
    wanted = vector["expect"]
    block = read_block(bytes.fromhex(wanted["submitblock_hex"]))
    assert shown(block.digest) == wanted["block_hash"]
    assert int.from_bytes(block.digest, "little") <= nbits_target(block.bits)
    assert [shown(tx.txid) for tx in block.txs] == [
        wanted["coinbase_txid"],
        *(tx["txid"] for tx in vector["template"]["transactions"]),
    ]
    assert [shown(tx.wtxid) for tx in block.txs[1:]] == [
        tx["hash"] for tx in vector["template"]["transactions"]
    ]
    assert root_of([tx.txid for tx in block.txs]) == block.root
    if wanted["witness_commitment_script"]:
        digest = commitment_of([tx.wtxid for tx in block.txs[1:]], bytes(32))
        assert block.txs[0].outputs[-1].script.hex() == wanted["witness_commitment_script"]
        assert block.txs[0].outputs[-1].script[6:] == digest
    for end in range(0, len(block.header) + 100, 7):
        with pytest.raises(ValueError, match="ends at byte"):
            read_block(bytes.fromhex(wanted["submitblock_hex"])[:end])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 21])
def test_roots_are_those_of_the_level_by_level_way(count: int) -> None:
    level = hashes = [sha256d(bytes([n])) for n in range(count)]
    while len(level) > 1:
        level = [*level, level[-1]] if len(level) % 2 else level
        level = [sha256d(level[n] + level[n + 1]) for n in range(0, len(level), 2)]
    assert root_of(hashes) == level[0]


@pytest.mark.parametrize("vector", VECTORS["gbt"]["bip34_heights"], ids=lambda v: str(v["height"]))
def test_heights(vector: dict[str, Any]) -> None:
    assert script_number(vector["height"]).hex() == vector["push_hex"]


@pytest.mark.parametrize(
    ("address", "chain", "script"),
    [
        (
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "main",
            "0014751e76e8199196d454941c45d1b3a323f1433bd6",
        ),
        (
            "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
            "signet",
            "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
        ),
        (
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "main",
            "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac",
        ),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "test", None),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", "main", None),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "regtest", None),
    ],
)
def test_addresses(address: str, chain: str, script: str | None) -> None:
    found = script_paid_by(address, chain)
    assert (found.hex() if found else None) == script


class Miner:
    """Builds a right block by hand, so that single parts of it can be spoilt."""

    def __init__(self, chain: Chain) -> None:
        template: dict[str, Any] = chain.template(NOW)
        self.version: int = template["version"]
        self.bits = int(template["bits"], 16)
        self.previous = bytes.fromhex(template["previousblockhash"])[::-1]
        self.time: int = template["curtime"]
        self.txs = [bytes.fromhex(tx["data"]) for tx in template["transactions"]]
        self.txids = [bytes.fromhex(tx["txid"])[::-1] for tx in template["transactions"]]
        self.script = script_number(template["height"]) + b"\x01x"
        self.value: int = template["coinbasevalue"]
        self.commitment = bytes.fromhex(template["default_witness_commitment"])
        self.witness = b"\x01\x20" + bytes(32)
        self.sequence = b"\xff" * 4
        self.locktime = bytes(4)
        self.root: bytes | None = None
        self.has_proof = True

    def coinbase(self, *, stripped: bool) -> bytes:
        outputs = [(self.value, b"\x51")]
        outputs += [(0, self.commitment)] if self.commitment else []
        parts = [b"\x01\0\0\0", b"" if stripped or not self.witness else b"\0\x01", b"\x01"]
        parts += [bytes(32), b"\xff" * 4, compact(len(self.script)), self.script, self.sequence]
        parts.append(compact(len(outputs)))
        for value, script in outputs:
            parts.append(value.to_bytes(8, "little") + compact(len(script)) + script)
        parts += [b"" if stripped else self.witness, self.locktime]
        return b"".join(parts)

    def block(self) -> bytes:
        root = self.root or root_of([sha256d(self.coinbase(stripped=True)), *self.txids])
        nonce = 0
        while True:
            header = self.version.to_bytes(4, "little") + self.previous + root
            for word in (self.time, self.bits, nonce):
                header += word.to_bytes(4, "little")
            meets = int.from_bytes(sha256d(header), "little") <= nbits_target(self.bits)
            if meets is self.has_proof:
                break
            nonce += 1
        coinbase = self.coinbase(stripped=False)
        return header + compact(1 + len(self.txs)) + coinbase + b"".join(self.txs)


def chain(**changes: Any) -> Chain:
    return Chain(NodeSettings(**{"seed": 3, "transactions": 5, **changes}), NOW)


def test_a_right_block_becomes_the_tip() -> None:
    node = chain()
    raw = Miner(node).block()
    assert node.propose(raw, NOW) is None
    assert node.hand_in(raw, NOW) is None
    assert (node.height, node.mempool) == (201, [])
    assert node.confirmations(node.tip) == 1
    assert node.hand_in(raw, NOW) == "duplicate"
    assert node.propose(raw, NOW) == "inconclusive-not-best-prevblk"
    assert [judged.result for judged in node.judged] == [None, "duplicate"]


SPOILT: list[tuple[str, Callable[[Miner], object]]] = [
    ("high-hash", lambda m: setattr(m, "has_proof", False)),
    ("bad-txnmrklroot", lambda m: setattr(m, "root", bytes(32))),
    ("bad-cb-height", lambda m: setattr(m, "script", b"\x02\xc8\x00")),
    ("bad-cb-length", lambda m: setattr(m, "script", bytes(101))),
    ("bad-cb-amount", lambda m: setattr(m, "value", m.value + 1)),
    ("bad-diffbits", lambda m: setattr(m, "bits", 0x207FFFFE)),
    ("time-too-old", lambda m: setattr(m, "time", m.time - 6000)),
    ("time-too-new", lambda m: setattr(m, "time", m.time + 7201)),
    ("prev-blk-not-found", lambda m: setattr(m, "previous", b"\x01" * 32)),
    ("bad-version(0x00000003)", lambda m: setattr(m, "version", 3)),
    ("bad-witness-nonce-size", lambda m: setattr(m, "witness", b"\x01\x1f" + bytes(31))),
    ("bad-witness-merkle-match", lambda m: setattr(m, "commitment", m.commitment[:-1] + b"?")),
    ("unexpected-witness", lambda m: setattr(m, "commitment", b"")),
    ("bad-txns-inputs-missingorspent", lambda m: spoil_transaction(m)),
]


def spoil_transaction(miner: Miner) -> None:
    """Replace a transaction by one that nobody knows, and commit to it rightly."""
    made = chain(seed=99, transactions=1).mempool[0].tx
    miner.txs, miner.txids = [made.raw], [made.txid]
    miner.commitment = miner.commitment[:6] + commitment_of([made.wtxid], bytes(32))


@pytest.mark.parametrize(("result", "spoil"), SPOILT, ids=[name for name, _ in SPOILT])
def test_every_broken_rule_is_named(result: str, spoil: Callable[[Miner], object]) -> None:
    node = chain()
    miner = Miner(node)
    spoil(miner)
    assert node.hand_in(miner.block(), NOW) == result
    assert node.height == 200


def test_a_lock_time_in_the_future_is_refused() -> None:
    node = chain()
    miner = Miner(node)
    miner.locktime = (201).to_bytes(4, "little")
    assert node.propose(miner.block(), NOW) is None  # its sequence makes it count for nothing
    miner.sequence = b"\xfe\xff\xff\xff"
    assert node.propose(miner.block(), NOW) == "bad-txns-nonfinal"
    miner.locktime = (200).to_bytes(4, "little")
    assert node.propose(miner.block(), NOW) is None


def test_a_rival_stands_beside_the_chain() -> None:
    node = chain()
    raw = Miner(node).block()
    node.found_elsewhere(NOW)
    assert node.hand_in(raw, NOW) == "inconclusive"
    assert node.confirmations(node.judged[-1].digest) == -1


def test_a_closed_signet_wants_a_signature() -> None:
    for challenge, result in (("51", None), ("512103", "bad-signet-blksig")):
        node = chain(chain="signet", bits=0x207FFFFF, signet_challenge=challenge)
        assert node.propose(Miner(node).block(), NOW) == result


def test_settings_are_checked() -> None:
    for changes in ({"chain": "doge"}, {"height": 3}, {"aux": "xy"}, {"login": "me"}, {"bits": 1}):
        with pytest.raises(ValueError, match=next(iter(changes))):
            dataclasses.replace(NodeSettings(), **changes)


def test_templates_repeat_with_their_seed() -> None:
    first, second = (chain().template(time.time()) for _ in range(2))
    assert first["transactions"] == second["transactions"]
    assert first["transactions"] != chain(seed=4).template(NOW)["transactions"]
