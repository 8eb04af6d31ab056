"""How far the chips of a stick can be driven: beyond it they err, the more the further.

Plausible, not measured: real chips err in this way, at other figures, and no two alike. The highest
clock without errors rises with the core voltage and falls with warmth.
"""

from dataclasses import dataclass

__all__ = ["Silicon"]

LOST_PART = 0.1
"""Of the highest clock without errors: so far beyond it every nonce is wrong."""

WARM_C = 60.0
PER_DEGREE = 0.002
"""Part of the highest clock without errors that each degree above `WARM_C` costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silicon:
    """Chips of one lot."""

    stable_mhz: float
    """Highest clock without errors, at the nominal core voltage and not warmer than `WARM_C`."""
    nominal_mv: int
    """Core voltage for which that holds; 0 where nothing sets it."""

    def limit_mhz(self, core_mv: int | None = None, temperature_c: float = 0.0) -> float:
        """Return the highest clock without errors; None for a voltage that nothing sets."""
        warm = 1.0 - PER_DEGREE * max(temperature_c - WARM_C, 0.0)
        fed = 1.0
        if core_mv is not None and self.nominal_mv > 0:
            fed = core_mv / self.nominal_mv
        return self.stable_mhz * max(warm, 0.0) * fed

    def wrong_part(
        self, mhz: float, core_mv: int | None = None, temperature_c: float = 0.0
    ) -> float:
        """Return how many of its nonces a chip gets wrong, 0 to 1."""
        limit_mhz = self.limit_mhz(core_mv, temperature_c)
        excess = mhz - limit_mhz
        if excess <= 0.0:
            return 0.0
        width_mhz = limit_mhz * LOST_PART
        return min((excess / width_mhz) ** 2, 1.0) if width_mhz > 0.0 else 1.0
