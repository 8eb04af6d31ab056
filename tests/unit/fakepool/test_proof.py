"""The judge is judged: its arithmetic against golden vectors that others computed."""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_hil.fakepool.jobs import Extranonce, Job, height_push
from luxminer_hil.fakepool.judge import Reason, SentJob, judge, parse_submit
from luxminer_hil.fakepool.proof import (
    exact_difficulty,
    hash_difficulty,
    json_number,
    nbits_target,
    prevhash_text,
    target_of,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "stratum.json").read_text()
)
JOBS = [job for job in VECTORS["jobs"] if not job["expect"]["coinbase_has_witness"]]


def sent_job(vector: dict[str, Any], difficulty: Fraction) -> SentJob:
    """The vector's notify as a job of this pool."""
    notify, expect = vector["notify"], vector["expect"]
    job = Job(
        job_id=notify["job_id"],
        prev_hash=bytes.fromhex(expect["prevhash_internal"]),
        before=bytes.fromhex(notify["coinb1"]),
        script_head=None,
        after=bytes.fromhex(notify["coinb2"]),
        branch=tuple(bytes.fromhex(node) for node in notify["merkle_branch"]),
        version=int(notify["version"], 16),
        nbits=int(notify["nbits"], 16),
        ntime=int(notify["ntime"], 16),
        clean=True,
    )
    extranonce = Extranonce(bytes.fromhex(vector["extranonce1"]), vector["extranonce2_size"])
    return SentJob(job=job, extranonce=extranonce, difficulty=difficulty, seen={})


@pytest.mark.parametrize("vector", JOBS, ids=lambda job: job["id"])
def test_verdicts_of_known_shares(vector: dict[str, Any]) -> None:
    """Real blocks, captures and synthetic edge cases hash to what is known of them."""
    expect, params = vector["expect"], vector["expected_submit_params"]
    own = Fraction(0xFFFF << 208, int(expect["hash_display"], 16))
    mask = vector["version_mask"] and int(vector["version_mask"], 16)
    submit = parse_submit(params)
    assert submit is not None
    sent = sent_job(vector, own)
    if len(params) == 5 and mask:
        mask = None
    verdict = judge(submit, sent, mask=mask, ntime_window_s=7200)
    assert verdict.reason is None, "equality with the target counts"
    assert verdict.block_hash is not None
    assert verdict.block_hash.hex() == expect["hash_internal"]
    assert verdict.difficulty == own
    assert verdict.version == int(expect["version"], 16)
    assert verdict.is_block is expect["meets_network_target"]
    again = judge(submit, sent, mask=mask, ntime_window_s=7200)
    assert again.reason is Reason.DUPLICATE
    harder = sent_job(vector, own + Fraction(1, 10**60))
    if target_of(harder.difficulty) < int(expect["hash_display"], 16):
        verdict = judge(submit, harder, mask=mask, ntime_window_s=7200)
        assert verdict.reason is Reason.LOW_DIFFICULTY


@pytest.mark.parametrize(
    "vector", VECTORS["difficulty_to_target"], ids=lambda vector: vector["difficulty"]
)
def test_targets(vector: dict[str, Any]) -> None:
    if Decimal(vector["difficulty"]) < Decimal("1e-9"):
        with pytest.raises(ValueError, match="is outside"):
            exact_difficulty(vector["difficulty"])
        return
    assert target_of(exact_difficulty(vector["difficulty"])) == int(vector["target"], 16)


@pytest.mark.parametrize("vector", VECTORS["nbits"], ids=lambda vector: vector["nbits"])
def test_compact_targets(vector: dict[str, Any]) -> None:
    number = int(vector["nbits"], 16)
    if vector["valid"]:
        assert nbits_target(number) == int(vector["target"], 16)
    else:
        with pytest.raises(ValueError, match="is no target"):
            nbits_target(number)


def test_hash_difficulties() -> None:
    for vector in VECTORS["hash_to_difficulty"]:
        number = int(vector["hash_display"], 16)
        if number:
            exact = Fraction(vector["share_difficulty_exact"])
            assert hash_difficulty(number.to_bytes(32, "little")) == exact
    assert hash_difficulty(bytes(32)) == 0xFFFF << 208


def test_spelling_of_previous_blocks() -> None:
    for vector in VECTORS["prevhash_text"]:
        assert prevhash_text(bytes.fromhex(vector["header_bytes"])) == vector["stratum_text"]


def test_heights_in_coinbases() -> None:
    checked = 0
    for vector in VECTORS["gbt"]["bip34_heights"]:
        if vector["height"] > 16:
            assert height_push(vector["height"]).hex() == vector["push_hex"]
            checked += 1
    assert checked > 10


@given(st.decimals(min_value="1e-9", max_value="1e30", allow_nan=False, places=12))
def test_a_difficulty_survives_being_written(value: Decimal) -> None:
    exact = exact_difficulty(value)
    assert exact == Fraction(value)
    assert Fraction(json_number(exact)) == exact
    assert json.loads(json_number(exact), parse_float=Fraction, parse_int=Fraction) == exact


@given(st.floats(min_value=1e-9, max_value=1e30))
def test_a_float_is_the_number_that_it_prints_as(value: float) -> None:
    assert exact_difficulty(value) == Fraction(repr(value))
