"""How chips are judged, and what came of it."""

from dataclasses import dataclass

__all__ = ["ChipVerdict", "HealthSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings:
    readings: int = 120
    """Seconds that a chip is watched at least."""
    factor: float = 0.2
    """Part of the expected nonces that makes it healthy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipVerdict:
    """The last span of time that a chip was judged by."""

    found: int
    """Nonces in it."""
    expected: float
    least: int
    """What makes it healthy."""
    wall_s: float
    """When it was judged."""

    @property
    def is_healthy(self) -> bool:
        return self.found >= self.least
