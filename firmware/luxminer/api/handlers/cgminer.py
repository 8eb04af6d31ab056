"""Commands that only CGMiner has."""

from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Args

__all__ = ["DEPRECATED", "setconfig"]

DEPRECATED = 127
DEPRECATED_OPTIONS = ("queue", "scantime", "expiry")


async def setconfig(_context: Context, args: Args) -> Outcome:
    """Refuse every name: there is nothing left to set, which the row's code says."""
    is_old = args.text("name") in DEPRECATED_OPTIONS
    return Outcome(code=DEPRECATED if is_old else None)
