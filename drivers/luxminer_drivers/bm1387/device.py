"""Driver of BM1387 sticks: what the shared one needs to know."""

from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx.device import Plan, spec
from luxminer_drivers.bm13xx.facts import POWER_ON_UART_DIVIDER
from luxminer_drivers.bm13xx.steps import Write
from luxminer_drivers.bm1387 import facts, steps

__all__ = ["SPEC"]

SLOW_LINK = (
    Write(
        register=facts.Register.MISC_CONTROL,
        value=facts.MISC_UART_VALUE | POWER_ON_UART_DIVIDER << facts.UART_DIVIDER.shift,
        pause_s=0.011,
        why="back to the rate of a start; bytes on the way need the pause",
    ),
)

SPEC = spec(
    "bm1387",
    Plan(
        kind=facts.BM1387,
        models=facts.MODELS,
        before_count=steps.BEFORE_COUNT,
        bring_up=steps.BRING_UP,
        clock=steps.CLOCK,
        shutdown=steps.SHUTDOWN,
        slow_link=SLOW_LINK,
        needs=frozenset({Capability.RESET_LINE, Capability.FAST_BAUD}),
    ),
)
"""The entry point."""
