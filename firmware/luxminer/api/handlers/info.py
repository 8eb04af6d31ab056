"""Commands that only show something."""

from collections.abc import Iterable

from luxminer.api.columns import Row, make_row
from luxminer.api.fields.config import CONFIG
from luxminer.api.fields.devices import DEVDETAILS, DEVICE
from luxminer.api.fields.events import EVENT
from luxminer.api.fields.pools import POOL
from luxminer.api.fields.totals import COIN, SUMMARY, VERSION
from luxminer.api.handlers.context import Context, Outcome, each
from luxminer.api.replies import one, rows
from luxminer.telemetry.model import DeviceSnapshot, MinerSnapshot

__all__ = [
    "asc",
    "asccount",
    "check",
    "coin",
    "config",
    "devdetails",
    "devs",
    "edevs",
    "events",
    "pgacount",
    "pools",
    "privileged",
    "summary",
    "version",
    "visible",
]


async def version(context: Context, _: None) -> Outcome:
    return Outcome(sections=(one("VERSION", make_row(VERSION, context.miner, None)),))


async def config(context: Context, _: None) -> Outcome:
    return Outcome(sections=(one("CONFIG", make_row(CONFIG, context.miner, None)),))


async def summary(context: Context, _: None) -> Outcome:
    return Outcome(sections=(one("SUMMARY", make_row(SUMMARY, context.miner, None)),))


async def coin(context: Context, _: None) -> Outcome:
    return Outcome(sections=(one("COIN", make_row(COIN, context.miner, None)),))


async def devs(context: Context, _: None) -> Outcome:
    return await _device_list(context.miner, context.miner.devices)


async def edevs(context: Context, age_s: int) -> Outcome:
    """CGMiner counts the hidden ones too."""
    return await _device_list(context.miner, visible(context.miner, age_s))


async def asc(context: Context, device: DeviceSnapshot) -> Outcome:
    row = make_row(DEVICE, context.miner, device)
    return Outcome(sections=(rows("ASC", [row]),), facts={"id": device.id})


async def asccount(context: Context, _: None) -> Outcome:
    return _count("ASCS", len(context.miner.devices))


async def pgacount(_context: Context, _: None) -> Outcome:
    return _count("PGAS", 0)


async def devdetails(context: Context, _: None) -> Outcome:
    miner = context.miner
    found = await each(lambda device: make_row(DEVDETAILS, miner, device), miner.devices)
    return Outcome(sections=(rows("DEVDETAILS", found),))


async def pools(context: Context, _: None) -> Outcome:
    miner = context.miner
    listed = await each(lambda pool: make_row(POOL, miner, pool), miner.pools)
    return Outcome(sections=(rows("POOLS", listed),), facts={"count": len(miner.pools)})


async def events(context: Context, _: None) -> Outcome:
    miner = context.miner
    listed = await each(lambda event: make_row(EVENT, miner, event), miner.events)
    return Outcome(sections=(rows("EVENTS", listed),))


async def check(context: Context, command: str) -> Outcome:
    exists, allowed = context.may_use(command)
    row: Row = {"Exists": "Y" if exists else "N", "Access": "Y" if allowed else "N"}
    return Outcome(sections=(one("CHECK", row),))


async def privileged(_context: Context, _: None) -> Outcome:
    """Says by its mere success that the caller may change things."""
    return Outcome()


def visible(miner: MinerSnapshot, age_s: int) -> list[DeviceSnapshot]:
    """Sticks that are there, and those pulled less than ``age_s`` ago."""
    since_s = miner.wall_s - age_s
    return [
        device
        for device in miner.devices
        if device.present or (device.gone_wall_s is not None and device.gone_wall_s > since_s)
    ]


async def _device_list(miner: MinerSnapshot, devices: Iterable[DeviceSnapshot]) -> Outcome:
    found = await each(lambda device: make_row(DEVICE, miner, device), devices)
    return Outcome(sections=(rows("DEVS", found),), facts={"count": len(miner.devices)})


def _count(key: str, count: int) -> Outcome:
    return Outcome(sections=(one(key, {"Count": count}),))
