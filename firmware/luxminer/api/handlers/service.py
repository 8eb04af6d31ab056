"""Commands about the service: its log, its settings, its end."""

from luxminer.api.fields.service import DEBUG_SECTION, USBSTATS_SECTION, level_after, transfers
from luxminer.api.handlers.context import Context, Handler, Outcome
from luxminer.api.params import Args
from luxminer.control import Command
from luxminer.control.service import ResetConfig, SaveConfig, SetLogLevel
from luxminer.control.zero import Zero, ZeroWhat

__all__ = [
    "NO_STATISTICS",
    "ZEROED_SILENTLY",
    "ZERO_WORDS",
    "debug",
    "logset",
    "order",
    "resetconfig",
    "save",
    "usbstats",
    "zero",
]

ZEROED_SILENTLY = 97
ZERO_WORDS = {what.lower(): what for what in ZeroWhat}
NO_STATISTICS = 88


def order(command: Command) -> Handler:
    """Make the handler that sends this order and says no more than that it was accepted."""

    async def handle(context: Context, _: Args) -> Outcome:
        await context.bus.send(command)
        return Outcome()

    return handle


async def save(context: Context, args: Args) -> Outcome:
    path = await context.bus.send(SaveConfig(name=args.text("file")))
    return Outcome(facts={"file": path})


async def resetconfig(context: Context, _: Args) -> Outcome:
    return Outcome(facts={"file": await context.bus.send(ResetConfig())})


async def logset(context: Context, args: Args) -> Outcome:
    await context.bus.send(SetLogLevel(level=args.text("level")))
    return Outcome()


async def debug(context: Context, args: Args) -> Outcome:
    level = context.miner.log_level
    wanted = level_after(args.text("setting"), level)
    if wanted != level:
        await context.bus.send(SetLogLevel(level=wanted))
    return Outcome(sections=(DEBUG_SECTION.of(context.miner, [wanted]),))


async def zero(context: Context, args: Args) -> Outcome:
    what = ZERO_WORDS[args.text("which")]
    is_told = args.flag("summary")
    await context.bus.send(Zero(what=what, is_told=is_told))
    return Outcome(code=None if is_told else ZEROED_SILENTLY, facts={"which": str(what)})


async def usbstats(context: Context, _: Args) -> Outcome:
    """One row per stick and kind; without sticks there is another code."""
    found = transfers(context.miner)
    return Outcome(
        sections=(USBSTATS_SECTION.of(context.miner, found),),
        code=None if found else NO_STATISTICS,
    )
