"""Arithmetic of chains: addresses, places of nonces, rates, times, tickets, versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_drivers.bm13xx import chain, ticket, versions
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm1362.facts import BM1362, BM1366
from luxminer_drivers.bm1370.facts import BM1370
from luxminer_drivers.bm1387.facts import BM1387
from luxminer_drivers.bm1397.facts import BM1397, R909

MASKS = st.integers(0, 2**32 - 1)


def test_addresses_of_known_chains() -> None:
    assert [f"{a:02x}" for a in chain.addresses(6)] == ["00", "2a", "54", "7e", "a8", "d2"]
    assert chain.addresses(12)[1] == 0x15
    assert chain.addresses(1) == (0,)


@given(chips=st.integers(1, 256))
def test_addresses_differ_and_lead_back(chips: int) -> None:
    addresses = chain.addresses(chips)
    assert len(set(addresses)) == chips
    assert addresses[-1] < 256
    assert [chain.chip_of_address(each, chips) for each in addresses] == list(range(chips))


@pytest.mark.parametrize("family", [BM1387, BM1397, BM1362, BM1370], ids=lambda f: f.name)
@given(nonce=st.integers(0, 2**32 - 1), chips=st.integers(1, 256))
def test_every_nonce_has_its_chip(family: Family, nonce: int, chips: int) -> None:
    assert 0 <= chain.chip_of_nonce(family.nonce_address, nonce, chips) < chips
    core = chain.core_of_nonce(family, nonce)
    assert core is not None
    assert 0 <= core < 128


@pytest.mark.parametrize("family", [BM1387, BM1397, BM1362, BM1370], ids=lambda f: f.name)
@given(chips=st.integers(1, 256))
def test_the_first_nonces_of_a_chip_are_its_own(family: Family, chips: int) -> None:
    """Whether a chip puts all of its address into a nonce, or only what the sources name."""
    bits = family.nonce_address.bits
    left_out = 8 - bits.width
    for index, address in enumerate(chain.addresses(chips)):
        for place in (address << bits.shift >> left_out, address >> left_out << bits.shift):
            nonce = int.from_bytes(place.to_bytes(4, "big"), "little")
            found = chain.chip_at(family.nonce_address, nonce, chips)
            assert found == (index if chips <= 1 << bits.width else None)


@given(mask=MASKS)
def test_few_versions_put_the_sub_cores_where_the_chip_would_stand(mask: int) -> None:
    versions = 1 << (mask & 0x1FFFE000).bit_count()
    assert chain.shares_nonces(BM1362, mask) == (versions < 8)
    assert not chain.shares_nonces(BM1387, mask)


def test_places_of_published_nonces() -> None:
    captured = int.from_bytes(bytes.fromhex("6db88ee1"), "little")
    assert chain.address_of_nonce(BM1362.nonce_address, captured) == 220
    assert chain.core_of_nonce(BM1362, captured) == 54
    block_0 = int.from_bytes(bytes.fromhex("1dac2b7c"), "little")
    assert chain.chip_of_nonce(BM1387.nonce_address, block_0, 12) == 1


@pytest.mark.parametrize("family", [BM1387, BM1397, BM1362, BM1370], ids=lambda f: f.name)
def test_job_ids_go_round_and_leave_room_for_what_answers_add(family: Family) -> None:
    ids = [family.job_id_first]
    while (following := chain.next_job_id(family, ids[-1])) != ids[0]:
        ids.append(following)
        assert len(ids) <= 128
    assert len(ids) >= 5
    assert max(ids) <= 127
    meaning = family.id_byte
    for job_id in ids:
        byte = job_id << meaning.job_shift
        for index in range(meaning.index_mask + 1):
            # A BM1370 puts the sub-core over one bit of the shifted id, which is 0 in ids of ours.
            answered = byte & ~meaning.index_mask | index
            assert (answered & meaning.job_mask) >> meaning.job_shift == job_id


def test_rates_of_the_reference() -> None:
    rate = chain.hashrate_hs(BM1397, 6, 450)
    assert rate == pytest.approx(1.8144e12)
    assert chain.fullscan_s(rate) == pytest.approx(2367e-6, rel=1e-3)
    assert chain.task_interval_s(BM1397, rate, midstates=4) == pytest.approx(4734e-6, rel=1e-3)
    assert chain.nonce_interval_s(rate, 64) == pytest.approx(64 * 2**32 / rate)
    assert R909.rate_scale == 1
    a2 = chain.hashrate_hs(BM1370, 1, 300)
    assert chain.task_interval_s(BM1370, a2) == pytest.approx(0.895, rel=1e-2)


def test_a_wait_is_bounded_by_what_a_chip_can_find_new() -> None:
    rate = chain.hashrate_hs(BM1387, 2, 100)
    most = chain.task_interval_s(BM1387, rate, midstates=4, wait_factor=2)
    assert most == pytest.approx(3 * chain.fullscan_s(rate))
    assert chain.task_interval_s(BM1370, rate, life_s=0.64) == pytest.approx(0.32)


@pytest.mark.parametrize(
    ("family", "chips", "mhz", "count"),
    [(BM1366, 1, 200, 0x00200000), (BM1370, 1, 200, 0x001FFEF4), (BM1366, 12, 300, 0x00015555)],
)
def test_hash_counting_numbers_of_another_host(
    family: Family, chips: int, mhz: float, count: int
) -> None:
    assert chain.hash_count(family, chips, mhz) == count


def test_what_the_constants_of_the_original_mean() -> None:
    assert chain.version_epoch_s(BM1362, 0x12C9) == pytest.approx(1.58, rel=1e-2)
    assert chain.version_epoch_s(BM1370, 0x0F25) == pytest.approx(0.635, rel=1e-2)


def test_few_versions_are_soon_used_up() -> None:
    """2^32 nonces in four versions at 2048 hashes per clock; two chips have half of them each."""
    four = 0x6000
    assert chain.task_life_s(BM1370, 1, 300, mask=four) == pytest.approx(2**34 / 2048 / 300e6)
    assert chain.task_life_s(BM1370, 2, 300, mask=four) == pytest.approx(2**33 / 2048 / 300e6)
    assert chain.task_life_s(BM1370, 2, 300) == pytest.approx(4096 * 0.02796, rel=1e-2)


# --- Tickets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("difficulty", "value"),
    [
        (1, 0),
        (2, 0x80),
        (16, 0xF0),
        (256, 0xFF),
        (512, 0x80FF),
        (4096, 0xF0FF),
        (1 << 31, 0xFEFFFFFF),
    ],
)
def test_ticket_values(difficulty: int, value: int) -> None:
    assert ticket.encode_ticket(difficulty) == value
    assert ticket.decode_ticket(value) == difficulty


@pytest.mark.parametrize("difficulty", [0, -1, 3, 100, 1 << 32])
def test_a_difficulty_that_no_mask_can_say_is_refused(difficulty: int) -> None:
    with pytest.raises(ValueError, match="power of two below"):
        ticket.encode_ticket(difficulty)


def test_a_mask_with_gaps_is_refused() -> None:
    with pytest.raises(ValueError, match="00000040"):
        ticket.decode_ticket(0x40)


@pytest.mark.parametrize(
    ("family", "chips", "highest"),
    [
        (BM1387, 12, 1),
        (BM1397, 1, 16),
        (BM1397, 3, 32),
        (BM1397, 6, 64),
        (BM1362, 2, 16),
        (BM1362, 3, 32),
        (BM1362, 6, 64),
        (BM1370, 1, 32),
        (BM1370, 2, 64),
    ],
)
def test_tickets_of_the_reference(family: Family, chips: int, highest: int) -> None:
    assert ticket.choose_ticket(family, chips) == highest
    assert ticket.choose_ticket(family, chips, 1e9) == highest
    assert ticket.choose_ticket(family, chips, 0.5) == 1
    assert ticket.choose_ticket(family, chips, 7) == min(4, highest)


def test_harder_tickets_take_longer_to_be_checked() -> None:
    assert ticket.check_for(128).nonces == 40000
    assert ticket.check_for(128).easier_than == pytest.approx(131.8)


# --- Versions ------------------------------------------------------------------------------------


def test_versions_of_the_reference() -> None:
    got = versions.midstate_versions(0x20000000, 0x1FFFE000, 4)
    assert got == (0x20000000, 0x2000E000, 0x3FFF0000, 0x3FFFE000)
    assert versions.midstate_versions(0x20000000, 0x1FFFE000, 2) == got[:2]
    assert versions.midstate_versions(0x20000000, 0, 4) == (0x20000000,)


@given(version=MASKS, mask=MASKS, count=st.sampled_from([1, 2, 4]))
def test_versions_differ_in_masked_bits_only(version: int, mask: int, count: int) -> None:
    got = versions.midstate_versions(version, mask, count)
    assert got[0] == version
    assert len(set(got)) == len(got) <= count
    assert all((each ^ version) & ~mask == 0 for each in got)
    free = mask & ~version
    while free and not free & 0xF:
        free >>= 4
    distinct = 4 if free >> 4 else 2 if free else 1
    assert len(got) == min(count, distinct)


@given(version=MASKS, bits=st.integers(0, 0xFFFF))
def test_rolled_bits_are_put_where_the_base_is_clear(version: int, bits: int) -> None:
    base = versions.base_version(version)
    rolled = versions.rolled_version(base, bits)
    assert rolled & ~0x1FFFE000 == version & ~0x1FFFE000
    assert rolled >> 13 & 0xFFFF == bits


def test_the_version_register() -> None:
    assert versions.version_register(0x9000, 0x1FFFE000) == 0x9000FFFF
    assert versions.version_register(0x9000, 0x10002000) == 0x90008001
    assert versions.register_mask(0x9000FFFF) == 0x1FFFE000
