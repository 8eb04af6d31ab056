"""When a stick is thought sick, and how long a failed one waits: arithmetic against chance."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.device.contract import ChipReport, DeviceReport
from luxminer.device.health import (
    FAILED_AFTER,
    SICK_AFTER,
    NonceWatch,
    Timing,
    backoff_s,
    likely_cause,
    lower_limit,
)
from luxminer.device.state import add_reports
from luxminer.errors import ChipsMissing, DeviceFault, ProbeMismatch

RATE_HS = 11e9


def test_the_pauses_double_up_to_half_a_minute() -> None:
    timing, rng = Timing(), random.Random(1)
    pauses = [backoff_s(n, timing, rng) for n in range(1, 9)]
    for pause_s, longest_s in zip(pauses, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert 0.75 * longest_s <= pause_s <= longest_s
    assert backoff_s(10_000, timing, rng) <= 30
    assert len({backoff_s(1, timing, rng) for _ in range(10)}) == 10, "not all at once"


def test_only_what_chance_cannot_explain_is_sick() -> None:
    assert math.exp(-SICK_AFTER) < 1e-8
    assert FAILED_AFTER > SICK_AFTER
    rng = random.Random(7)
    watch = NonceWatch(0.0)
    watch.set_rate(RATE_HS, 2.0, 0.0)
    now_s, worst = 0.0, 0.0
    for _ in range(20_000):
        now_s += rng.expovariate(RATE_HS / (2 * 2**32))
        worst = max(worst, watch.missed(now_s))
        watch.found(now_s)
    assert worst < SICK_AFTER
    assert watch.interval_s == pytest.approx(2 * 2**32 / RATE_HS)


def test_nothing_is_expected_before_the_stick_has_settled() -> None:
    watch = NonceWatch(started_s=10.0)
    watch.set_rate(RATE_HS, 1.0, 0.0)
    assert watch.missed(10.0) == 0
    watch.found(5.0)
    assert watch.missed(10.0) == 0
    assert watch.missed(11.0) == pytest.approx(RATE_HS / 2**32)


@given(
    spans=st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 1e12), st.floats(1e-6, 1e6)), max_size=20
    )
)
def test_expectation_adds_up_over_changes_of_rate(
    spans: list[tuple[float, float, float]],
) -> None:
    watch = NonceWatch(0.0)
    now_s = expected = 0.0
    for length_s, rate_hs, difficulty in spans:
        watch.set_rate(rate_hs, difficulty, now_s)
        now_s += length_s
        expected += length_s * rate_hs / (difficulty * 2**32)
        assert watch.missed(now_s) == pytest.approx(expected, rel=1e-6)
        assert watch.missed(now_s - 1) == pytest.approx(expected, rel=1e-6), "time never goes back"
    watch.found(now_s)
    assert watch.missed(now_s) == 0


def report(count: int, *, chips: int, frequency_mhz: float) -> DeviceReport:
    return DeviceReport(
        chips=tuple(
            ChipReport(
                index=n,
                frequency_mhz=frequency_mhz,
                nonces=count,
                hw_errors=count,
                duplicates=count,
            )
            for n in range(chips)
        ),
        cores_per_chip=55,
        frequency_mhz=frequency_mhz,
        target_mhz=150,
        nominal_hs=RATE_HS,
        ticket_difficulty=1,
        task_interval_s=0.2,
        tasks_sent=count,
        busy_tasks_sent=count,
        bytes_discarded=count,
        resets=count,
        is_ramping=False,
    )


def test_counters_go_on_over_restarts_and_settings_do_not() -> None:
    before = report(5, chips=1, frequency_mhz=100)
    now = report(2, chips=2, frequency_mhz=150)
    assert add_reports(None, now) is now
    total = add_reports(before, now)
    assert (total.tasks_sent, total.busy_tasks_sent, total.bytes_discarded, total.resets) == (
        7,
        7,
        7,
        7,
    )
    assert [(c.nonces, c.hw_errors, c.duplicates) for c in total.chips] == [(7, 7, 7), (2, 2, 2)]
    assert total.frequency_mhz == total.chips[0].frequency_mhz == 150


@given(target_mhz=st.floats(1, 1000), min_mhz=st.floats(1, 1000), failures=st.integers(1, 50))
def test_a_limit_falls_to_half_of_the_target_and_stays_in_the_range(
    target_mhz: float, min_mhz: float, failures: int
) -> None:
    limits: list[float | None] = [None]
    for _ in range(failures):
        limits.append(lower_limit(limits[-1], target_mhz, min_mhz))
    if min_mhz >= target_mhz:
        assert limits == [None] * (failures + 1)
        return
    falling = [limit for limit in limits if limit is not None]
    assert len(falling) == failures
    assert falling == sorted(falling, reverse=True)
    assert all(max(min_mhz, target_mhz / 2) <= limit < target_mhz for limit in falling)
    if failures > 10:
        assert falling[-1] == pytest.approx(max(min_mhz, target_mhz / 2))


def test_a_limit_that_is_lower_already_is_not_raised() -> None:
    """A driver may hold a stick below what failures alone would lead to."""
    assert lower_limit(100.0, 500.0, 50.0) == 100
    assert lower_limit(260.0, 500.0, 50.0) == 250


def test_the_likely_cause_follows_from_what_was_seen() -> None:
    causes = {
        (likely_cause(ProbeMismatch("silent"), came_up=False), "cable"),
        (likely_cause(DeviceFault("silent"), came_up=False), "power"),
        (likely_cause(ChipsMissing("1 of 2"), came_up=False), "chip"),
        (likely_cause(DeviceFault("errors"), came_up=True), "hub too weak"),
    }
    assert len({cause for cause, _ in causes}) == 4
    assert all(word in cause for cause, word in causes)


SETTLE_S = 10.0
DAY_S = 86_400.0


@pytest.mark.slow
@pytest.mark.parametrize("rate_hs", [RATE_HS, 30 * RATE_HS / 11])
def test_thirty_days_of_a_healthy_stick_are_never_sick_and_a_dead_one_is_seen(
    rate_hs: float,
) -> None:
    seed = 20251128
    print(f"seed {seed}")
    rng = random.Random(seed)
    watch = NonceWatch(SETTLE_S)
    ticket = 8.0
    interval_s = ticket * 2**32 / rate_hs
    watch.set_rate(rate_hs, ticket, 0.0)
    now_s = 0.0
    while now_s < 30 * DAY_S:
        now_s += rng.expovariate(1 / interval_s)
        assert watch.missed(now_s) < SICK_AFTER
        watch.found(now_s)
    dead_s = now_s
    while watch.missed(now_s) < SICK_AFTER:
        now_s += 1.0
    assert now_s - dead_s <= SICK_AFTER * interval_s + 1.0
    while watch.missed(now_s) < FAILED_AFTER:
        now_s += 1.0
    assert now_s - dead_s <= FAILED_AFTER * interval_s + 1.0
