"""The table CRC against published check values and against long division."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_drivers.bm1384 import facts
from luxminer_drivers.common.crc import CRC16, TableCrc
from tests.oracles.crc import crc

CRC5 = TableCrc(*facts.CRC5)


@pytest.mark.parametrize(
    ("data", "bits", "expected"),
    [
        ("84000000", 27, 0x11),
        ("52050000", 32, 0x0A),
        ("53050000", 32, 0x03),
        ("54050000", 32, 0x19),
        ("13971800000000", 51, 0x06),
    ],
)
def test_crc5_check_values_of_the_chip_family(data: str, bits: int, expected: int) -> None:
    assert CRC5(bytes.fromhex(data), bits) == expected


def test_crc16_published_check_value() -> None:
    assert CRC16(b"123456789") == 0x29B1


def test_a_generic_five_bit_crc_with_another_polynomial() -> None:
    # CRC-5/EPC-C1G2 of the reveng catalogue: polynomial 09, initial 09, check value 00.
    assert TableCrc(5, 0x09, 0x09)(b"123456789") == 0x00


def test_no_bits_give_the_initial_value() -> None:
    assert CRC5(b"", 0) == facts.CRC5.initial
    assert CRC16(b"") == 0xFFFF


def test_bits_beyond_the_count_do_not_matter() -> None:
    assert CRC5(b"\x84\x00\x00\x00", 27) == CRC5(b"\x84\x00\x00\x1f", 27)


@given(data=st.binary(max_size=20), cut=st.integers(0, 160), initial=st.integers(0, 31))
def test_crc5_agrees_with_long_division(data: bytes, cut: int, initial: int) -> None:
    bits = min(cut, len(data) * 8)
    table = TableCrc(5, 0x05, initial)
    assert table(data, bits) == crc(data, bits, width=5, polynomial=0x05, initial=initial)


@given(data=st.binary(max_size=40), cut=st.integers(0, 320))
def test_crc16_agrees_with_long_division(data: bytes, cut: int) -> None:
    bits = min(cut, len(data) * 8)
    assert CRC16(data, bits) == crc(data, bits, width=16, polynomial=0x1021, initial=0xFFFF)


@given(data=st.binary(min_size=4, max_size=4), kind=st.sampled_from([0, 0x80]))
def test_a_whole_reply_with_its_check_sum_gives_zero(data: bytes, kind: int) -> None:
    sealed = data + bytes([kind | CRC5(data + bytes([kind]), facts.REPLY_CRC_BITS)])
    assert CRC5(sealed) == 0
