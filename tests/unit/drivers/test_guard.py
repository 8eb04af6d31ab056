"""The owner's target against protection: never changed, never exceeded, always returned to."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_drivers.common.guard import (
    LOWEST_PART,
    MAX_QUIET_S,
    MAX_STEPS,
    QUIET_S,
    SETTLE_S,
    STEP_PART,
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
def test_clocks_fall_from_the_target_to_the_lowest_there_is(
    target_mhz: float, min_mhz: float
) -> None:
    clocks = clocks_below(target_mhz, min_mhz, reach)
    assert clocks[0] == target_mhz
    assert list(clocks) == sorted(set(clocks), reverse=True), "each step is one"
    assert len(clocks) <= MAX_STEPS + 2
    for clock_mhz in clocks[1:]:
        assert clock_mhz >= min_mhz - GRID_MHZ / 2
    assert clocks[-1] <= max(reach(min_mhz), STEP_PART * target_mhz + GRID_MHZ) or (
        clocks == (target_mhz,)
    )


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
    steps = CLOCKS.index(LOWEST_PART * 200)
    assert sum(guard.trouble(float(second)) for second in range(100_000)) == steps
    assert guard.clock_mhz == LOWEST_PART * 200


@given(
    in_force_mhz=st.integers(1, 32).map(lambda n: n * GRID_MHZ), before=st.integers(0, len(CLOCKS))
)
def test_a_step_leads_below_the_clock_in_force(in_force_mhz: float, before: int) -> None:
    """Chips on their way up do not go on to what is left of their target."""
    guard = Guard(CLOCKS, [*CLOCKS, 0.0][before])
    allowed_mhz = guard.clock_mhz
    if guard.trouble(0.0, in_force_mhz):
        assert guard.clock_mhz < allowed_mhz
        assert guard.clock_mhz < in_force_mhz or guard.clock_mhz == CLOCKS[-1]
    else:
        assert allowed_mhz in (LOWEST_PART * 200, CLOCKS[-1])


def test_trouble_on_the_way_up_can_lead_below_half_of_the_target() -> None:
    guard = Guard(CLOCKS)
    assert guard.trouble(0.0, 62.5)
    assert guard.clock_mhz == 50
    assert not guard.trouble(SETTLE_S - 1, 50.0)
    assert guard.trouble(SETTLE_S, 50.0)
    assert guard.clock_mhz == 37.5


def test_a_ceiling_comes_and_goes_at_once_and_leaves_the_steps() -> None:
    guard = Guard(CLOCKS)
    guard.trouble(0.0)
    assert guard.cap(50.0)
    assert guard.clock_mhz == guard.limit_mhz == 50
    assert guard.target_mhz == 200
    assert not guard.cap(50.0)
    assert guard.cap(math.inf)
    assert guard.clock_mhz == CLOCKS[1]
    assert not guard.cap(199.0), "it is higher than what is allowed anyway"


def test_another_target_keeps_the_steps() -> None:
    guard = Guard(CLOCKS)
    guard.trouble(0.0)
    guard.trouble(SETTLE_S)
    guard.retarget(clocks_below(400.0, GRID_MHZ, reach))
    assert (guard.target_mhz, guard.clock_mhz) == (400, 362.5)


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
