"""Driver of BM1362 sticks: what the shared one needs to know."""

from luxminer.device.contract import DeviceOptions
from luxminer.transport.base import Transport
from luxminer_drivers.bm13xx.device import open_chain
from luxminer_drivers.bm13xx.plan import Plan
from luxminer_drivers.bm1362 import facts, steps
from luxminer_drivers.common.stick import ChainStick

__all__ = ["PLAN", "open_stick"]

PLAN = Plan(
    kind=facts.BM1362,
    models=facts.MODELS,
    before_count=steps.BEFORE_COUNT,
    bring_up=steps.BRING_UP,
    clock=steps.CLOCK,
    shutdown=steps.SHUTDOWN,
    version_control=facts.VERSION_CONTROL,
)


async def open_stick(transport: Transport, options: DeviceOptions) -> ChainStick:
    """Take charge of an open port. Writes nothing yet. Raises ConfigError for a wrong clock."""
    return await open_chain(PLAN, transport, options)
