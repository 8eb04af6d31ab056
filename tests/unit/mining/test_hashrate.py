"""Rates from nonces: right in the mean, from the first second on, over every window."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.mining.hashrate import HASHES_PER_DIFFICULTY, HashrateEstimator, WindowRate

NAMES = ("s5", "m1", "m5", "m15", "m30", "h1", "h24")


def test_steady_nonces_give_their_rate_in_every_window() -> None:
    estimator = HashrateEstimator(0.0)
    for n in range(1, 36001):
        estimator.add(2.0, n / 10)
    rates = estimator.rates(3600.0)
    expected = 20 * HASHES_PER_DIFFICULTY
    assert rates.average == pytest.approx(expected)
    for name in NAMES:
        assert getattr(rates, name) == pytest.approx(expected, rel=0.02), name


def test_short_history_is_not_diluted_by_the_window() -> None:
    estimator = HashrateEstimator(100.0)
    for n in range(1, 101):
        estimator.add(1.0, 100.0 + n / 10)
    rates = estimator.rates(110.0)
    for name in NAMES[1:]:
        assert getattr(rates, name) == pytest.approx(10 * HASHES_PER_DIFFICULTY, rel=0.1), name


def test_silence_lets_short_windows_fall_before_long_ones() -> None:
    estimator = HashrateEstimator(0.0)
    for n in range(1, 3601):
        estimator.add(1.0, float(n))
    before, after = estimator.rates(3600.0), estimator.rates(3660.0)
    assert after.s5 < before.s5 / 1000
    assert after.m1 == pytest.approx(before.m1 / 2.718, rel=0.02)
    assert after.h1 > before.h1 * 0.95


def test_the_first_instant_is_zero() -> None:
    rates = HashrateEstimator(5.0).rates(5.0)
    assert (rates.average, rates.s5, rates.h24) == (0.0, 0.0, 0.0)


def test_poisson_arrivals_are_unbiased() -> None:
    seed = 20260101
    rng = random.Random(seed)
    means = []
    for _ in range(300):
        window, now_s = WindowRate(60.0, 0.0), 0.0
        while now_s < 45.0:
            now_s += rng.expovariate(2.0)
            if now_s < 45.0:
                window.add(1.0, now_s)
        means.append(window.rate(45.0))
    mean = sum(means) / len(means)
    standard_error = (2.0 / 45.0 / 300) ** 0.5 * 1.2
    assert abs(mean - 2.0) < 5 * standard_error, f"seed {seed}"


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=50))
def test_no_history_gives_a_rate_that_is_no_number(
    events: list[tuple[float, float]],
) -> None:
    estimator = HashrateEstimator(0.0)
    for difficulty, now_s in events:  # times may even run backwards
        estimator.add(difficulty, now_s)
    rates = estimator.rates(1e6)
    for name in ("average", *NAMES):
        assert 0 <= getattr(rates, name) < float("inf")
