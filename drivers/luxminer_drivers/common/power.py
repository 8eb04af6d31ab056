"""What each chip family takes for its work, for estimates where nothing measures the power.

The figures are those of its maker for the machine that each chip was made for, at the wall and at
its rated clock. A stick at another clock or core voltage, with another regulator, differs: by a
third in either direction is nothing unusual.

Ref: data sheets of the makers. Antminer S1 180 GH/s at 360 W, S5 1155 GH/s at 590 W, S9 13.5 TH/s
at 1323 W, S17 53 TH/s at 2385 W, S19j Pro 100 TH/s at 2950 W, S21 Pro 234 TH/s at 3510 W; Block
Erupter USB 336 MH/s at 2.5 W.
"""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["JOULES_PER_GH"]

JOULES_PER_GH: Mapping[str, float] = MappingProxyType(
    {
        "BE100": 2.5 / 0.336,
        "BM1380": 360 / 180,
        "BM1384": 590 / 1155,
        "BM1387": 1323 / 13_500,
        "BM1397": 2385 / 53_000,
        "BM1362": 2950 / 100_000,
        "BM1370": 3510 / 234_000,
    }
)
"""By the name of the family; watts for a billion hashes per second."""
