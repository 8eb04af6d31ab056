"""What is known of a stick's temperature and of the fan on it."""

from typing import NamedTuple

__all__ = ["Heat"]


class Heat(NamedTuple):
    """None is what it does not have, or does not tell while it is not up."""

    is_up: bool = False
    temperature_c: float | None = None
    fan_percent: int | None = None
    """What its fan is told."""
    fan_rpm: int | None = None
