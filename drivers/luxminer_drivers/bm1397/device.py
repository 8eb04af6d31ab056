"""Driver of BM1397 sticks: what the shared one needs to know."""

from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx.device import Plan, spec
from luxminer_drivers.bm13xx.facts import FTDI_LOW_BM1397_S, POWER_ON_UART_DIVIDER
from luxminer_drivers.bm13xx.steps import Write
from luxminer_drivers.bm1397 import facts, steps

__all__ = ["SPEC"]

SLOW_LINK = (
    Write(
        register=facts.Register.MISC_CONTROL,
        value=facts.MISC_VALUE | POWER_ON_UART_DIVIDER << facts.UART_DIVIDER.shift,
        pause_s=0.011,
        why="back to the rate of a start; bytes on the way need the pause",
    ),
)

SPEC = spec(
    "bm1397",
    Plan(
        kind=facts.BM1397,
        models=facts.MODELS,
        before_count=steps.BEFORE_COUNT,
        bring_up=steps.BRING_UP,
        clock=steps.CLOCK,
        shutdown=steps.SHUTDOWN,
        slow_link=SLOW_LINK,
        needs=frozenset({Capability.RESET_LINE, Capability.FAST_BAUD}),
        reset_low_s=FTDI_LOW_BM1397_S,
        tells_chip=False,
    ),
)
"""The entry point."""
