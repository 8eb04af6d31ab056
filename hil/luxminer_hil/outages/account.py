"""What became of the hash time: each second of work is booked by what its pool was worth then.

Times are those of the warped loop. A stretch of time ends whenever a pool fails or works again,
and whenever other jobs are to be mined.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from luxminer.work.job import Stake
from luxminer_hil.outages.kinds import Kind

__all__ = ["Account", "Failure"]

NEAR_S = 1.0
"""A job that ends takes what was found just before with it."""

MAX_JOB_ENDS = 1000

AFTER_S = 200.0
"""So long after a failure it can still be felt: back-off, login, and the patience with a share."""


@dataclass(slots=True, eq=False)
class Failure:
    """One failure of one pool."""

    kind: Kind
    pool: int | None
    """None for all of them, when the network fails."""
    from_s: float
    to_s: float
    """When it is over; at once for what only happens."""
    most_part: float = 0.0
    """Of all work that the pool had meanwhile."""
    cost_s: float = 0.0
    """Hash time spent on work that counts nowhere because of it."""
    stayed_s: float = 0.0
    """Time in which the pool had work because of nothing else, while another one could have it."""


@dataclass(slots=True)
class Account:
    """``now_s`` is the loop's clock; ``others_alive`` tells whether we have another pool."""

    now_s: Callable[[], float]
    others_alive: Callable[[int], bool]
    since_s: float = 0.0
    parts: dict[int, float] = field(default_factory=dict)
    """Of all work, by pool."""
    under_way: dict[int, Failure] = field(default_factory=dict)
    """By pool."""
    network: Failure | None = None
    """Under way, too."""
    failures: list[Failure] = field(default_factory=list)
    job_ends: defaultdict[int, deque[float]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=MAX_JOB_ENDS))
    )
    """When a pool's job to mine was replaced, of late."""
    no_pool_s: float = 0.0
    """No pool would have given work, or taken a share."""
    handshake_s: float = 0.0
    """One would have, and there was nothing to mine: waiting to log in, or logging in."""
    switching_s: float = 0.0
    """Worked for a pool where it counted nowhere, while another one would have counted it."""
    total_s: float = 0.0
    _jobs: dict[int, object] = field(default_factory=dict)

    def settle(self, pools: int) -> None:
        """Book the time since the last call."""
        now_s = self.now_s()
        spent_s, self.since_s = now_s - self.since_s, now_s
        self.total_s += spent_s
        if spent_s <= 0:
            return
        can_serve = self.network is None and any(
            pool not in self.under_way or self.under_way[pool].kind.serves for pool in range(pools)
        )
        if not self.parts:
            if can_serve:
                self.handshake_s += spent_s
            else:
                self.no_pool_s += spent_s
        for pool, part in self.parts.items():
            failure = self.network or self.under_way.get(pool)
            if failure is None or failure.kind.counts:
                continue
            failure.most_part = max(failure.most_part, part)
            failure.cost_s += part * spent_s
            if not can_serve:
                self.no_pool_s += part * spent_s
            else:
                self.switching_s += part * spent_s
                if self.others_alive(pool):
                    failure.stayed_s += spent_s

    def mined(self, stakes: Sequence[Stake], parts: dict[int, float]) -> None:
        """Take what is to be mined from now on; the time before has to be settled."""
        jobs: dict[int, object] = {stake.job.pool_id: stake.job for stake in stakes}
        for pool, job in self._jobs.items():
            if jobs.get(pool) is not job:
                self.job_ends[pool].append(self.now_s())
        self._jobs, self.parts = jobs, parts

    def explains(self, pool: int, fate: str, found_s: float) -> bool:
        """Tell whether a share that was found for a pool may have come to this end."""
        if fate in ("stale", "rejected: stale") and any(
            -NEAR_S <= end_s - found_s <= NEAR_S for end_s in self.job_ends[pool]
        ):
            return True
        return any(
            failure.pool in (None, pool)
            and fate in failure.kind.fates
            and failure.from_s - AFTER_S <= found_s <= failure.to_s + AFTER_S
            for failure in self.failures
        )

    @property
    def bound_s(self) -> float:
        """Hash time that switching may cost: of each failure, its bound times its part."""
        return sum(
            min(failure.kind.bound_s, failure.to_s - failure.from_s) * failure.most_part
            for failure in self.failures
            if not failure.kind.counts
        )

    @property
    def lost_s(self) -> float:
        """All hash time that counts nowhere."""
        return self.no_pool_s + self.handshake_s + self.switching_s

    def by_kind(self) -> dict[str, tuple[int, float, float]]:
        """Return number, cost, and the longest stay of each kind of failure."""
        times = Counter(failure.kind.name for failure in self.failures)
        return {
            name: (
                count,
                sum(f.cost_s for f in self.failures if f.kind.name == name),
                max(f.stayed_s for f in self.failures if f.kind.name == name),
            )
            for name, count in times.items()
        }
