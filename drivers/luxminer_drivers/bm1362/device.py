"""Driver of BM1362 sticks: what the shared one needs to know."""

from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx.device import Plan, spec
from luxminer_drivers.bm1362 import facts, steps

__all__ = ["SPEC"]

SPEC = spec(
    "bm1362",
    Plan(
        kind=facts.BM1362,
        models=facts.MODELS,
        before_count=steps.BEFORE_COUNT,
        bring_up=steps.BRING_UP,
        clock=steps.CLOCK,
        shutdown=steps.SHUTDOWN,
        needs=frozenset({Capability.RESET_LINE, Capability.SECOND_CHANNEL}),
        version_control=facts.VERSION_CONTROL,
    ),
)
"""The entry point."""
