"""Ladders of clocks, and what profiles mean."""

import pytest

from luxminer.errors import CommandError
from luxminer.tuning.ladder import STEPS_DOWN, STEPS_UP, ladder, ladder_clock, step_of


def test_a_ladder_has_its_default_and_steps_inside_the_limits() -> None:
    clocks = ladder(default_mhz=300, min_mhz=100, max_mhz=800, step_mhz=6.25)
    assert clocks[0] == 300
    assert (clocks[1], clocks[-1]) == (312.5, 287.5)
    assert list(clocks) == list(range(-STEPS_DOWN, STEPS_UP + 1))


def test_limits_cut_a_ladder() -> None:
    clocks = ladder(default_mhz=100, min_mhz=6.25, max_mhz=120, step_mhz=6.25)
    assert list(clocks) == list(range(-15, 4))
    assert ladder_clock(clocks, 8) == clocks[3] == 118.75
    assert ladder_clock(clocks, -16) == clocks[-15] == 6.25


def test_a_stick_with_one_clock_has_one_step() -> None:
    assert ladder(default_mhz=336, min_mhz=336, max_mhz=336, step_mhz=0) == {0: 336}


@pytest.mark.parametrize(
    ("profile", "step"), [("default", 0), ("tuned", None), ("+1", 1), ("-16", -16), ("+0", 0)]
)
def test_profiles_have_steps(profile: str, step: int | None) -> None:
    assert step_of(profile) == step


@pytest.mark.parametrize("profile", ["1", "0", "", "+9", "-17", "+1.5", "+100", "Tuned", "+\u0661"])
def test_an_unknown_profile_is_refused_with_those_known(profile: str) -> None:
    with pytest.raises(CommandError, match=r"known: default, tuned, -16 to") as refused:
        step_of(profile)
    assert refused.value.reason == "unknown-profile"
