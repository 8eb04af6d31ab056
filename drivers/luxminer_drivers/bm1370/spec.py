"""The driver's entry point."""

from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx.spec import spec
from luxminer_drivers.bm1370.facts import BM1370, MODELS

__all__ = ["SPEC"]

SPEC = spec("bm1370", BM1370, MODELS, frozenset({Capability.RESET_LINE, Capability.SECOND_CHANNEL}))
