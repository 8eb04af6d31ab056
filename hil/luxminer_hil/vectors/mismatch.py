"""How a golden vector fails."""

__all__ = ["Mismatch", "expect"]


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
