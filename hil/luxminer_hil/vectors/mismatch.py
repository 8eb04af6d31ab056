"""How a golden vector fails."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

__all__ = ["Mismatch", "expect", "expect_close", "expect_given"]

ROUNDING = 1e-8
"""Vectors with rounded numbers have nine digits after the point, or a double's sixteen in all."""


class Mismatch(AssertionError):
    """The product disagrees with a vector. ``what`` names the part that differs."""

    def __init__(self, expected: object, got: object, what: str = "") -> None:
        text = f"expected {expected!r}, got {got!r}"
        super().__init__(f"{what}: {text}" if what else text)
        self.expected = expected
        self.got = got
        self.what = what


def expect(expected: object, got: object, what: str = "") -> None:
    """Raise Mismatch unless both are equal."""
    if expected != got:
        raise Mismatch(expected, got, what)


def expect_close(expected: float, got: float | Fraction, what: str = "") -> None:
    """Raise Mismatch unless both are equal but for the rounding of the vectors."""
    if abs(got - expected) > ROUNDING * max(1, abs(expected)):
        raise Mismatch(expected, got, what)


def expect_given(vector: Mapping[str, Any], name: str, got: str | int | float | Fraction) -> None:
    """Compare a value that not every vector has; numbers with a point as `expect_close` does."""
    if name not in vector:
        return
    if isinstance(vector[name], float):
        assert not isinstance(got, str)
        expect_close(vector[name], got, name)
    else:
        expect(vector[name], got, name)
