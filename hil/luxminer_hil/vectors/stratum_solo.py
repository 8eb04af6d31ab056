"""Golden vectors of solo mining: heights, commitments, branches, and real blocks built anew."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from luxminer import hashing
from luxminer.node import block, coinbase, merkle
from luxminer.node.template import Template, parse_template
from luxminer.node.verdicts import Action, verdict_of
from luxminer.work import header
from luxminer.work.coinbase import TxOutput, compact_size, height_push, parse_coinbase
from luxminer.work.target import hash_meets
from luxminer_hil.vectors.mismatch import Mismatch, expect, expect_given

__all__ = ["CHECKS"]

Vector = dict[str, Any]

EXTRANONCE_SIZE = 12
PAYOUT = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")


def check_height(vector: Vector) -> None:
    height = vector["height"]
    push = height_push(height)
    expect(vector["push_hex"], push.hex(), "push")
    expect(vector["minimum_scriptsig_hex"], push.ljust(2, b"\0").hex(), "shortest script")
    _check_own_coinbase(height=height, value_sat=0, commitment=b"")


def check_varint(vector: Vector) -> None:
    expect(vector["hex"], compact_size(vector["value"]).hex(), "compact size")


def check_commitment(vector: Vector) -> None:
    wtxids = [header.from_display(text) for text in vector["wtxids_display"]]
    expect_given(vector, "witness_root_internal", merkle.merkle_root([bytes(32), *wtxids]).hex())
    script = coinbase.commitment_script(wtxids, bytes.fromhex(vector["reserved_value"]))
    expect(vector["commitment_script"], script.hex(), "commitment")


def check_branch(vector: Vector) -> None:
    txids = [bytes.fromhex(text) for text in vector["txids_internal"]]
    expect(vector["other_transactions"], len(txids), "transactions")
    branch = merkle.merkle_branch(txids)
    expect(vector["branch"], [node.hex() for node in branch], "branch")
    first = bytes.fromhex(vector["coinbase_hash_internal"])
    expect(vector["root_internal"], merkle.merkle_root([first, *txids]).hex(), "root")
    root = first
    for node in branch:
        root = hashing.double_sha256(root + node)
    expect(vector["root_internal"], root.hex(), "root by the branch")


def check_block(vector: Vector) -> None:
    """Build a real block anew from its template, with the coinbase that its miner chose."""
    wanted, choices = vector["expect"], vector["choices"]
    template = _template(vector)
    whole = coinbase.coinbase_transaction(
        version=choices["coinbase_tx_version"],
        script_sig=bytes.fromhex(choices["script_sig"]),
        sequence=int(choices["sequence"], 16),
        outputs=[
            TxOutput(value_sat=output["value"], script=bytes.fromhex(output["script"]))
            for output in choices["outputs"]
        ],
        lock_time=choices["locktime"],
    )
    expect(wanted["coinbase_nonwitness_hex"], whole.hex(), "coinbase")
    paid_sat = sum(output["value"] for output in choices["outputs"])
    expect(paid_sat, template.value_sat, "value that is paid out")
    reserved = choices["witness_reserved_value"]
    full = whole if reserved is None else coinbase.with_witness(whole, bytes.fromhex(reserved))
    expect(wanted["coinbase_full_hex"], full.hex(), "coinbase with witness")
    txid = hashing.double_sha256(whole)
    expect(wanted["coinbase_txid"], header.display(txid), "transaction id")
    _check_trees(wanted, template)
    root = hashing.merkle_root(whole, template.branch)
    expect(wanted["merkle_root_internal"], root.hex(), "merkle root")
    ntime = int(choices["ntime"], 16)
    expect(True, ntime >= template.ntime, "time not before the template's")
    raw = header.header_bytes(
        template.version,
        template.prev_hash,
        root,
        ntime,
        template.nbits,
        int(choices["nonce"], 16),
    )
    expect(wanted["header_hex"], raw.hex(), "header")
    block_hash = hashing.double_sha256(raw)
    expect(wanted["block_hash"], header.display(block_hash), "block hash")
    expect(True, hash_meets(block_hash, template.network_target), "proof of work")
    built = block.block_bytes(raw, whole, template)
    expect(wanted["submitblock_length_bytes"], len(built), "length")
    digest = hashlib.sha256(built.hex().encode()).hexdigest()
    expect(wanted["submitblock_hex_sha256"], digest, "digest of the block in hex")
    if "submitblock_hex" in wanted:
        expect(wanted["submitblock_hex"], built.hex(), "block")


def check_template(vector: Vector) -> None:
    template = _template(vector)
    _check_trees(vector["expect"], template)
    text = header.swap_words(template.prev_hash).hex()
    expect_given(vector["expect"], "prevhash_stratum_text", text)


def check_result(vector: Vector) -> None:
    """Hold what follows from an answer against what a client shall do."""
    verdict = verdict_of(vector["result"])
    todo = vector["client_action"]
    if todo.startswith("count"):
        expect(Action.COUNT, verdict.action, todo)
    elif "ask for the block" in todo or "orphan" in todo:
        expect(Action.VERIFY, verdict.action, todo)
    elif "stale" in todo:
        expect(Action.REFRESH, verdict.action, todo)
    elif verdict.action in (Action.COUNT, Action.VERIFY):
        raise Mismatch("a refusal", verdict.action, todo)
    expect(verdict.action is Action.COUNT, verdict.reason == "", "reason of a refusal")


def _template(vector: Vector) -> Template:
    fields = dict(vector["template"])
    if fields["height"] is None:  # before BIP34, and of no use for the coinbase that is given
        fields["height"] = 0
    return parse_template(fields)


def _check_trees(wanted: Mapping[str, Any], template: Template) -> None:
    if wanted["bip34_prefix"] is not None:
        push = height_push(template.height).hex()
        expect(wanted["bip34_prefix"], push, "height in the coinbase")
    expect(wanted["merkle_branch"], [node.hex() for node in template.branch], "branch")
    commitment = wanted["witness_commitment_script"]
    expect(commitment or "", template.commitment.hex(), "witness commitment")
    if wanted["witness_root_internal"] is not None:
        wtxids = [transaction.wtxid for transaction in template.transactions]
        root = merkle.merkle_root([bytes(32), *wtxids])
        expect(wanted["witness_root_internal"], root.hex(), "witness root")
    _check_own_coinbase(
        height=template.height, value_sat=template.value_sat, commitment=template.commitment
    )


def _check_own_coinbase(*, height: int, value_sat: int, commitment: bytes) -> None:
    """Check that the coinbase which we would build begins with the height and pays all there is."""
    parts = coinbase.build_coinbase(
        height=height,
        value_sat=value_sat,
        payout=PAYOUT,
        commitment=commitment,
        aux=b"",
        text=b"vector",
        extranonce_size=EXTRANONCE_SIZE,
    )
    found = parse_coinbase(parts.before + bytes(EXTRANONCE_SIZE) + parts.behind)
    expect(True, found.script_sig.startswith(height_push(height)), "height of our coinbase")
    outputs = [(value_sat, PAYOUT), *([(0, commitment)] if commitment else [])]
    expect(outputs, [(each.value_sat, each.script) for each in found.outputs], "our outputs")


CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "gbt/bip34_heights": check_height,
    "gbt/varints": check_varint,
    "gbt/witness_commitments": check_commitment,
    "gbt/merkle_branches": check_branch,
    "gbt/blocks": check_block,
    "gbt/submitblock_results": check_result,
    "gbt/templates_only": check_template,
}
