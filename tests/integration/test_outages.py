"""Hours of mining among pools that fail at random; `make bench` lives through a whole day."""

import random

import pytest

from luxminer_hil.outages.account import Account
from luxminer_hil.outages.day import Day, run_day
from luxminer_hil.outages.report import lines, misses

HOURS = 2

MAX_OBJECTS_GROWN = 0.1
"""From one hour to the next: what grows with time would show as more."""


def lived(seed: int) -> Day:
    day = run_day(seed, HOURS)
    print("\n".join(lines(day)))
    return day


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, None])
def test_all_that_is_lost_is_within_its_bounds_and_every_share_is_explained(
    seed: int | None,
) -> None:
    day = lived(random.randrange(2**32) if seed is None else seed)
    assert not misses(day)
    account = day.account
    assert account.total_s == pytest.approx(3600 * HOURS)
    assert account.switching_s + account.handshake_s < 0.1 * account.total_s
    assert day.ledgers.fates["accepted"] > 0
    first, *_, last = day.hours
    assert last.objects < (1 + MAX_OBJECTS_GROWN) * first.objects + 2000


@pytest.mark.slow
def test_the_same_seed_lives_through_the_same_hour() -> None:
    def told(day: Day) -> tuple[object, ...]:
        account: Account = day.account
        return day.ledgers.fates, account.lost_s, len(account.failures)

    assert told(run_day(3, 1)) == told(run_day(3, 1))
