"""When a stick is judged to have failed, and that chance alone practically never does it."""

import random

import pytest

from luxminer.errors import DeviceFault
from luxminer_drivers.bm1384.watch import ERROR_WINDOW, Watch


def test_nothing_is_judged_in_the_first_ten_seconds() -> None:
    watch = Watch(100.0)
    watch.judge(109.9, 0.1)
    with pytest.raises(DeviceFault, match="no nonce"):
        watch.judge(110.1, 0.1)


def test_what_is_missed_is_counted_at_the_rate_of_its_time() -> None:
    watch = Watch(0.0)
    watch.heard(20.0)
    watch.judge(30.0, 1.0)  # ten missed at one per second
    watch.judge(30.9, 0.1)  # nine more at ten per second
    with pytest.raises(DeviceFault, match=r"11 s, in which 2\d"):
        watch.judge(31.1, 0.1)


def test_a_nonce_forgives() -> None:
    watch = Watch(0.0)
    for second in range(1, 1000):
        watch.judge(second * 15.0, 1.0)
        watch.heard(second * 15.0)


def test_a_clock_that_stands_still_or_goes_back_misses_nothing() -> None:
    watch = Watch(50.0)
    for now_s in (60.0, 60.0, 55.0, 60.0, 61.0):
        watch.judge(now_s, 1.0)


@pytest.mark.parametrize("errors", [25, 26])
def test_more_than_half_of_the_window_wrong(errors: int) -> None:
    watch = Watch(0.0)
    watch.heard(20.0)
    for number in range(ERROR_WINDOW):
        watch.claimed(is_error=number < errors)
    if errors <= ERROR_WINDOW / 2:
        watch.judge(20.0, 1.0)
        return
    with pytest.raises(DeviceFault, match="26 of the last 50"):
        watch.judge(20.0, 1.0)


def test_fewer_claims_than_the_window_are_not_judged() -> None:
    watch = Watch(0.0)
    watch.heard(20.0)
    for _ in range(ERROR_WINDOW - 1):
        watch.claimed(is_error=True)
    watch.judge(20.0, 1.0)


def test_a_healthy_stick_survives_weeks_of_chance() -> None:
    seed = 20251125
    print(f"seed {seed}")
    rng = random.Random(seed)
    watch, now_s, interval_s = Watch(0.0), 20.0, 5.0
    watch.heard(now_s)
    for _ in range(300_000):
        now_s += rng.expovariate(1 / interval_s)
        watch.judge(now_s, interval_s)  # at the worst moment, just before the next nonce
        watch.heard(now_s)
        watch.claimed(is_error=rng.random() < 0.2)
