"""Orders about temperatures, fans, lights and sleep."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from luxminer.control.bus import Command

__all__ = ["Curtail", "Heat", "SetHeat", "SetLed"]


class Heat(StrEnum):
    """A section of the configuration that is changed by order."""

    THERMAL = "thermal"
    FAN = "fan"
    ATM = "atm"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetHeat(Command):
    """Change settings of one section; those that are not named stay.

    Refused: ``invalid`` (the values do not go together), ``no-fan``, ``unknown-profile``.
    """

    section: Heat
    settings: Mapping[str, float | str | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curtail(Command):
    """Let all sticks sleep, or mine again. Result: False when they do so already.

    Refused: ``failed`` (it holds now, but not after a restart).
    """

    sleep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLed(Command):
    """Set a light of the machine: ``on``, ``off``, ``blink``, or ``auto`` as it was before.

    Refused: ``no-led``, ``failed``.
    """

    color: str
    state: str
