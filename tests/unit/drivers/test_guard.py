"""The owner's target against protection: never changed, never exceeded, always returned to."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_drivers.common.guard import (
    LOWEST_PART,
    MAX_QUIET_S,
    QUIET_S,
    SETTLE_S,
    Guard,
    clocks_below,
)

GRID_MHZ = 6.25


def reach(mhz: float) -> float:
    """Dividers with steps of 6.25 MHz."""
    return max(1, round(mhz / GRID_MHZ)) * GRID_MHZ


CLOCKS = clocks_below(200.0, GRID_MHZ, reach)


@given(
    target_mhz=st.integers(1, 160).map(lambda n: n * GRID_MHZ),
    min_mhz=st.floats(GRID_MHZ, 500),
)
def test_clocks_fall_from_the_target_to_half_of_it_within_the_range(
    target_mhz: float, min_mhz: float
) -> None:
    clocks = clocks_below(target_mhz, min_mhz, reach)
    assert clocks[0] == target_mhz
    assert list(clocks) == sorted(set(clocks), reverse=True), "each step is one"
    assert len(clocks) <= 11
    for clock_mhz in clocks[1:]:
        assert clock_mhz >= max(min_mhz, LOWEST_PART * target_mhz) - GRID_MHZ / 2


def test_a_clock_that_cannot_be_changed_is_not() -> None:
    guard = Guard(clocks_below(336.0, 336.0, lambda mhz: mhz))
    guard.start(0.0)
    assert not any(guard.trouble(second * 100.0) for second in range(100))
    assert guard.limit_mhz is None


def test_trouble_takes_one_step_and_is_then_given_time_to_end() -> None:
    guard = Guard(CLOCKS)
    guard.start(0.0)
    changes = [second for second in range(100) if guard.trouble(float(second))]
    assert changes == [0, SETTLE_S, 2 * SETTLE_S, 3 * SETTLE_S]
    assert guard.clock_mhz == guard.limit_mhz == CLOCKS[4]


def test_lasting_trouble_ends_at_the_lowest_clock() -> None:
    guard = Guard(CLOCKS)
    guard.start(0.0)
    assert sum(guard.trouble(float(second)) for second in range(100_000)) == len(CLOCKS) - 1
    assert guard.clock_mhz == CLOCKS[-1] == LOWEST_PART * 200


def test_each_quiet_time_gives_one_step_back() -> None:
    guard = Guard(CLOCKS)
    guard.start(0.0)
    for second in (0.0, SETTLE_S):
        assert guard.trouble(second)
    assert not guard.recover(SETTLE_S + QUIET_S - 1)
    assert guard.recover(SETTLE_S + QUIET_S)
    assert guard.clock_mhz == CLOCKS[1]
    assert not guard.recover(SETTLE_S + QUIET_S + 1)
    assert guard.recover(SETTLE_S + 2 * QUIET_S)
    assert guard.limit_mhz is None
    assert not guard.recover(1e9), "the target is never exceeded"


def test_what_is_no_trouble_can_still_keep_the_clock_down() -> None:
    guard = Guard(CLOCKS)
    guard.trouble(0.0)
    for second in range(0, 10_000, 10):
        guard.hold(float(second))
        assert not guard.recover(float(second))


def rises(guard: Guard, from_s: float, until_s: float) -> list[float]:
    """Let a stick run that is in trouble whenever it runs at its target; return when it rises."""
    times = []
    for second in range(int(from_s), int(until_s)):
        if guard.limit_mhz is None:
            guard.trouble(float(second))
        if guard.recover(float(second)):
            times.append(float(second))
    return times


def test_a_step_up_that_fails_again_and_again_is_tried_less_and_less() -> None:
    guard = Guard(CLOCKS)
    guard.start(0.0)
    times = rises(guard, 0, 86_400)
    pauses = [later - at for at, later in pairwise(times)]
    assert pauses == sorted(pauses)
    assert max(pauses) == pytest.approx(MAX_QUIET_S, abs=SETTLE_S + 1)
    assert len(times) < 20, "a day of a stick at its limit"


def test_it_starts_where_it_was() -> None:
    for limit_mhz in CLOCKS[1:]:
        guard = Guard(CLOCKS, limit_mhz)
        assert guard.clock_mhz == limit_mhz
        assert guard.target_mhz == 200
    assert Guard(CLOCKS, 200.0).limit_mhz is None
    assert Guard(CLOCKS, 171.0).clock_mhz <= 171
    assert Guard(CLOCKS, 1.0).clock_mhz == CLOCKS[-1]


EVENTS = st.lists(
    st.tuples(st.floats(0, 2 * MAX_QUIET_S), st.sampled_from(["trouble", "hold", "recover"])),
    max_size=200,
)


@given(events=EVENTS, limit_mhz=st.none() | st.floats(1, 300))
def test_whatever_happens_the_target_stays_and_is_returned_to(
    events: list[tuple[float, str]], limit_mhz: float | None
) -> None:
    guard = Guard(CLOCKS, limit_mhz)
    guard.start(0.0)
    now_s = 0.0
    for pause_s, event in events:
        now_s += pause_s
        before_mhz = guard.clock_mhz
        changed = getattr(guard, event)(now_s)
        assert guard.target_mhz == 200.0
        assert guard.clock_mhz in CLOCKS
        moved = CLOCKS.index(guard.clock_mhz) - CLOCKS.index(before_mhz)
        assert moved == {"trouble": 1, "recover": -1}.get(event, 0) * bool(changed)
    quiet_s = 0.0
    while guard.limit_mhz is not None:
        quiet_s += 10.0
        guard.recover(now_s + quiet_s)
    assert quiet_s <= (len(CLOCKS) - 1) * (MAX_QUIET_S + 10)
    assert math.isclose(guard.clock_mhz, 200.0)
