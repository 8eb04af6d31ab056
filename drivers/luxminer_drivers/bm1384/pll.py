"""Clock of a BM1384: dividers for a wanted frequency, and the frequency of given dividers.

Ref: REFERENCE.md, "Clock".
"""

import math
from dataclasses import dataclass

from luxminer_drivers.bm1384 import facts

__all__ = ["Pll", "choose_pll", "round_up_mhz"]

FLOAT_NOISE = 1e-6
"""Part of a step by which a request may exceed it before it means the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pll:
    """Divider fields as the chip stores them: ``m`` and ``n`` count from 0, ``od`` is a power."""

    m: int
    n: int
    od: int

    @property
    def mhz(self) -> float:
        """Clock that these dividers give, exact in binary for all clocks that we choose."""
        return facts.PLL_REFERENCE_MHZ * (self.m + 1) / ((self.n + 1) << self.od)

    def encode(self) -> int:
        """Return the 16-bit value of WRITE_PLL."""
        value = 0
        for field in (facts.PLL_M, facts.PLL_N, facts.PLL_OD):
            part: int = getattr(self, field.name)
            assert 0 <= part < 1 << field.width, (field, part)
            value |= part << field.shift
        return value

    @classmethod
    def decode(cls, value: int) -> "Pll":
        """Read the 16-bit value of WRITE_PLL."""
        fields = (facts.PLL_M, facts.PLL_N, facts.PLL_OD)
        return cls(**{f.name: value >> f.shift & ((1 << f.width) - 1) for f in fields})


def round_up_mhz(mhz: float, step_mhz: float = facts.STEP_MHZ) -> float:
    """Return the next multiple of ``step_mhz`` that is not below ``mhz``."""
    return math.ceil(mhz / step_mhz - FLOAT_NOISE) * step_mhz


def choose_pll(mhz: float) -> Pll:
    """Return the dividers for ``mhz``, rounded up to a clock that they can give.

    Steps are 6.25 MHz below 400 MHz and 12.5 MHz from there on. The values are the ones that are
    proven on sticks. Raises ValueError outside 6.25 to 500 MHz.
    """
    if not facts.MIN_MHZ <= mhz <= facts.MAX_MHZ:
        raise ValueError(f"{mhz} MHz: a BM1384 runs at {facts.MIN_MHZ} to {facts.MAX_MHZ} MHz")
    clock = round_up_mhz(mhz)
    if clock >= facts.COARSE_FROM_MHZ:
        clock = round_up_mhz(mhz, facts.COARSE_STEP_MHZ)
    od = max(facts.PLL_BANDS, key=lambda band: (band.from_mhz <= clock, band.from_mhz)).od
    is_whole = clock < facts.PLL_FINE_FROM_MHZ or clock % facts.PLL_WHOLE_MHZ == 0
    n = 0 if is_whole else 1
    return Pll(m=round(clock * ((n + 1) << od) / facts.PLL_REFERENCE_MHZ) - 1, n=n, od=od)
