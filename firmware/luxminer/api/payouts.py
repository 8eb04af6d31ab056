"""Whom the current job of a pool pays, in one line.

What takes a coinbase apart is imported when somebody asks, never before.
"""

from luxminer.telemetry.model import PoolSnapshot

__all__ = ["MAX_SHOWN", "shown_outputs"]

MAX_SHOWN = 16
"""Outputs in the line; pools that pay their miners in the block have hundreds."""

SAT_PER_BTC = 100_000_000


def shown_outputs(pool: PoolSnapshot) -> str:
    """Return ``3.12500000 bc1q..., 0.00000000 witness commitment``; empty before there is a job.

    Addresses are spelt for the network of the expected address, or of the one that is the user.
    """
    if not pool.coinbase:
        return ""
    from luxminer.work.coinbase import parse_coinbase
    from luxminer.work.payout import network_of, payouts

    try:
        coinbase = parse_coinbase(pool.coinbase)
    except ValueError as exc:
        return f"cannot tell: {exc}"
    outputs = payouts(coinbase, network_of(pool.payout, pool.user))
    lines = [
        f"{each.value_sat // SAT_PER_BTC}.{each.value_sat % SAT_PER_BTC:08d} {each.to}"
        for each in outputs[:MAX_SHOWN]
    ]
    if len(outputs) > MAX_SHOWN:
        lines.append(f"{len(outputs) - MAX_SHOWN} more")
    return ", ".join(lines)
