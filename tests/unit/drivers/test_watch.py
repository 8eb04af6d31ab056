"""When a stick is judged to have failed, and that chance alone practically never does it."""

import random

import pytest

from luxminer.errors import DeviceFault
from luxminer_drivers.common.watch import ERROR_WINDOW, ClockWatch, Watch


def test_nothing_is_judged_in_the_first_ten_seconds() -> None:
    watch = Watch(100.0, 1)
    watch.judge(109.9, 0.1)
    with pytest.raises(DeviceFault, match=r"^no nonce"):
        watch.judge(110.1, 0.1)


def test_what_is_missed_is_counted_at_the_rate_of_its_time() -> None:
    watch = Watch(0.0, 1)
    watch.heard(20.0, 0)
    watch.judge(30.0, 1.0)  # ten missed at one per second
    watch.judge(30.9, 0.1)  # nine more at ten per second
    with pytest.raises(DeviceFault, match=r"11 s, in which 21"):
        watch.judge(31.1, 0.1)


def test_a_nonce_forgives() -> None:
    watch = Watch(0.0, 1)
    for second in range(1, 1000):
        watch.judge(second * 15.0, 1.0)
        watch.heard(second * 15.0, 0)


def test_a_clock_that_stands_still_or_goes_back_misses_nothing() -> None:
    watch = Watch(50.0, 1)
    for now_s in (60.0, 60.0, 55.0, 60.0, 61.0):
        watch.judge(now_s, 1.0)


@pytest.mark.parametrize("errors", [25, 26])
def test_more_than_half_of_the_window_wrong(errors: int) -> None:
    watch = Watch(0.0, 1)
    watch.heard(20.0, 0)
    for number in range(ERROR_WINDOW):
        watch.claimed(is_error=number < errors)
    if errors <= ERROR_WINDOW / 2:
        watch.judge(20.0, 1.0)
        return
    with pytest.raises(DeviceFault, match="26 of the last 50"):
        watch.judge(20.0, 1.0)


def test_fewer_claims_than_the_window_are_not_judged() -> None:
    watch = Watch(0.0, 1)
    watch.heard(20.0, 0)
    for _ in range(ERROR_WINDOW - 1):
        watch.claimed(is_error=True)
    watch.judge(20.0, 1.0)


def test_a_healthy_stick_survives_weeks_of_chance() -> None:
    seed = 20251125
    print(f"seed {seed}")
    rng = random.Random(seed)
    watch, now_s, interval_s = Watch(0.0, 1), 20.0, 5.0
    watch.heard(now_s, 0)
    for _ in range(300_000):
        now_s += rng.expovariate(1 / interval_s)
        watch.judge(now_s, interval_s)  # at the worst moment, just before the next nonce
        watch.heard(now_s, 0)
        watch.claimed(is_error=rng.random() < 0.2)


def test_a_chip_that_stops_is_a_fault_of_the_chain() -> None:
    watch = Watch(0.0, 2)
    watch.heard(5.0, 0)
    watch.heard(5.0, 1)
    for second in range(6, 46):
        watch.heard(float(second), 0)
        assert watch.judge(float(second), 1.0) == []
    # Twenty of its own, which come half as often as those of the chain.
    with pytest.raises(DeviceFault, match=r"^chip 1 has stopped: no nonce for 41 s, in which 20"):
        watch.judge(46.0, 1.0)


def test_a_chip_that_never_found_anything_is_told_once_and_does_not_stop_the_others() -> None:
    watch = Watch(0.0, 3)
    told = []
    for second in range(1, 1000):
        watch.heard(float(second), second % 2)
        told += watch.judge(float(second), 1.0)
    assert told == [2]


def test_no_work_excuses_all() -> None:
    watch = Watch(0.0, 2)
    watch.heard(1.0, 0)
    for second in range(2, 1000):
        watch.excuse(float(second))
        assert watch.judge(float(second), 0.1) == []
    with pytest.raises(DeviceFault, match=r"^no nonce"):
        watch.judge(1002.0, 0.1)


SET, OTHER = 150.0, 200.0


def test_a_clock_that_nobody_set_is_a_fault() -> None:
    watch = ClockWatch()
    watch.asked(SET)
    assert watch.answered(SET)
    assert watch.answered(OTHER), "noise"
    assert watch.answered(SET)
    assert watch.answered(OTHER)
    with pytest.raises(DeviceFault, match="200 MHz, not at 150: it has restarted"):
        watch.answered(OTHER)


def test_chips_that_never_told_their_clock_rightly_are_not_judged_by_it() -> None:
    watch = ClockWatch()
    watch.asked(SET)
    assert all(watch.answered(OTHER) for _ in range(100))


def test_replies_that_may_be_older_than_the_clock_mean_nothing() -> None:
    watch = ClockWatch()
    watch.asked(SET)
    watch.answered(SET)
    watch.changed()
    assert not any(watch.answered(OTHER) for _ in range(100))
