"""When a stick is judged to have failed, and that chance alone practically never does it."""

import random

import pytest

from luxminer.errors import DeviceFault
from luxminer_drivers.common.facts import NONCE_LIMIT_FACTOR
from luxminer_drivers.common.watch import ERROR_WINDOW, PACE_WINDOW, ClockWatch, Watch

DAY_S = 86_400.0


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


@pytest.mark.parametrize(
    ("errors", "is_high", "is_failure"),
    [(0, False, False), (15, False, False), (16, True, False), (25, True, False), (26, True, True)],
)
def test_errors_ask_for_a_lower_clock_and_are_a_failure_when_they_are_most(
    errors: int, is_high: bool, is_failure: bool
) -> None:
    watch = Watch(0.0, 1)
    for number in range(ERROR_WINDOW):
        assert not watch.high_errors(20.0), "too few claims"
        watch.claimed(is_error=number < errors)
    watch.heard(19.0, 0)
    assert not watch.high_errors(19.9), "too short a time"
    words = watch.high_errors(20.0)
    assert words == (f"{errors} of the last 50 nonces are wrong" if is_high else "")
    assert not watch.high_errors(31.0), "each claim is judged once"
    if not is_failure:
        watch.judge(20.0, 1.0)
        return
    with pytest.raises(DeviceFault, match="26 of the last 50"):
        watch.judge(20.0, 1.0)


def test_another_target_begins_the_windows_anew() -> None:
    watch = Watch(0.0, 1)
    for second in range(1, 301):
        watch.judge(float(second), 0.5)
        if second % 2:
            watch.heard(float(second), 0)
            watch.claimed(is_error=False)
        else:
            watch.claimed(is_error=True)
    watch.begin_again(300.0)
    assert not watch.high_errors(400.0)
    assert watch.slowness(400.0) is None
    told = []
    for second in range(301, 301 + PACE_WINDOW):
        watch.judge(float(second), 0.5)
        for _ in range(2):
            watch.heard(float(second), 0)
            watch.claimed(is_error=False)
        assert not watch.high_errors(float(second))
        told += [words for words in [watch.slowness(float(second))] if words is not None]
    assert told == ["", ""]


def test_of_many_claims_a_few_bad_ones_in_a_row_mean_nothing() -> None:
    watch = Watch(0.0, 1)
    for second in range(10, 100):
        for number in range(200):
            watch.claimed(is_error=number < 55)
        assert not watch.high_errors(float(second))


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(("chips", "interval_s"), [(1, 1.5), (2, 2.0), (12, 4.0)])
def test_thirty_days_of_a_healthy_stick_are_without_alarm(chips: int, interval_s: float) -> None:
    seed = 20251126 + chips
    print(f"seed {seed}")
    rng = random.Random(seed)
    watch, now_s = Watch(0.0, chips), 0.0
    while now_s < 30 * DAY_S:
        now_s += rng.expovariate(1 / interval_s)
        assert watch.judge(now_s, interval_s) == []  # just before the next nonce
        assert not watch.slowness(now_s)
        watch.heard(now_s, rng.randrange(chips))
        watch.claimed(is_error=rng.random() < 0.05)
        assert not watch.high_errors(now_s)


JUDGED_EVERY_S = 0.5


def seconds_until_seen(rng: random.Random, chips: int, interval_s: float) -> float:
    """Let chip 0 die; return how long after its last nonce that is a fault."""
    watch, now_s, last_s = Watch(0.0, chips), 0.0, 0.0
    dies_s = rng.uniform(100, 500)
    next_s = [0.0] * chips
    while True:
        now_s += JUDGED_EVERY_S
        for chip in range(chips):
            while next_s[chip] <= now_s and (chip or now_s < dies_s):
                watch.heard(now_s, chip)
                last_s = last_s if chip else now_s
                next_s[chip] += rng.expovariate(1 / (interval_s * chips))
        try:
            watch.judge(now_s, interval_s)
        except DeviceFault:
            return now_s - last_s


@pytest.mark.parametrize("chips", [1, 2, 3, 12])
def test_a_dead_chip_is_seen_after_twenty_of_its_intervals(chips: int) -> None:
    """The bound holds from its last nonce on; a whole stick is the case of one chip."""
    seed = 20251127 + chips
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(20):
        bound_s = NONCE_LIMIT_FACTOR * chips * 1.0
        seen_s = seconds_until_seen(rng, chips, 1.0)
        assert bound_s <= seen_s <= bound_s + 2 * JUDGED_EVERY_S


def test_a_plateau_is_told_once_for_each_window() -> None:
    watch = Watch(0.0, 1)
    told = []
    for second in range(11, 11 + 2 * PACE_WINDOW + 5):
        watch.judge(float(second), 1.0)
        if second % 2:
            watch.heard(float(second), 0)
        told += [words for words in [watch.slowness(float(second))] if words is not None]
    assert told == ["finds 50% of what its clock should bring"] * 2


def test_a_chip_that_is_known_to_be_dead_makes_no_plateau() -> None:
    watch = Watch(0.0, 2)
    told = []
    for second in range(1, 2 * PACE_WINDOW):
        watch.judge(float(second), 0.5)  # one a second of each
        watch.heard(float(second), 0)
        told += [words for words in [watch.slowness(float(second))] if words is not None]
    assert told
    assert not any(told)


def test_no_work_makes_no_plateau() -> None:
    watch = Watch(0.0, 1)
    for second in range(1, 10 * PACE_WINDOW):
        watch.excuse(float(second))
        watch.judge(float(second), 0.1)
        assert watch.slowness(float(second)) is None


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
    watch.asked([SET])
    assert watch.answered(SET)
    assert watch.answered(OTHER), "noise"
    assert watch.answered(SET)
    assert watch.answered(OTHER)
    with pytest.raises(DeviceFault, match="200 MHz, not at 150: it has restarted"):
        watch.answered(OTHER)


def test_chips_that_never_told_their_clock_rightly_are_not_judged_by_it() -> None:
    watch = ClockWatch()
    watch.asked([SET])
    assert all(watch.answered(OTHER) for _ in range(100))


def test_replies_that_may_be_older_than_the_clock_mean_nothing() -> None:
    watch = ClockWatch()
    watch.asked([SET])
    watch.answered(SET)
    watch.changed()
    assert not any(watch.answered(OTHER) for _ in range(100))


def test_a_chip_with_a_clock_of_its_own_is_judged_by_that() -> None:
    watch = ClockWatch()
    watch.asked([100.0, 250.0])
    assert watch.answered(250.0, 1)
    assert watch.answered(250.0), "it may be any, where nobody says which"
    assert watch.answered(100.0, 1)
    with pytest.raises(DeviceFault, match=r"runs at 100 MHz, not at 250"):
        watch.answered(100.0, 1)


def test_a_slow_chip_is_given_the_time_that_it_needs() -> None:
    """Nine of ten nonces are the first chip's: the other one needs ten times the interval."""
    watch = Watch(0.0, 2)
    for second in range(1, 400):
        watch.heard(float(second), 0)
        if second % 150 == 0:
            watch.heard(float(second), 1)
        assert watch.judge(float(second), 1.0, (0.9, 0.1)) == []
    equal = Watch(0.0, 2)
    equal.heard(150.0, 1)
    equal.heard(399.0, 0)
    with pytest.raises(DeviceFault, match=r"chip 1 has stopped"):
        equal.judge(400.0, 1.0)
