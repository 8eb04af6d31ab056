"""``metrics``: what the miner did, in spans of time."""

import re

from luxminer.api.codes import Code
from luxminer.api.columns import make_row
from luxminer.api.fields.metrics import METRICS_SECTION
from luxminer.api.handlers.context import Context, Outcome, each
from luxminer.api.params import Args, Refusal
from luxminer.api.replies import rows
from luxminer.telemetry.model import Bucket

__all__ = ["BUCKETS_S", "LATEST", "metrics"]

BUCKETS_S = {"1m": 60, "5m": 300, "1h": 3600, "1d": 86400}
UNITS_S = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
WINDOW = re.compile(r"([0-9]{1,6})([mhdw])")
LATEST, NOW = "latest", "now"


async def metrics(context: Context, args: Args) -> Outcome:
    """Show the newest complete bucket, those of a window, or the one under way."""
    miner, size_s, window = context.miner, BUCKETS_S[args.text("bucket")], args.text("window")
    match = WINDOW.fullmatch(window)
    if match is not None:
        since_wall_s = miner.wall_s - int(match[1]) * UNITS_S[match[2]]
    elif window in (LATEST, NOW):
        since_wall_s = miner.wall_s - 2 * size_s
    else:
        said = {"name": "window", "value": window[:60], "expected": "30m, 6h, 7d, 2w, latest, now"}
        raise Refusal(Code.INVALID_PARAMETER, **said)
    partial = args.flag("partial") or window == NOW
    found: list[Bucket] = []
    if miner.history is not None and window != NOW:
        found += miner.history.buckets(size_s, since_wall_s, partial=False)
    if window == LATEST:
        found = found[-1:]
    if miner.history is not None and partial:
        found += miner.history.buckets(size_s, miner.wall_s, partial=True)[-1:]
    made = await each(lambda bucket: make_row(METRICS_SECTION.columns, miner, bucket), found)
    return Outcome(sections=(rows(METRICS_SECTION.key, made),), facts={"count": len(made)})
