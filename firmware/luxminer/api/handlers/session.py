"""Commands about the session itself."""

from luxminer.api.codes import Code
from luxminer.api.fields.totals import SESSION_SECTION
from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Args, Refusal

__all__ = ["end", "logon", "session"]


async def logon(context: Context, _: Args) -> Outcome:
    started = context.sessions.start()
    if started is None:
        raise Refusal(Code.OTHER_SESSION)
    return Outcome(sections=(SESSION_SECTION.of(context.miner, [started]),))


async def session(context: Context, _: Args) -> Outcome:
    return Outcome(sections=(SESSION_SECTION.of(context.miner, [context.sessions.active]),))


async def end(context: Context, _: Args) -> Outcome:
    """``logoff`` has had its id checked by then; ``kill`` needs none."""
    context.sessions.end()
    return Outcome()
