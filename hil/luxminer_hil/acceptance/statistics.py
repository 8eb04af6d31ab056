"""Bounds for counts. Nonces come as a Poisson process, and each is wrong or not like a coin.

Everything is summed exactly, so that small counts get honest bounds. Ref: any textbook; checked in
the tests against tables and against sums in another order.
"""

import math
from collections.abc import Sequence

__all__ = ["at_least", "at_most", "chi_square_tail", "confidence", "even_tail", "poisson_band"]

WIDTH_SIGMAS = 15.0
"""Beyond so many there is nothing that double precision could see."""

TINY = 1e-30


def poisson_band(mean: float, tail: float) -> tuple[int, int]:
    """Return counts low and high: less than low, or more than high, has probability <= ``tail``."""
    if mean <= 0.0:
        return 0, 0
    sigma = math.sqrt(mean)
    first = max(0, math.floor(mean - WIDTH_SIGMAS * sigma - 30))
    last = math.ceil(mean + WIDTH_SIGMAS * sigma + 60)
    parts = [_poisson(count, mean) for count in range(first, last + 1)]
    low, below = first, 0.0
    while low <= last and below + parts[low - first] <= tail:
        below += parts[low - first]
        low += 1
    high, above = last, 0.0
    while high > low and above + parts[high - first] <= tail:
        above += parts[high - first]
        high -= 1
    return low, high


def _poisson(count: int, mean: float) -> float:
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


def at_least(hits: int, trials: int, chance: float) -> float:
    """Return the probability of ``hits`` or more among ``trials`` of that chance."""
    return _binomial_sum(hits, trials, trials, chance)


def at_most(hits: int, trials: int, chance: float) -> float:
    """Return the probability of ``hits`` or fewer among ``trials`` of that chance."""
    return _binomial_sum(0, hits, trials, chance)


def _binomial_sum(first: int, last: int, trials: int, chance: float) -> float:
    if first <= 0 and last >= trials:
        return 1.0
    if not 0.0 < chance < 1.0:
        sure = trials if chance >= 1.0 else 0
        return 1.0 if first <= sure <= last else 0.0
    yes, no = math.log(chance), math.log1p(-chance)
    all_ways = math.lgamma(trials + 1)
    total = math.fsum(
        math.exp(
            all_ways
            - math.lgamma(hits + 1)
            - math.lgamma(trials - hits + 1)
            + hits * yes
            + (trials - hits) * no
        )
        for hits in range(max(first, 0), min(last, trials) + 1)
    )
    return min(total, 1.0)


def confidence(hits: int, trials: int, sigmas: float = 1.96) -> tuple[float, float]:
    """Return the part that ``hits`` of ``trials`` stands for, as Wilson's interval."""
    if trials == 0:
        return 0.0, 1.0
    part, square = hits / trials, sigmas * sigmas
    centre = part + square / (2 * trials)
    spread = sigmas * math.sqrt(part * (1 - part) / trials + square / (4 * trials * trials))
    scale = 1 + square / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def even_tail(counts: Sequence[int]) -> float:
    """Return how likely counts are at least as uneven as these, if all have the same chance."""
    total = sum(counts)
    if len(counts) < 2 or not total:
        return 1.0
    mean = total / len(counts)
    square = sum((count - mean) ** 2 for count in counts) / mean
    return chi_square_tail(square, len(counts) - 1)


def chi_square_tail(square: float, freedom: int) -> float:
    """Return the probability of a chi square of at least ``square``: Q(freedom/2, square/2)."""
    a, x = freedom / 2, square / 2
    if x <= 0.0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        return max(0.0, 1.0 - front * _series(a, x))
    return front * _fraction(a, x)


def _series(a: float, x: float) -> float:
    """Lower incomplete gamma function by its power series."""
    term = total = 1 / a
    while term > total * 1e-16:
        a += 1
        term *= x / a
        total += term
    return total


def _fraction(a: float, x: float) -> float:
    """Upper incomplete gamma function by its continued fraction (Lentz)."""
    b = x + 1 - a
    c = 1 / TINY
    d = 1 / b
    value = d
    for number in range(1, 10_000):
        part = -number * (number - a)
        b += 2
        d = 1 / _away_from_zero(part * d + b)
        c = _away_from_zero(b + part / c)
        value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
