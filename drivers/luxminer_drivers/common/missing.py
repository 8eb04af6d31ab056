"""Chips that a stick should have, and that do not answer."""

from luxminer.device.contract import DeviceOptions, StickModel
from luxminer.errors import ChipsMissing

__all__ = ["chips_expected", "missing_chips"]


def chips_expected(options: DeviceOptions) -> int:
    """Return how many chips a stick should have, 0 when only counting tells and it never did."""
    return options.model.chips or options.chips_before


def missing_chips(found: int, wanted: int, model: StickModel) -> ChipsMissing:
    """Return what is to be said, or raised, when fewer than ``wanted`` chips answer."""
    answered = "1 chip answered" if found == 1 else f"{found} chips answered"
    has = f"a {model.title} has {wanted}" if model.chips else f"this {model.title} had {wanted}"
    return ChipsMissing(f"{answered}, {has}; look at its power, else a chip is dead")
