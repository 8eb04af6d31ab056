"""A virtual chip that skips begins exactly at the wanted nonce; golden blocks come back."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_drivers.bm13xx.chain import addresses
from luxminer_hil.acceptance.headers import golden_headers
from luxminer_hil.acceptance.places import part_before, skip_to
from luxminer_hil.acceptance.sticks import LATEST_PART, RealStick, find_driver
from luxminer_hil.chipsim.families.bm1362 import RollingChip
from luxminer_hil.chipsim.families.bm1387 import MidstateChip
from luxminer_hil.chipsim.products import BOARDS, MODELS
from luxminer_hil.chipsim.spaces import NONCES, Range, RollingSpace, StripedSpace
from luxminer_hil.fakepool.blocks import blocks

HALF = {"compaca1", "terminusa1"}
"""Their chips have 64 cores, and room for 128 in the number of a core."""


@given(st.integers(0, NONCES - 1), st.sampled_from(sorted(MODELS)))
def test_every_nonce_is_some_chips_business(position: int, model: str) -> None:
    skip = skip_to(model, MODELS[model], position)
    if model in HALF and position >= NONCES // 2:
        assert skip == f"no core of {MODELS[model]} BM1362 looks at nonce {position:08x}"
        return
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
        number = space.number_of(position)
        if number is not None:
            owners += 1
            assert space.place(number).first == position
    assert owners == 1


@given(st.integers(0, NONCES - 1), st.integers(1, 20), st.sampled_from(["compaca1", "compaca2"]))
def test_a_rolling_chip_that_skips_begins_there(position: int, chips: int, model: str) -> None:
    owners = 0
    for index, address in enumerate(addresses(chips)):
        chip = BOARDS[model].kinds[0].chip(index, chips, Fraction(1), 0.0)
        assert isinstance(chip, RollingChip)
        chip.set_address(address)
        skip = chip.skip_to(position)
        if skip is None:
            continue
        owners += 1
        groups = chip.family.versions_per_batch
        space = RollingSpace(
            first=chip.first_nonce // groups,
            window=(1 << 25) // groups,
            cores=chip.family.cores,
            epochs=1,
            budget=64.0,
            skip=skip,
        )
        assert space.place(0).first == position
    assert owners == (0 if model in HALF and position >= NONCES // 2 else 1)


def test_a_range_has_what_is_in_it() -> None:
    space = Range(100, 50)
    assert space.number_of(100) == 0
    assert space.number_of(149) == 49
    assert space.number_of(150) is None
    assert space.number_of(99) is None


@pytest.mark.parametrize("model", sorted(MODELS))
async def test_a_real_stick_is_asked_for_blocks_that_it_gets_to(model: str) -> None:
    """A task is replaced when half of its nonces are tried: what stands behind is never found."""
    stick = RealStick("/dev/null", find_driver(model))
    tried = 0
    for block in golden_headers():
        found = await stick.at_nonce(block.position, MODELS[model])
        before = part_before(model, MODELS[model], block.position)
        assert isinstance(found, str) == (isinstance(before, str) or before > LATEST_PART)
        tried += not isinstance(found, str)
    assert tried >= 3


async def test_a_scaled_stick_of_another_process_says_why_it_gets_to_none() -> None:
    stick = RealStick("/dev/null", find_driver("compaca1"), scale=0.001)
    words = await stick.at_nonce(1, 1)
    assert words == "a stick at scale 0.001 does not get to nonce 00000001 in a task"


def test_golden_headers_are_blocks() -> None:
    headers = list(golden_headers())
    assert len({block.header for block in headers}) == len(headers) > len(blocks())
    assert all(block.difficulty >= 1.0 for block in headers)
    assert len({block.name for block in headers}) == len(headers)
