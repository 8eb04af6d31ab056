"""Version bits: what may be rolled, and what a submit says."""

import pytest

from luxminer.work.version import bits_to_submit, deposit, free_bits, is_allowed


def test_free_bits_are_masked_and_unused() -> None:
    assert free_bits(0x2000E000, 0x1FFFE000) == 0x1FFF0000
    assert free_bits(0x20000004, 0x1FFFE000) == 0x1FFFE000
    assert free_bits(0xFFFFFFFF, 0x1FFFE000) == 0


def test_patterns_begin_with_the_lowest_bit() -> None:
    assert [deposit(index, 0x00C00000) for index in range(4)] == [0, 0x400000, 0x800000, 0xC00000]
    assert deposit(0b101, 0b1001_0010) == 0b1000_0010


@pytest.mark.parametrize(
    ("version", "allowed"),
    [(0x20000000, True), (0x20002000, True), (0x20000001, False), (0x00000000, False)],
)
def test_only_masked_bits_may_differ(version: int, allowed: bool) -> None:
    assert is_allowed(version, 0x20000000, 0x1FFFE000) is allowed


def test_a_submit_names_the_masked_bits_of_the_whole_version() -> None:
    assert bits_to_submit(0x2000E004, 0x1FFFE000) == 0x0000E000
