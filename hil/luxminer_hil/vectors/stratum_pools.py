"""Golden vectors of several pools through the product: who gets how many work items."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from luxminer.mining.scheduler import Scheduler
from luxminer.pool.balance import rolling
from luxminer.pool.failover import divide
from luxminer.work.job import Stake
from luxminer_hil.acceptance.host import bench_job
from luxminer_hil.vectors.mismatch import expect, expect_close

__all__ = ["CHECKS"]

Vector = dict[str, Any]


class StandingClock:
    """Work items are handed out at once."""

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return 0.0


@dataclass(frozen=True, kw_only=True)
class Member:
    """A pool as the division of work sees it."""

    number: int
    quota: float
    alive: bool

    @property
    def has_job(self) -> bool:
        return self.alive


def check_quota_split(vector: Vector) -> None:
    """Hand out work items of equal size and count them."""
    members = [
        Member(number=number, quota=float(quota), alive=number not in vector["dead"])
        for number, quota in enumerate(vector["quotas"])
    ]
    rng = random.Random(0)
    scheduler = Scheduler(StandingClock(), lambda _: None)
    scheduler.set_stakes(
        [
            Stake(
                job=replace(bench_job(rng), pool_id=member.number),
                group=member.number,
                quota=quota,
            )
            for member, quota in divide(members, lambda member: member.quota)
        ]
    )
    counts: Counter[int] = Counter()
    for _ in range(vector["work_items"]):
        work = scheduler.next_work(0, 1)
        if work is not None:
            counts[work.job.pool_id] += 1
    expect(vector["items_per_pool"], [counts[member.number] for member in members], "work items")


def check_balance_utility(vector: Vector) -> None:
    utility = 0.0
    intervals = vector["diff1_shares_per_10_minutes"]
    for shares, wanted in zip(intervals, vector["rolling_utility"], strict=True):
        utility = rolling(utility, shares)
        expect_close(wanted, utility, "rolling utility")


CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "quota_split": check_quota_split,
    "balance_utility": check_balance_utility,
}
