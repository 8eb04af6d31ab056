"""Who owns which nonce, and how often a chain is fed."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_drivers.bm1384 import chain

CHIPS = st.integers(1, 256)


@given(chips=CHIPS)
def test_addresses_are_distinct_bytes_in_even_steps(chips: int) -> None:
    addresses = chain.addresses(chips)
    assert len(set(addresses)) == chips
    assert addresses[0] == 0
    assert max(addresses) < 256
    assert {b - a for a, b in itertools.pairwise(addresses)} <= {256 // chips}


@given(chips=CHIPS, nonce=st.integers(0, 0xFFFFFFFF))
def test_a_nonce_belongs_to_the_slice_of_its_first_byte(chips: int, nonce: int) -> None:
    first = nonce.to_bytes(4, "little")[0]
    assert chain.chip_of_nonce(nonce, chips) == int(first / (256 / chips)) < chips


@pytest.mark.parametrize(
    ("chips", "wanted"), [(1, 0xFFFFFFFF), (2, 0x7FFFFFFF), (3, 0x55555555), (6, 0x2AAAAAAA)]
)
def test_nonces_of_a_chip(chips: int, wanted: int) -> None:
    assert chain.nonce_range(chips) == wanted


def test_job_ids_go_round() -> None:
    seen = [0x1F]
    for _ in range(16):
        seen.append(chain.next_job_id(seen[-1]))
    assert seen[1:] == list(range(0x10, 0x20))


@given(rate_hs=st.floats(1e6, 1e14))
def test_ticket_is_the_power_of_two_by_the_reference(rate_hs: float) -> None:
    ticket = chain.ticket_difficulty(rate_hs)
    assert 1 <= ticket <= 256
    assert math.log2(ticket).is_integer()
    ratio = rate_hs / (2 * 0xFFFFFFFF)
    assert ticket >= min(ratio, 256)
    assert ticket == 1 or ticket / 2 < ratio


def test_a_task_is_replaced_at_half_of_its_range() -> None:
    rate_hs = chain.hashrate_hs(1, 200)
    assert rate_hs == 11e9
    assert chain.fullscan_s(rate_hs) == pytest.approx(0.390451, rel=1e-5)
    assert chain.task_interval_s(rate_hs) == pytest.approx(0.195225, rel=1e-5)
