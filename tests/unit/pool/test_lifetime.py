"""Totals over restarts: whole at every moment, balanced after every end, never fatal."""

import json
import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.pool.ledger import ShareLedger
from luxminer.pool.lifetime import (
    FILE_NAME,
    MAX_FILE_BYTES,
    LifetimeFile,
    LifetimeTotals,
    _decode,
    _encode,
)
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.telemetry.model import ShareTally
from tests.unit.pool.pieces import FakeClock, a_job, a_share

TALLY = ShareTally(
    shares=21,
    accepted=11,
    rejected={"stale": 2, "duplicate": 1},
    stale=1,
    dropped={"connection lost": 1},
    unanswered=2,
    waiting=3,
    difficulty_accepted=Fraction(1, 3),
    difficulty_rejected=Fraction(24),
    difficulty_stale=Fraction(8),
    best_share=Fraction(2**300, 7**90),
    found_blocks=1,
    last_share_wall_s=1_700_000_000.25,
    last_share_difficulty=Fraction(8),
)


def test_nothing_there_is_zero(tmp_path: Path) -> None:
    assert LifetimeFile(tmp_path / "never made").load() == ShareTally()


def test_what_waited_is_unanswered_after_a_restart(tmp_path: Path) -> None:
    LifetimeFile(tmp_path / "state").save(TALLY)
    loaded = LifetimeFile(tmp_path / "state").load()
    assert loaded == replace(TALLY, unanswered=5, waiting=0)
    assert loaded.balanced


def test_saving_leaves_nothing_but_the_file(tmp_path: Path) -> None:
    store = LifetimeFile(tmp_path)
    store.save(TALLY)
    store.save(replace(TALLY, shares=22, waiting=4))
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert store.load().shares == 22


def test_a_draft_left_by_a_power_cut_does_no_harm(tmp_path: Path) -> None:
    store = LifetimeFile(tmp_path)
    store.save(TALLY)
    (tmp_path / f".{FILE_NAME}.new").write_bytes(b'{"form')
    assert store.load().shares == 21
    store.save(TALLY)
    assert store.load().shares == 21


def values(**changes: Any) -> bytes:
    content = json.loads(_encode(TALLY))
    content.update(changes)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 4096,
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"format": 1}',
        b"[" * 100_000,
        b" " * (MAX_FILE_BYTES + 1),
        b'{"format": ' + b"9" * 5000 + b"}",
        values(format=2),
        values(shares=22),
        values(shares=-21),
        values(shares=True),
        values(shares=21.0),
        values(accepted="11"),
        values(rejected=[]),
        values(rejected={"x": -3}),
        values(rejected={"r" * 65: 3}),
        values(rejected={f"r{n}": 0 for n in range(40)}),
        values(difficulty_accepted="1/0"),
        values(difficulty_accepted="-1/2"),
        values(difficulty_accepted="1e999999999"),
        values(difficulty_accepted="9" * 5000),
        values(difficulty_accepted=1),
        values(last_share_wall_s=float("nan")),
        values(last_share_wall_s=-1),
        values(last_share_wall_s="now"),
    ],
    ids=lambda content: repr(content[:24]),
)
def test_a_damaged_file_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert LifetimeFile(tmp_path).load() == ShareTally()
    assert "damaged" in caplog.text
    assert not path.exists()
    assert (tmp_path / f"{FILE_NAME}.corrupt").read_bytes() == content


async def test_a_file_that_cannot_be_read_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    ledger = ShareLedger(FakeClock(), lambda _: None)
    totals = LifetimeTotals(tmp_path, ledger)
    await totals.load()
    ledger.opened(a_share(a_job()), None)
    await totals.save()
    assert (tmp_path / FILE_NAME).is_dir()
    assert "are left alone" in caplog.text


async def test_before_the_totals_are_loaded_nothing_is_saved(tmp_path: Path) -> None:
    before = ShareTally(shares=3, accepted=3)
    LifetimeFile(tmp_path).save(before)
    ledger = ShareLedger(FakeClock(), lambda _: None)
    totals = LifetimeTotals(tmp_path, ledger)
    await totals.save()
    assert LifetimeFile(tmp_path).load() == before
    await totals.load()
    ledger.opened(share := a_share(a_job()), None)
    ledger.settled(share, ShareResult(outcome=Outcome.ACCEPTED))
    await totals.save()
    assert LifetimeFile(tmp_path).load().accepted == 4


counts = st.integers(0, 10**12)
reasons = st.dictionaries(st.text(max_size=20), counts, max_size=5)
difficulties = st.fractions(min_value=0, max_value=10**30)


@given(st.data())
def test_every_balanced_tally_survives(data: st.DataObject) -> None:
    accepted, stale, unanswered, waiting = (data.draw(counts) for _ in range(4))
    rejected, dropped = data.draw(reasons), data.draw(reasons)
    tally = ShareTally(
        shares=accepted
        + stale
        + unanswered
        + waiting
        + sum((*rejected.values(), *dropped.values())),
        accepted=accepted,
        stale=stale,
        unanswered=unanswered,
        waiting=waiting,
        rejected=rejected,
        dropped=dropped,
        difficulty_accepted=data.draw(difficulties),
        best_share=data.draw(difficulties),
    )
    loaded = _decode(_encode(tally))
    assert loaded.balanced
    assert replace(loaded, unanswered=unanswered, waiting=waiting) == tally


@given(st.binary(max_size=200))
def test_noise_is_refused_and_nothing_worse(noise: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        _decode(noise)
