"""Dividers of BM1387 and later against the formula, and against what is known to run on sticks."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_drivers.bm13xx.facts import PllForm
from luxminer_drivers.bm13xx.pll import (
    Pll,
    choose_pll,
    clocks_of,
    limited_mhz,
    next_step,
    round_up_mhz,
    stopped,
)
from luxminer_drivers.bm1362 import facts as bm1362
from luxminer_drivers.bm1370 import facts as bm1370
from luxminer_drivers.bm1387 import facts as bm1387
from luxminer_drivers.bm1397 import facts as bm1397

FORMS = [bm1387.PLL, bm1397.PLL, bm1362.PLL]
NAMES = ["BM1387", "BM1397", "BM1362"]
EACH = pytest.mark.parametrize("form", FORMS, ids=NAMES)


def formula(value: int, offset: int) -> Fraction:
    fb, ref, pp = value >> 16 & 0xFF, value >> 8 & 0xFF, value & 0xFF
    return Fraction(25 * fb, ref * ((pp >> 4) + offset) * ((pp & 0xF) + offset))


def clocks(form: PllForm) -> list[float]:
    count = round((form.max_mhz - form.min_mhz) / form.step_mhz)
    return [form.min_mhz + index * form.step_mhz for index in range(count + 1)]


@pytest.mark.parametrize(
    ("form", "mhz", "value"),
    [
        (bm1387.PLL, 100, 0x00200241),
        (bm1387.PLL, 393.75, 0x007E0241),
        (bm1387.PLL, 400, 0x00400221),
        (bm1387.PLL, 900, 0x00900221),
        (bm1397.PLL, 150, 0x40B40235),
        (bm1397.PLL, 200, 0x40A00225),
        (bm1397.PLL, 500, 0x40640115),
        (bm1362.PLL, 300, 0x40780240),
        (bm1362.PLL, 500, 0x50640140),
        (bm1362.PLL, 250, 0x50C80241),
        (bm1370.PLL, 600, 0x50780140),
    ],
)
def test_known_values(form: PllForm, mhz: float, value: int) -> None:
    assert choose_pll(form, mhz).encode(form) == value
    assert formula(value, form.post_offset) == Fraction(mhz)


@EACH
def test_every_clock_is_given_as_nearly_as_dividers_can(form: PllForm) -> None:
    for mhz in clocks(form):
        pll = choose_pll(form, mhz)
        assert 0 <= pll.mhz - mhz <= 5, mhz
        value = pll.encode(form)
        assert float(formula(value, form.post_offset)) == pll.mhz
        assert Pll.decode(form, value) == pll
        assert Pll.decode(form, value | 1 << 31) == pll
        assert Pll.is_locked(value | 1 << 31)
        assert not Pll.is_locked(value)


@pytest.mark.parametrize("form", FORMS[:2], ids=NAMES[:2])
def test_all_steps_of_the_older_families_are_exact(form: PllForm) -> None:
    assert all(choose_pll(form, mhz).mhz == mhz for mhz in clocks(form))


def test_steps_of_the_newer_families_are_exact_where_any_dividers_are() -> None:
    missed = [mhz for mhz in clocks(bm1362.PLL) if choose_pll(bm1362.PLL, mhz).mhz != mhz]
    posts = {(a, b) for a in range(1, 8) for b in range(1, a + 1)}
    for mhz in missed:
        possible = [
            ref * a * b * mhz / 25
            for ref in (1, 2)
            for a, b in posts
            if 160 <= ref * a * b * mhz / 25 <= 239
        ]
        assert not any(feedback.is_integer() for feedback in possible), mhz
    assert len(missed) < 10


def test_the_prefix_tells_a_fast_oscillator() -> None:
    for mhz in clocks(bm1362.PLL):
        pll = choose_pll(bm1362.PLL, mhz)
        assert pll.encode(bm1362.PLL) >> 24 == (0x50 if pll.vco_mhz >= 2400 else 0x40)
        assert choose_pll(bm1397.PLL, mhz).encode(bm1397.PLL) >> 24 == 0x40


@EACH
def test_requests_outside_the_range_are_refused_by_name(form: PllForm) -> None:
    for mhz in (form.min_mhz - 0.1, form.max_mhz + 0.1, float("nan")):
        with pytest.raises(ValueError, match=f"{form.min_mhz:g} to {form.max_mhz:g} MHz"):
            choose_pll(form, mhz)
    assert limited_mhz(form, 0) == form.min_mhz
    assert limited_mhz(form, 5000) == form.max_mhz


def test_a_stopped_clock() -> None:
    assert stopped(bm1397.PLL).encode(bm1397.PLL) == 0x40000111
    assert stopped(bm1362.PLL).encode(bm1362.PLL) == 0x40000100
    assert stopped(bm1362.PLL).mhz == 0


def test_impossible_dividers_are_no_clock() -> None:
    assert Pll.decode(bm1387.PLL, 0) is None
    assert Pll.decode(bm1397.PLL, 0x40640105) is None


@EACH
def test_a_clock_that_was_chosen_is_chosen_again(form: PllForm) -> None:
    for mhz in clocks_of(form):
        assert choose_pll(form, mhz).mhz == mhz


@EACH
def test_from_every_clock_steps_lead_to_every_other(form: PllForm) -> None:
    reachable = clocks_of(form)
    widest_mhz = max(form.step_mhz, *(high - low for low, high in pairwise(reachable)))
    assert widest_mhz <= 2 * form.step_mhz
    for target in reachable:
        for now in reachable:
            following = next_step(form, now, target)
            assert following in reachable
            assert abs(following - now) <= widest_mhz
            if now == target:
                assert following == target
            elif now < target:
                assert now < following <= target
            else:
                assert target <= following < now


@EACH
@given(data=st.data())
def test_steps_lead_to_what_dividers_give_for_any_wish(form: PllForm, data: st.DataObject) -> None:
    wish = data.draw(st.floats(form.min_mhz, form.max_mhz))
    now = data.draw(st.sampled_from(clocks_of(form)))
    for _ in clocks_of(form):
        now = choose_pll(form, next_step(form, now, wish)).mhz
    assert now == choose_pll(form, wish).mhz


def test_rounding_goes_up_but_not_for_noise() -> None:
    assert round_up_mhz(bm1387.PLL, 100.1) == 106.25
    assert round_up_mhz(bm1387.PLL, 100.0000001) == 100
    assert round_up_mhz(bm1397.PLL, 101) == 105
