"""What the checks of all chip families share."""

from collections.abc import Callable, Mapping
from typing import Any

from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm1397 import facts as bm1397
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = [
    "BM1391",
    "DIFFICULTY_1",
    "Check",
    "Vector",
    "expect_difficulty",
    "expect_items",
    "expect_near",
    "expect_whole_us",
]

Vector = Mapping[str, Any]
Check = Callable[[Vector], None]

RELATIVE_ERROR = 1e-5
"""Of figures that the original computed in single precision."""

BM1391: Family = bm1397.BM1397._replace(**bm1397.BM1391._asdict())
"""On no stick: its frames are all that vectors have of it; the rest of the row is not asked."""

DIFFICULTY_1 = 0xFFFF << 208
"""Target of difficulty 1."""


def expect_near(expected: float, got: float, what: str, error: float = RELATIVE_ERROR) -> None:
    """Raise Mismatch unless both agree but for single precision."""
    if abs(expected - got) > abs(expected) * error:
        raise Mismatch(expected, got, what)


def expect_whole_us(
    expected: float, got: float, what: str, *, us: float = 1.0, scale: float = 1.0
) -> None:
    """Compare what the original computed from a time cut to whole microseconds.

    ``us`` is how many of such microseconds one unit of the value stands for, at least 1 unit is
    allowed where the value itself was cut; ``scale`` converts microseconds to the value's unit.
    """
    allowed = scale * (us + 1) + abs(expected) * RELATIVE_ERROR
    if not -allowed <= got - expected <= allowed:
        raise Mismatch(expected, got, what)


def expect_difficulty(expected: float, block_hash: bytes) -> None:
    """Compare a share difficulty with the one of a hash in header order."""
    expect_near(expected, DIFFICULTY_1 / int.from_bytes(block_hash, "little"), "difficulty", 1e-9)


def expect_items(expected: Mapping[str, Any], got: Mapping[str, Any]) -> None:
    """Compare the values that a vector has; not each has all."""
    for name, value in got.items():
        if name in expected:
            expect(expected[name], value, name)
