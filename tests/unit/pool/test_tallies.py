"""Tallies as JSON: whole there and back, and nothing else is believed."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.pool.tallies import (
    MAX_FILE_BYTES,
    OLD_FILE_NAME,
    from_values,
    load_old,
    to_values,
)
from luxminer.telemetry.model import ShareTally

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
    best_share_wall_s=1_600_000_000.0,
    best_share_pool="stratum+tcp://pool:3333",
    best_share_device="10000042",
)


def test_nothing_there_is_nothing(tmp_path: Path) -> None:
    assert load_old(tmp_path / "never made") is None


def test_what_waited_in_the_old_file_is_unanswered(tmp_path: Path) -> None:
    (tmp_path / OLD_FILE_NAME).write_text(json.dumps(to_values(TALLY)))
    loaded = load_old(tmp_path)
    assert loaded == replace(TALLY, unanswered=5, waiting=0)
    assert loaded.balanced


def test_a_file_of_an_earlier_version_has_no_time_of_its_best_share(tmp_path: Path) -> None:
    old = to_values(TALLY)
    for name in ("best_share_wall_s", "best_share_pool", "best_share_device"):
        del old[name]
    (tmp_path / OLD_FILE_NAME).write_text(json.dumps(old))
    loaded = load_old(tmp_path)
    assert loaded is not None
    assert (loaded.best_share, loaded.best_share_wall_s) == (TALLY.best_share, None)


def values(**changes: Any) -> bytes:
    content = to_values(TALLY)
    content.update(changes)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "content",
    [
        values(best_share_pool=7),
        values(best_share_device="d" * 257),
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
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / OLD_FILE_NAME).write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        load_old(tmp_path)


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
    loaded = from_values(json.loads(json.dumps(to_values(tally))))
    assert loaded.balanced
    assert loaded == tally
