"""Driver of BM1397 sticks: what the shared one needs to know."""

from luxminer.device.contract import DeviceOptions
from luxminer.transport.base import Transport
from luxminer_drivers.bm13xx.device import open_chain
from luxminer_drivers.bm13xx.facts import FTDI_LOW_BM1397_S, POWER_ON_UART_DIVIDER
from luxminer_drivers.bm13xx.plan import Plan
from luxminer_drivers.bm13xx.steps import Write
from luxminer_drivers.bm1397 import facts, steps
from luxminer_drivers.common.stick import ChainStick

__all__ = ["PLAN", "open_stick"]

SLOW_LINK = (
    Write(
        register=facts.Register.MISC_CONTROL,
        value=facts.MISC_VALUE | POWER_ON_UART_DIVIDER << facts.UART_DIVIDER.shift,
        pause_s=0.011,
        why="back to the rate of a start; bytes on the way need the pause",
    ),
)

PLAN = Plan(
    kind=facts.BM1397,
    models=facts.MODELS,
    before_count=steps.BEFORE_COUNT,
    bring_up=steps.BRING_UP,
    clock=steps.CLOCK,
    chip_clock=steps.CHIP_CLOCK,
    shutdown=steps.SHUTDOWN,
    slow_link=SLOW_LINK,
    reset_low_s=FTDI_LOW_BM1397_S,
    tells_chip=False,
)


async def open_stick(transport: Transport, options: DeviceOptions) -> ChainStick:
    """Take charge of an open port. Writes nothing yet. Raises ConfigError for a wrong clock."""
    return await open_chain(PLAN, transport, options)
