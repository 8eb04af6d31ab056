"""Chips that a stick should have, and that do not answer."""

from luxminer.device.contract import StickModel
from luxminer.errors import ChipsMissing

__all__ = ["missing_chips"]


def missing_chips(found: int, wanted: int, model: StickModel) -> ChipsMissing:
    """Return what is to be said, or raised, when fewer than ``wanted`` chips answer."""
    answered = "1 chip answered" if found == 1 else f"{found} chips answered"
    return ChipsMissing(
        f"{answered}, a {model.title} has {wanted}; look at its power, else a chip is dead"
    )
