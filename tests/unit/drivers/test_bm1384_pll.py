"""Dividers against the formula, and against what is known to run on sticks."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_drivers.bm1384 import facts
from luxminer_drivers.bm1384.device import next_step
from luxminer_drivers.bm1384.pll import Pll, choose_pll, round_up_mhz


def formula(m: int, n: int, od: int) -> Fraction:
    return Fraction(50 * (m + 1), (n + 1) << od)


@pytest.mark.parametrize(
    ("mhz", "value"),
    [(6.25, 0x0003), (100, 0x0783), (106.25, 0x1087), (225, 0x0882), (400, 0x0781), (500, 0x0981)],
)
def test_known_values(mhz: float, value: int) -> None:
    assert choose_pll(mhz).encode() == value
    assert Pll.decode(value).mhz == mhz


@pytest.mark.parametrize("step", range(1, 81))
def test_every_step_is_given_exactly_or_as_the_next_coarse_one(step: int) -> None:
    asked = step * 6.25
    coarse = asked >= 400
    wanted = math.ceil(asked / 12.5) * 12.5 if coarse else asked
    pll = choose_pll(asked)
    assert formula(pll.m, pll.n, pll.od) == Fraction(wanted)
    assert pll.mhz == wanted


@given(mhz=st.floats(6.25, 500))
def test_never_slower_than_asked_and_less_than_a_step_faster(mhz: float) -> None:
    got = choose_pll(mhz).mhz
    assert mhz * (1 - 1e-6) <= got <= 500
    assert got - mhz < (12.5 if mhz > 393.75 else 6.25)


def test_float_noise_does_not_mean_the_next_step() -> None:
    assert round_up_mhz(150.0000001) == 150
    assert round_up_mhz(150.01) == 156.25


@given(value=st.integers(0, 0xFFFF))
def test_every_register_value_round_trips(value: int) -> None:
    pll = Pll.decode(value)
    assert pll.encode() == value
    assert math.isclose(pll.mhz, formula(pll.m, pll.n, pll.od), rel_tol=1e-12)


@pytest.mark.parametrize("mhz", [0, 6.2, 500.1, 1e9, -100, math.nan, math.inf])
def test_out_of_range_names_value_and_range(mhz: float) -> None:
    with pytest.raises(ValueError, match=r"6\.25 to 500") as caught:
        choose_pll(mhz)
    assert str(mhz) in str(caught.value)


def test_from_every_clock_steps_lead_to_every_other() -> None:
    wishes = [facts.MIN_MHZ + facts.STEP_MHZ * step for step in range(80)]
    plls = {pll.mhz: pll for pll in map(choose_pll, wishes)}
    widest_mhz = max(facts.COARSE_STEP_MHZ, facts.SLOW_DOWN_STEP_MHZ)
    for target in plls.values():
        for now in plls.values():
            following, pause_s = next_step(now, target)
            assert pause_s > 0
            assert following.mhz in plls
            assert abs(following.mhz - now.mhz) <= widest_mhz
            if now.mhz != target.mhz:
                assert abs(target.mhz - following.mhz) < abs(target.mhz - now.mhz)
                assert (following.mhz - target.mhz) * (now.mhz - target.mhz) >= 0, "not beyond"
