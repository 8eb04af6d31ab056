"""The driver's entry point."""

from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx.spec import spec
from luxminer_drivers.bm1387.facts import BM1387, MODELS

__all__ = ["SPEC"]

SPEC = spec(
    "bm1387",
    BM1387,
    MODELS,
    frozenset({Capability.RESET_LINE, Capability.FAST_BAUD}),
    sets_chips=True,
)
