"""Commands that change the list of pools. Each is one order; its owner decides."""

from dataclasses import fields

from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Args, Refusal
from luxminer.control import (
    AddGroup,
    AddPool,
    DisablePool,
    EnablePool,
    RemoveGroup,
    RemovePool,
    SetPoolOptions,
    SetPoolQuota,
    SetPriority,
    SetQuota,
    SwitchPool,
)
from luxminer.telemetry.model import PoolOptions

__all__ = [
    "DUPLICATE_POOL",
    "OPTIONS",
    "addgroup",
    "addpool",
    "disablepool",
    "enablepool",
    "groupquota",
    "pooloptsset",
    "poolpriority",
    "poolquota",
    "removegroup",
    "removepool",
    "switchpool",
]

OPTIONS = tuple(each.name for each in fields(PoolOptions))
"""Settings of ``[stratum]`` that can be changed while it mines."""

ALREADY_ENABLED = 49
ALREADY_DISABLED = 50
DUPLICATE_POOL = 74


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


async def poolpriority(context: Context, args: Args) -> Outcome:
    pool_ids = tuple(pool.id for pool in args.many("pool_id"))
    for number, pool_id in enumerate(pool_ids):
        if pool_id in pool_ids[:number]:
            raise Refusal(DUPLICATE_POOL, id=pool_id)
    await context.bus.send(SetPriority(pool_ids=pool_ids))
    return Outcome()


async def poolquota(context: Context, args: Args) -> Outcome:
    pool, quota = args.pool(), args.number("quota")
    await context.bus.send(SetPoolQuota(pool_id=pool.id, quota=quota))
    return Outcome(facts={"quota": f"{quota:g}"})


async def addgroup(context: Context, args: Args) -> Outcome:
    order = AddGroup(name=args.text("name"), quota=args.number("quota"))
    return Outcome(facts={"id": await context.bus.send(order)})


async def removegroup(context: Context, args: Args) -> Outcome:
    group = args.group()
    await context.bus.send(RemoveGroup(group_id=group.id))
    return Outcome(facts={"name": group.name})


async def groupquota(context: Context, args: Args) -> Outcome:
    group, quota = args.group(), args.number("quota")
    await context.bus.send(SetQuota(group_id=group.id, quota=quota))
    return Outcome(facts={"name": group.name, "quota": f"{quota:g}"})


async def pooloptsset(context: Context, args: Args) -> Outcome:
    options = {name: args.number(name) for name in OPTIONS if args.given(name)}
    await context.bus.send(SetPoolOptions(options=options))
    return Outcome()
