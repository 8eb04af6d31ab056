"""Luck and expected shares against sums of the Poisson distribution, written out plainly."""

import random
from fractions import Fraction
from math import exp

import pytest

from luxminer.telemetry.luck import expected_per_hour, luck_of
from luxminer.telemetry.model import ShareTally

SEED = 20261125


def tally(*difficulties: float) -> ShareTally:
    return ShareTally(
        shares=len(difficulties),
        accepted=len(difficulties),
        difficulty_accepted=sum((Fraction(d) for d in difficulties), Fraction(0)),
        difficulty_accepted_squares=sum(d * d for d in difficulties),
    )


def at_most(count: int, mean: float) -> float:
    """Probability of so many events or fewer."""
    term, total = exp(-mean), 0.0
    for number in range(count + 1):
        total += term
        term *= mean / (number + 1)
    return total


def exact(count: int) -> tuple[float, float]:
    """Bounds of a mean that so many events are compatible with, 2.5 % on each side; bisected."""

    def solve(chance: float, events: int) -> float:
        low, high = 0.0, 10.0 * events + 20
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if at_most(events, middle) > chance else (low, middle)
        return low

    return (solve(0.975, count - 1) if count else 0.0), solve(0.025, count)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 20, 100, 300])
def test_the_interval_is_that_of_poisson(count: int) -> None:
    luck = luck_of(tally(*[8.0] * count), Fraction(8 * 50), Fraction(8))
    assert luck is not None
    low, high = exact(count)
    assert luck.percent == pytest.approx(2 * count, rel=1e-4)
    assert luck.low_percent == pytest.approx(2 * low, abs=2 * 0.02)
    assert luck.high_percent == pytest.approx(2 * high, rel=0.01)


def test_without_work_there_is_no_luck() -> None:
    assert luck_of(ShareTally(), Fraction(0), Fraction(8)) is None
    assert luck_of(ShareTally(), Fraction(8), Fraction(0)) is None


def test_a_large_share_among_small_ones_makes_luck_uncertain() -> None:
    even = luck_of(tally(*[10.0] * 100), Fraction(1000), Fraction(10))
    uneven = luck_of(tally(*[1.0] * 100, 900.0), Fraction(1000), Fraction(10))
    assert even is not None
    assert uneven is not None
    assert even.percent == pytest.approx(uneven.percent)
    assert uneven.high_percent - uneven.low_percent > 5 * (even.high_percent - even.low_percent)


def test_95_of_100_honest_sessions_have_100_within() -> None:
    rng = random.Random(SEED)
    held = 0
    for _ in range(1000):
        found, passed = [], 0.0
        while True:
            difficulty = rng.choice([4.0, 8.0])
            passed += rng.expovariate(1.0) * difficulty
            if passed > 200:
                break
            found.append(difficulty)
        luck = luck_of(tally(*found), Fraction(200), Fraction(8))
        assert luck is not None
        held += luck.low_percent <= 100 <= luck.high_percent
    assert 920 < held < 985, (SEED, held)


def test_expected_shares_per_hour() -> None:
    assert expected_per_hour(2.0**32, Fraction(1)) == pytest.approx(3600, rel=1e-4)
    assert expected_per_hour(8.25e9, Fraction(256)) == pytest.approx(27.01, rel=1e-3)
    assert expected_per_hour(8.25e9, Fraction(0)) == 0
