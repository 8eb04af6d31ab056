"""Luck, and how many shares are to be expected: what was found against what was hashed.

Hashes are counted by the right nonces, each of which stands for the difficulty of its ticket; so
nothing nominal is in these figures, and time without work counts neither way.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from luxminer.telemetry.model import MinerSnapshot, PoolSnapshot, ShareTally
from luxminer.work.target import HASHES_PER_DIFFICULTY

__all__ = ["Luck", "expected_per_hour", "expected_per_hour_of", "luck_of"]

NORMAL_95 = 1.959964
"""Of a normal distribution 95 % lie within so many standard deviations."""

HASHES_PER_DIFF1_WORK = 2**32
"""What a ticket of difficulty 1 stands for in `diff1_work`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """Accepted work in percent of the work done since the start; 100 is what chance owes.

    ``low`` and ``high`` enclose with 95 % what it would be if chance were taken out: while 100 lies
    between them, chance explains all. Shares that are rejected, stale or lost lower it for good.
    """

    percent: float
    low_percent: float
    high_percent: float


def luck_of(shares: ShareTally, diff1_work: Fraction, work_difficulty: Fraction) -> Luck | None:
    """Return the luck of a tally when so much work was done for it, None when none was.

    Luck is ``sum(d) / w``: d the difficulties of the accepted shares, w the work done as a
    difficulty. Shares come as a Poisson process, so the sum has the variance ``sum(d^2)``: as much
    as that of ``n = sum(d)^2 / sum(d^2)`` shares of one difficulty, and n is their number where the
    difficulty never changed. The interval is the Poisson one for n by Byar's approximation: its low
    end at most 0.02 shares from the exact one, the high one 1 %. ``work_difficulty`` stands in for
    d before the first accepted share.
    """
    work = float(diff1_work) * HASHES_PER_DIFF1_WORK / float(HASHES_PER_DIFFICULTY)
    accepted, squares = float(shares.difficulty_accepted), shares.difficulty_accepted_squares
    difficulty = squares / accepted if accepted and squares else float(work_difficulty)
    if not work or not difficulty:
        return None
    count = accepted / difficulty
    scale = 100 * difficulty / work
    low = count * (1 - 1 / (9 * count) - NORMAL_95 / (3 * sqrt(count))) ** 3 if count else 0.0
    above = count + 1
    high = above * (1 - 1 / (9 * above) + NORMAL_95 / (3 * sqrt(above))) ** 3
    return Luck(percent=scale * count, low_percent=max(0.0, scale * low), high_percent=scale * high)


def expected_per_hour(rate_hs: float, difficulty: Fraction) -> float:
    """Return how many shares of a difficulty so many hashes per second find in an hour."""
    if not difficulty:
        return 0.0
    return 3600 * rate_hs / float(HASHES_PER_DIFFICULTY * difficulty)


def expected_per_hour_of(miner: MinerSnapshot, pool: PoolSnapshot) -> float:
    """Return it for a pool: its part of the rate of 15 minutes, at its present difficulty."""
    return expected_per_hour(miner.rates.m15 * pool.work_part, pool.work_difficulty)
