"""The driver's entry point."""

from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx.spec import spec
from luxminer_drivers.bm1362.facts import BM1362, MODELS

__all__ = ["SPEC"]

SPEC = spec("bm1362", BM1362, MODELS, frozenset({Capability.RESET_LINE, Capability.SECOND_CHANNEL}))
