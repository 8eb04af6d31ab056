"""How virtual chips err: less on more voltage, more with clock and warmth, never by nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_hil.chipsim.silicon import Silicon

CHIPS = Silicon(stable_mhz=400.0, nominal_mv=300)

clocks = st.floats(0, 2000)
millivolts = st.integers(0, 500)
degrees = st.floats(-20, 130)


def test_nothing_is_wrong_up_to_the_limit_and_everything_a_tenth_beyond() -> None:
    assert CHIPS.wrong_part(400) == 0.0
    assert CHIPS.wrong_part(410, 300) == pytest.approx(0.0625)
    assert CHIPS.wrong_part(441, 300) == CHIPS.wrong_part(2000, 300) == 1.0
    assert CHIPS.limit_mhz(330, 60) == pytest.approx(440)
    assert CHIPS.limit_mhz(300, 110) == pytest.approx(360)
    assert CHIPS.wrong_part(1, 0) == 1.0


@given(clocks, clocks, millivolts, degrees)
def test_a_higher_clock_is_never_better(a: float, b: float, core_mv: int, hot: float) -> None:
    low, high = sorted((a, b))
    assert 0 <= CHIPS.wrong_part(low, core_mv, hot) <= CHIPS.wrong_part(high, core_mv, hot) <= 1


@given(clocks, millivolts, millivolts, degrees, degrees)
def test_less_voltage_and_more_warmth_are_never_better(
    mhz: float, core_a: int, core_b: int, warm_a: float, warm_b: float
) -> None:
    (low, high), (cool, hot) = sorted((core_a, core_b)), sorted((warm_a, warm_b))
    assert CHIPS.wrong_part(mhz, high, cool) <= CHIPS.wrong_part(mhz, low, hot)


@given(clocks, millivolts)
def test_a_voltage_that_nothing_sets_does_not_matter(mhz: float, core_mv: int) -> None:
    fixed = Silicon(stable_mhz=400.0, nominal_mv=0)
    assert fixed.wrong_part(mhz, core_mv) == fixed.wrong_part(mhz)
