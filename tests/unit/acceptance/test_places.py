"""A virtual chip that skips begins exactly at the wanted nonce; golden blocks come back."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_drivers.bm13xx.chain import addresses
from luxminer_hil.acceptance.places import place_of, skip_to
from luxminer_hil.chipsim.families.bm1387 import MidstateChip
from luxminer_hil.chipsim.products import BOARDS, MODELS
from luxminer_hil.chipsim.spaces import NONCES, Range, StripedSpace

ROLLING = {"compaca1", "compaca2", "terminusa1", "terminusa2"}


@given(st.integers(0, NONCES - 1), st.sampled_from(sorted(set(MODELS) - ROLLING)))
def test_every_nonce_is_some_chips_business(position: int, model: str) -> None:
    skip = skip_to(model, MODELS[model], Fraction(1, 1000), position)
    assert isinstance(skip, int), skip
    assert 0 <= skip < NONCES


@given(st.integers(0, NONCES - 1))
def test_a_place_in_a_striped_space_is_found_again(position: int) -> None:
    kind = BOARDS["r909"].kinds[0]
    owners = 0
    for index, address in enumerate(addresses(6)):
        chip = kind.chip(index, 6, Fraction(1), 0.0)
        assert isinstance(chip, MidstateChip)
        chip.set_address(address)
        space = chip.space()
        assert isinstance(space, StripedSpace)
        number = place_of(space, position)
        if number is not None:
            owners += 1
            assert space.place(number).first == position
    assert owners == 1


def test_a_range_has_what_is_in_it() -> None:
    space = Range(100, 50)
    assert place_of(space, 100) == 0
    assert place_of(space, 149) == 49
    assert place_of(space, 150) is None
    assert place_of(space, 99) is None


@pytest.mark.parametrize("model", sorted(ROLLING))
def test_chips_that_roll_versions_get_to_few_nonces(model: str) -> None:
    words = skip_to(model, MODELS[model], Fraction(1, 1000), 12345)
    assert isinstance(words, str)
    assert "roll" in words
