"""Commands about the session itself."""

from luxminer.api.codes import Code
from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Refusal
from luxminer.api.replies import one

__all__ = ["end", "logon", "session"]


async def logon(context: Context, _: None) -> Outcome:
    started = context.sessions.start()
    if started is None:
        raise Refusal(Code.OTHER_SESSION)
    return Outcome(sections=(one("SESSION", {"SessionID": started}),))


async def session(context: Context, _: None) -> Outcome:
    return Outcome(sections=(one("SESSION", {"SessionID": context.sessions.active}),))


async def end(context: Context, _: None) -> Outcome:
    """``logoff`` has had its id checked by then; ``kill`` needs none."""
    context.sessions.end()
    return Outcome()
