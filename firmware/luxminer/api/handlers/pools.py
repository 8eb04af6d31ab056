"""Commands that change the list of pools. Each is one order; its owner decides."""

from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import AddPoolDetails
from luxminer.control import AddPool, DisablePool, EnablePool, RemovePool, SwitchPool
from luxminer.telemetry.model import PoolSnapshot

__all__ = ["addpool", "disablepool", "enablepool", "removepool", "switchpool"]

ALREADY_ENABLED = 49
ALREADY_DISABLED = 50


async def addpool(context: Context, details: AddPoolDetails) -> Outcome:
    order = AddPool(
        url=details.url, user=details.user, password=details.password, group=details.group
    )
    return Outcome(facts={"id": await context.bus.send(order)})


async def removepool(context: Context, pool: PoolSnapshot) -> Outcome:
    await context.bus.send(RemovePool(pool_id=pool.id))
    return Outcome()


async def switchpool(context: Context, pool: PoolSnapshot) -> Outcome:
    await context.bus.send(SwitchPool(pool_id=pool.id))
    return Outcome()


async def enablepool(context: Context, pool: PoolSnapshot) -> Outcome:
    changed = await context.bus.send(EnablePool(pool_id=pool.id))
    return Outcome(code=None if changed else ALREADY_ENABLED)


async def disablepool(context: Context, pool: PoolSnapshot) -> Outcome:
    changed = await context.bus.send(DisablePool(pool_id=pool.id))
    return Outcome(code=None if changed else ALREADY_DISABLED)
