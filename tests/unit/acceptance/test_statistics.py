"""Bounds for counts against tables, and against sums made in another way."""

import math
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_hil.acceptance.statistics import (
    at_least,
    at_most,
    chi_square_tail,
    confidence,
    even_tail,
    poisson_band,
)


def poisson_below(count: int, mean: float) -> float:
    """P(X < count), by the plain recurrence."""
    term, total = math.exp(-mean), 0.0
    for number in range(count):
        total += term
        term *= mean / (number + 1)
    return total


@given(st.floats(0.01, 300.0), st.sampled_from([1e-2, 1e-4, 1e-6]))
def test_a_poisson_band_leaves_no_more_than_its_tails(mean: float, tail: float) -> None:
    low, high = poisson_band(mean, tail)
    assert poisson_below(low, mean) <= tail * 1.001
    assert poisson_below(low + 1, mean) > tail * 0.999
    assert 1.0 - poisson_below(high + 1, mean) <= tail * 1.001 + 1e-12
    if high > 0:
        assert 1.0 - poisson_below(high, mean) > tail * 0.999 - 1e-12


def test_a_band_of_many_is_what_the_normal_distribution_says() -> None:
    low, high = poisson_band(1e6, 0.0013499)  # three sigmas
    assert low == pytest.approx(1e6 - 3000, abs=5)
    assert high == pytest.approx(1e6 + 3000, abs=5)
    assert poisson_band(0.0, 1e-3) == (0, 0)


@given(st.integers(1, 60), st.integers(0, 60), st.fractions(Fraction(1, 100), Fraction(99, 100)))
def test_binomial_tails_are_those_of_exact_fractions(n: int, k: int, p: Fraction) -> None:
    k = min(k, n)
    exact = [comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(n + 1)]
    assert at_least(k, n, float(p)) == pytest.approx(float(sum(exact[k:])), rel=1e-9)
    assert at_most(k, n, float(p)) == pytest.approx(float(sum(exact[: k + 1])), rel=1e-9)


def test_binomial_tails_at_their_ends() -> None:
    assert at_least(0, 10, 0.5) == at_most(10, 10, 0.5) == 1.0
    assert at_least(1, 10, 0.0) == 0.0
    assert at_least(10, 10, 1.0) == 1.0
    assert at_most(9, 10, 1.0) == 0.0


@pytest.mark.parametrize(
    ("square", "freedom", "tail"),
    [(3.841, 1, 0.05), (6.635, 1, 0.01), (11.070, 5, 0.05), (24.725, 11, 0.01), (18.307, 10, 0.05)],
)
def test_chi_square_agrees_with_the_printed_table(square: float, freedom: int, tail: float) -> None:
    assert chi_square_tail(square, freedom) == pytest.approx(tail, rel=2e-3)


@given(st.floats(0.0, 200.0))
def test_chi_square_of_two_is_an_exponential(square: float) -> None:
    assert chi_square_tail(square, 2) == pytest.approx(math.exp(-square / 2), rel=1e-9, abs=1e-300)


def test_even_counts_are_likely_and_a_silent_one_is_not() -> None:
    assert even_tail([10, 10, 10]) == 1.0
    assert even_tail([70, 0, 82, 0, 70, 0]) < 1e-30
    assert even_tail([5]) == even_tail([0, 0]) == 1.0


def test_confidence_holds_the_part_and_stays_within_0_and_1() -> None:
    low, high = confidence(5, 100)
    assert low == pytest.approx(0.0215, abs=1e-3)  # Wilson's interval, from a published table
    assert high == pytest.approx(0.1118, abs=1e-3)
    assert confidence(0, 10)[0] == 0.0
    assert confidence(10, 10)[1] == 1.0
    assert confidence(0, 0) == (0.0, 1.0)
