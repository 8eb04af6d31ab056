"""Clock of a BM1380: dividers for a wanted frequency, and the frequency of given dividers.

Ref: REFERENCE.md, "Clock".
"""

from dataclasses import dataclass

from luxminer_drivers.bm1380 import facts
from luxminer_drivers.common.facts import BitField
from luxminer_drivers.common.fields import get_bits, put_bits

__all__ = ["Pll", "choose_pll"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pll:
    """Divider fields as the chip stores them: ``m`` and ``n`` count from 0, ``od`` is a power."""

    m: int
    n: int
    od: int

    @property
    def mhz(self) -> float:
        return facts.CRYSTAL_MHZ * (self.m + 1) / ((self.n + 1) << self.od)

    def encode(self) -> int:
        """Return the 16-bit value of the clock command."""
        band = facts.BAND_FROM_MHZ <= self.mhz * (1 << self.od) <= facts.BAND_TO_MHZ
        return (
            put_bits(facts.PLL_BAND, band)
            | put_bits(facts.PLL_M, self.m)
            | put_bits(facts.PLL_N, self.n)
            | put_bits(facts.PLL_OD, self.od)
        )

    @classmethod
    def decode(cls, value: int) -> "Pll":
        """Read the 16-bit value of the clock command; the band follows from the rest."""
        return cls(
            m=get_bits(value, facts.PLL_M),
            n=get_bits(value, facts.PLL_N),
            od=get_bits(value, facts.PLL_OD),
        )


def choose_pll(mhz: float) -> Pll:
    """Return the dividers whose clock is nearest to ``mhz``; of several those with the smallest.

    They are the ones that the original finds for each clock that it can give exactly. Raises
    ValueError outside 100 to 500 MHz.
    """
    if not facts.MIN_MHZ <= mhz <= facts.MAX_MHZ:
        raise ValueError(f"{mhz} MHz: a BM1380 runs at {facts.MIN_MHZ} to {facts.MAX_MHZ} MHz")
    found = [
        Pll(m=m, n=n, od=od)
        for od in range(_size(facts.PLL_OD))
        for n in range(_size(facts.PLL_N))
        if 0 <= (m := round(mhz * ((n + 1) << od) / facts.CRYSTAL_MHZ) - 1) < _size(facts.PLL_M)
    ]
    in_range = [pll for pll in found if facts.MIN_MHZ <= pll.mhz <= facts.MAX_MHZ]
    return min(in_range, key=lambda pll: abs(pll.mhz - mhz))


def _size(field: BitField) -> int:
    return 1 << field.width
