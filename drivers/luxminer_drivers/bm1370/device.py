"""Driver of BM1370 sticks: what the shared one needs to know."""

from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx.device import Plan, spec
from luxminer_drivers.bm1370 import facts, steps

__all__ = ["SPEC"]

SPEC = spec(
    "bm1370",
    Plan(
        kind=facts.BM1370,
        models=facts.MODELS,
        before_count=steps.BEFORE_COUNT,
        bring_up=steps.BRING_UP,
        clock=steps.CLOCK,
        shutdown=steps.SHUTDOWN,
        needs=frozenset({Capability.RESET_LINE, Capability.SECOND_CHANNEL}),
        version_control=facts.VERSION_CONTROL,
        tells_chip=False,
        variants={facts.BM1370.chip_id: facts.BM1370, facts.BM1368.chip_id: facts.BM1368},
    ),
)
"""The entry point."""
