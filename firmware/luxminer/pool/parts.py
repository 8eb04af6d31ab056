"""How much of all work each pool gets."""

from collections.abc import Sequence

from luxminer.work.job import Stake

__all__ = ["work_parts"]


def work_parts(stakes: Sequence[Stake]) -> dict[int, float]:
    """Return the part of each pool number that has a stake, 0 to 1; together they are 1.

    Groups divide by their quotas, the pools of one by their weights.
    """
    quotas = {stake.group: stake.quota for stake in stakes}
    weights: dict[int, float] = {}
    for stake in stakes:
        weights[stake.group] = weights.get(stake.group, 0.0) + stake.weight
    all_quotas = sum(quotas.values())
    return {
        stake.job.pool_id: stake.quota / all_quotas * stake.weight / weights[stake.group]
        for stake in stakes
    }
