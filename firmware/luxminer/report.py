"""The periodic line in the log about rates, and the table of both ledgers."""

import logging
from collections.abc import Iterator

from luxminer.clock import beat
from luxminer.daemon import Daemon
from luxminer.telemetry.model import DeviceStatus, MinerSnapshot, NonceCounts, ShareTally

__all__ = ["format_rate", "ledger_table", "report_rates"]

log = logging.getLogger(__name__)

UNITS = ((1e15, "PH/s"), (1e12, "TH/s"), (1e9, "GH/s"), (1e6, "MH/s"), (1e3, "kH/s"))


def format_rate(rate_hs: float) -> str:
    """Return hashes per second with the unit that fits."""
    for size, unit in UNITS:
        if rate_hs >= size:
            return f"{rate_hs / size:.2f} {unit}"
    return f"{rate_hs:.0f} H/s"


async def report_rates(daemon: Daemon) -> None:
    """Write one line per interval of the configuration until cancelled."""
    interval_s = daemon.config.log.hashrate_interval_s
    if not interval_s:
        return
    while True:
        await beat(interval_s)
        now = daemon.hub.snapshot()
        alive = sum(device.status is DeviceStatus.ALIVE for device in now.devices)
        log.info(
            "%s (5 min %s) on %d of %d sticks; accepted %d, rejected %d, stale %d, hw errors %d",
            format_rate(now.rates.m1),
            format_rate(now.rates.m5),
            alive,
            len(now.devices),
            now.shares.accepted,
            now.shares.rejected_total,
            now.shares.stale,
            now.nonces.hw_errors,
        )


def ledger_table(now: MinerSnapshot) -> str:
    """Return both ledgers of the whole miner and per stick, with the sums they must have."""
    rows = [("all", now.nonces, now.shares)]
    rows += [(f"stick {device.id}", device.nonces, device.shares) for device in now.devices]
    return "\n".join([*_nonce_rows(rows), "", *_share_rows(rows)])


Row = tuple[str, NonceCounts, ShareTally]


def _nonce_rows(rows: list[Row]) -> Iterator[str]:
    names = f"{'hw errors':>10} +{'duplicates':>11} +{'below':>8} +{'shares':>8}"
    yield f"{'':<10}{'nonces':>9} ={names}"
    for name, nonces, _ in rows:
        sign = "=" if nonces.balanced else "!"
        yield (
            f"{name:<10}{nonces.nonces:>9} {sign}{nonces.hw_errors:>10} +{nonces.duplicates:>11}"
            f" +{nonces.below_target:>8} +{nonces.shares:>8}"
        )


def _share_rows(rows: list[Row]) -> Iterator[str]:
    yield (
        f"{'':<10}{'shares':>9} ={'accepted':>10} +{'rejected':>11} +{'stale':>8} +{'dropped':>8}"
        f" +{'unanswered':>11} +{'waiting':>8}"
    )
    for name, _, shares in rows:
        sign = "=" if shares.balanced else "!"
        yield (
            f"{name:<10}{shares.shares:>9} {sign}{shares.accepted:>10} +{shares.rejected_total:>11}"
            f" +{shares.stale:>8} +{shares.dropped_total:>8} +{shares.unanswered:>11}"
            f" +{shares.waiting:>8}"
        )
        reasons = {**{f"rejected: {r}": n for r, n in shares.rejected.items()}}
        reasons |= {f"dropped: {r}": n for r, n in shares.dropped.items()}
        if name == "all":
            yield from (f"{'':<10}  {reason} {count}" for reason, count in sorted(reasons.items()))
