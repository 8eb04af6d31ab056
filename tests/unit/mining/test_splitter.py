"""Whoever takes part gets work in the ratio of the quotas, and nobody can take all of it."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luxminer.mining.splitter import MAX_LUCK, MEMORY_S, Splitter

quotas_of_takers = st.dictionaries(st.integers(0, 9), st.integers(1, 40), min_size=1, max_size=6)


@settings(max_examples=30)
@given(quotas_of_takers)
def test_equal_pieces_come_out_exactly(quotas: dict[int, int]) -> None:
    splitter = Splitter(quotas)
    counts = dict.fromkeys(quotas, 0)
    for cycle in (1, 2, 3):
        for _ in range(sum(quotas.values())):
            taker = splitter.choose(1.0, 0.0)
            splitter.handed(taker, 1.0)
            counts[taker] += 1
        assert counts == {taker: cycle * quota for taker, quota in quotas.items()}


@settings(max_examples=30)
@given(quotas_of_takers, st.lists(st.floats(0.001, 100.0), min_size=1, max_size=200))
def test_debts_never_grow_beyond_a_few_pieces(quotas: dict[int, int], pieces: list[float]) -> None:
    splitter = Splitter(quotas)
    handed = dict.fromkeys(quotas, 0.0)
    for piece in pieces:
        taker = splitter.choose(piece, 0.0)
        splitter.handed(taker, piece)
        handed[taker] += piece
    due = {taker: sum(pieces) * quota / sum(quotas.values()) for taker, quota in quotas.items()}
    assert max(abs(handed[taker] - due[taker]) for taker in quotas) <= len(quotas) * max(pieces)


def test_what_was_found_counts_more_than_what_was_handed_out() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    splitter = Splitter({"a": 3, "b": 1})
    found = {"a": 0, "b": 0}
    for number in range(8000):
        taker = splitter.choose(1.0, number * 0.5)
        splitter.handed(taker, 1.0)
        if rng.random() < 0.7:
            found[taker] += 1
            splitter.found(taker, 1.0)
    # By chance alone one time in three would be worse than this.
    assert found["a"] / sum(found.values()) == pytest.approx(0.75, abs=0.005)


def test_one_whose_work_finds_nothing_gets_little_more_than_its_quota() -> None:
    splitter = Splitter({"good": 3, "barren": 1})
    handed = {"good": 0, "barren": 0}
    for second in range(3600):
        taker = splitter.choose(1.0, float(second))
        splitter.handed(taker, 1.0)
        handed[taker] += 1
        if taker == "good":
            splitter.found("good", 1.0)
    assert 0.25 <= handed["barren"] / 3600 < 0.25 + 2 * MAX_LUCK


def test_a_debt_fades() -> None:
    splitter = Splitter({"a": 1, "b": 1}, {"b": 100.0})
    assert splitter.choose(1.0, 0.0) == "b"
    splitter.handed("a", 50.0)
    splitter.choose(1.0, MEMORY_S * 2)
    splitter.handed("b", 1.0)
    assert splitter.choose(1.0, MEMORY_S * 2) == "a"


def test_one_that_was_behind_catches_up_and_no_more() -> None:
    splitter = Splitter({"a": 1, "b": 1}, {"a": -10.0, "b": 10.0})
    taken = []
    for _ in range(100):
        taken.append(splitter.choose(1.0, 0.0))
        splitter.handed(taken[-1], 1.0)
        splitter.found(taken[-1], 1.0)
    assert set(taken[:19]) == {"b"}
    assert taken[20:].count("a") == taken[20:].count("b")


def test_who_is_passed_over_gets_nothing() -> None:
    splitter = Splitter({"a": 9, "b": 1})
    assert splitter.choose(1.0, 0.0) == "a"
    assert splitter.choose(1.0, 0.0, {"a"}) == "b"
