"""Commands that change the list of pools. Each is one order; its owner decides."""

from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Args
from luxminer.control import AddPool, DisablePool, EnablePool, RemovePool, SwitchPool

__all__ = ["addpool", "disablepool", "enablepool", "removepool", "switchpool"]

ALREADY_ENABLED = 49
ALREADY_DISABLED = 50


async def addpool(context: Context, args: Args) -> Outcome:
    order = AddPool(
        url=args.text("url"),
        user=args.text("user"),
        password=args.text("password"),
        group=args.whole("group_id"),
    )
    return Outcome(facts={"id": await context.bus.send(order)})


async def removepool(context: Context, args: Args) -> Outcome:
    await context.bus.send(RemovePool(pool_id=args.pool().id))
    return Outcome()


async def switchpool(context: Context, args: Args) -> Outcome:
    await context.bus.send(SwitchPool(pool_id=args.pool().id))
    return Outcome()


async def enablepool(context: Context, args: Args) -> Outcome:
    changed = await context.bus.send(EnablePool(pool_id=args.pool().id))
    return Outcome(code=None if changed else ALREADY_ENABLED)


async def disablepool(context: Context, args: Args) -> Outcome:
    changed = await context.bus.send(DisablePool(pool_id=args.pool().id))
    return Outcome(code=None if changed else ALREADY_DISABLED)
