"""The demo fits every product: how often it finds a share, and when its estimate is believed."""

from fractions import Fraction

import pytest

from luxminer_hil.chipsim.products import MODELS
from luxminer_hil.demo import (
    MAX_SCALE,
    Mark,
    choose_difficulty,
    choose_scale,
    find_model,
    is_rate_true,
    nominal_hs,
    usual_wait_s,
)

SLOW = {"blockerupter": 12.8, "u1": 2.1, "u2": 2.1}
"""Seconds to a nonce: 2^32 hashes at 336 MH/s and at 2 GH/s."""

HASHES = 2**32


@pytest.mark.parametrize("name", MODELS)
def test_every_product_finds_a_share_about_each_second_if_it_can(name: str) -> None:
    model = find_model(name)
    wait_s = usual_wait_s(model, 1)
    if name in SLOW:
        assert choose_difficulty(model) == 1
        assert wait_s == pytest.approx(SLOW[name], rel=0.05)
    else:
        assert 0.7 <= wait_s <= 1.5
    assert usual_wait_s(model, 4) == pytest.approx(wait_s / 4)


@pytest.mark.parametrize("name", ["blockerupter", "compac", "terminusa2"])
def test_the_scale_is_a_power_of_two_that_this_machine_can_hash(name: str) -> None:
    model = find_model(name)
    scale = choose_scale(model, 8)
    assert scale.numerator == 1
    assert scale.denominator.bit_count() == 1
    assert scale <= MAX_SCALE
    assert nominal_hs(model) * 8 * scale < 1e9


@pytest.mark.parametrize(
    ("nonces", "expected", "is_true", "words"),
    [
        (100, 100, True, "+0.00 standard errors"),
        (130, 100, True, "+3.00 standard errors"),
        (151, 100, False, "+5.10 standard errors"),
        (49, 100, False, "-5.10 standard errors"),
        (2, 10, True, "-2.53 standard errors"),
        (0, 36, False, "-6.00 standard errors"),
        (0, 1, True, "0 nonces in 10.0 s where 1.0 are usual: too few"),
        (3, 1, True, "3 nonces in 10.0 s where 1.0 are usual: too few"),
    ],
)
def test_the_estimate_is_held_against_what_chance_explains(
    nonces: int, expected: int, is_true: bool, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Mark(at_s=5.0, hashed=0, work=Fraction(1), nonces=1)
    last = Mark(at_s=15.0, hashed=expected * HASHES, work=Fraction(1 + nonces), nonces=1 + nonces)
    assert is_rate_true(first, last) is is_true
    shown = capsys.readouterr().out
    assert words in shown
    assert "really hashed: " in shown
