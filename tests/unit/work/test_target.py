"""Difficulties and targets at their edges. The golden vectors hold the values in between."""

from decimal import Decimal
from fractions import Fraction

import pytest

from luxminer.work import target
from tests.oracles import difficulty as oracle

D1_TEXT = "00000000ffff0000000000000000000000000000000000000000000000000000"


def test_difficulty_one_is_the_pools_one() -> None:
    assert f"{target.DIFF1_TARGET:064x}" == D1_TEXT
    assert target.target_of(Fraction(1)) == target.DIFF1_TARGET


def test_targets_are_rounded_down_and_capped() -> None:
    assert target.target_of(Fraction(3)) == target.DIFF1_TARGET // 3
    assert target.target_of(Fraction(1, 1 << 33)) == target.MAX_TARGET == 2**256 - 1
    assert target.target_of(Fraction(target.DIFF1_TARGET)) == 1


@pytest.mark.parametrize("bad", [Fraction(0), Fraction(-1, 3)])
def test_a_difficulty_that_is_not_positive_has_no_target(bad: Fraction) -> None:
    with pytest.raises(ValueError, match="not positive"):
        target.target_of(bad)


@pytest.mark.parametrize("bad", [0, -1, 2**256])
def test_a_target_outside_its_range_has_no_difficulty(bad: int) -> None:
    with pytest.raises(ValueError, match="between 1 and"):
        target.difficulty_of_target(bad)


def test_a_hash_is_read_from_its_last_byte() -> None:
    display = "0000000000000000000269d52c24ea451225613aab095d90d771d4e29aa96cdd"
    internal = bytes.fromhex(display)[::-1]
    assert target.difficulty_of_hash(internal) == Fraction(target.DIFF1_TARGET, int(display, 16))
    assert target.hash_meets(internal, int(display, 16))
    assert not target.hash_meets(internal, int(display, 16) - 1)


def test_the_hash_zero_counts_as_the_best_real_one() -> None:
    assert target.difficulty_of_hash(bytes(32)) == target.DIFF1_TARGET
    assert target.difficulty_of_hash(bytes(32)) == target.difficulty_of_hash(b"\x01" + bytes(31))


def test_target_bytes_begin_with_the_least_significant() -> None:
    assert target.target_le(target.DIFF1_TARGET) == oracle.ONE[::-1]
    assert target.target_le(1) == b"\x01" + bytes(31)


@pytest.mark.parametrize(
    ("nbits", "words"),
    [
        (0x1D00FFFF, ""),
        (0x01003456, "zero"),
        (0x00000000, "zero"),
        (0x01FEDCBA, "negative"),
        (0x04923456, "negative"),
        (0x2200FFFF, "256"),
        (0x21010000, "256"),
        (0xFF123456, "256"),
        (0x220000FF, ""),
        (0x2100FFFF, ""),
        (0x1_0000_0000, "32-bit"),
        (-1, "32-bit"),
    ],
)
def test_compact_targets(nbits: int, words: str) -> None:
    if words:
        with pytest.raises(ValueError, match=words):
            target.target_from_nbits(nbits)
        return
    expected = oracle.from_compact(nbits.to_bytes(4, "big"))
    assert expected is not None
    assert target.target_from_nbits(nbits) == int.from_bytes(expected, "big")


def test_network_difficulty_is_not_rounded() -> None:
    assert target.network_difficulty(0x1B0404CB) == Fraction(4294901760, 263371)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (512, Fraction(512)),
        (Decimal("0.1"), Fraction(1, 10)),
        (Decimal("1E+3"), Fraction(1000)),
        ("512", Fraction(512)),
        ("0.5", Fraction(1, 2)),
        ("1e-3", Fraction(1, 1000)),
        (Decimal("1E-400"), Fraction(1, 10**400)),
        (target.DIFF1_TARGET, Fraction(target.DIFF1_TARGET)),
        (Decimal(target.DIFF1_TARGET), Fraction(target.DIFF1_TARGET)),
    ],
)
def test_difficulties_are_read_exactly(value: object, expected: Fraction) -> None:
    assert target.parse_difficulty(value) == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "positive"),
        (-1, "positive"),
        (Decimal("-0.5"), "positive"),
        (Decimal("0E-999999999"), "positive"),
        ("-1", "positive"),
        (True, "number"),
        (None, "number"),
        ([512], "number"),
        ({}, "number"),
        (1.0, "number"),  # JSON numbers are parsed exactly, never as float
        ("", "number"),
        ("0x200", "number"),
        ("high", "number"),
        (" 512", "number"),
        ("512\n", "number"),
        ("+512", "number"),
        ("5_12", "number"),
        ("\u0665\u0661\u0662", "number"),
        ("nan", "number"),
        ("Infinity", "number"),
        ("1" * 1001, "number"),
        (Decimal("NaN"), "finite"),
        (Decimal("sNaN"), "finite"),
        (Decimal("Infinity"), "finite"),
        (target.DIFF1_TARGET + 1, "large"),
        (Decimal(target.DIFF1_TARGET + 1), "large"),
        (Decimal("1E+999999999999"), "large"),
        ("1e70", "large"),
        (Decimal("9.99E-401"), "small"),
        (Decimal("1E-999999999999"), "small"),
    ],
)
def test_what_is_no_difficulty_is_refused(value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        target.parse_difficulty(value)


def test_hashes_for_one_of_difficulty_one() -> None:
    assert float(target.HASHES_PER_DIFFICULTY) == pytest.approx(4_295_032_833.000015, rel=1e-15)
