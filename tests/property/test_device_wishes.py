"""Whose wish decides: the rules as plain words, over any course of wishes."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from luxminer.device.wishes import Wish, Wishes

CLOCKS = st.none() | st.floats(1, 1000)
CORES = st.none() | st.integers(100, 500)
WISHES = st.builds(Wish, mhz=CLOCKS, core_mv=CORES)
ALL = st.builds(
    Wishes,
    default_mhz=st.floats(1, 1000),
    profile=WISHES,
    order=WISHES,
    trial=st.none() | WISHES,
)


def first(*values: float | None) -> float | None:
    for value in values:
        if value is not None:
            return value
    return None


@given(ALL)
def test_the_first_that_says_something_decides(wishes: Wishes) -> None:
    trial = wishes.trial or Wish()
    order, profile = wishes.order, wishes.profile
    assert wishes.target_mhz == first(order.mhz, profile.mhz, wishes.default_mhz)
    assert wishes.target_core_mv == first(order.core_mv, profile.core_mv)
    assert wishes.clock_mhz == first(trial.mhz, wishes.target_mhz)
    assert wishes.core_mv == first(trial.core_mv, wishes.target_core_mv)


@given(ALL, CLOCKS, CORES)
def test_an_order_ends_a_trial_and_keeps_what_it_does_not_name(
    wishes: Wishes, mhz: float | None, core_mv: int | None
) -> None:
    ordered = wishes.ordered(mhz=mhz, core_mv=core_mv)
    assert ordered.trial is None
    assert ordered.order.mhz == first(mhz, wishes.order.mhz)
    assert ordered.order.core_mv == first(core_mv, wishes.order.core_mv)
    assert (ordered.profile, ordered.default_mhz) == (wishes.profile, wishes.default_mhz)
    assert ordered.has_order == (ordered.order != Wish())


@given(ALL, st.none() | WISHES)
def test_no_trial_ever_changes_the_target(wishes: Wishes, trial: Wish | None) -> None:
    tried = replace(wishes, trial=trial)
    assert tried.target_mhz == wishes.target_mhz
    assert tried.target_core_mv == wishes.target_core_mv
