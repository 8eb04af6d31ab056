"""Temperatures, fans, lights and sleep."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from luxminer.config.schema import AtmConfig, FanConfig, ThermalConfig

__all__ = [
    "FanSnapshot",
    "ThermalSnapshot",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FanSnapshot:
    name: str
    speed_percent: int
    """What it is told now."""
    rpm: int | None
    """None where nothing counts its turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalSnapshot:
    """Settings in force, and what they have come to."""

    limits: ThermalConfig = field(default_factory=ThermalConfig)
    fan: FanConfig = field(default_factory=FanConfig)
    atm: AtmConfig = field(default_factory=AtmConfig)
    fans: tuple[FanSnapshot, ...] = ()
    is_asleep: bool = False
    atm_steps: int = 0
    """Steps from what the owner set that all sticks have taken for the temperature."""
    leds: Mapping[str, str] = field(default_factory=dict)
    """State of each light there is, by its colour: ``on``, ``off``, ``blink`` or ``auto``."""
