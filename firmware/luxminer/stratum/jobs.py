"""Jobs of one connection that a share may still be made from, bounded in number and in rate.

Ref: docs/sources.md, "Stratum" (stale work, clean jobs).
"""

from collections.abc import Mapping
from fractions import Fraction

from luxminer.limits import TokenBucket
from luxminer.work.job import PoolJob, is_same_work

__all__ = ["CLEAN_BURST", "JOB_BURST", "MAX_VALID_JOBS", "JobBook", "absurdity_of"]

MAX_VALID_JOBS = 64
"""Jobs kept between two clean ones; the oldest goes first."""

JOBS_PER_S = 20.0
JOB_BURST = 500
"""More is no pool: a job comes every few seconds, on test networks every few tenths of one."""

CLEAN_PER_S = 5.0
CLEAN_BURST = 300
"""Clean jobs throw work away, so that fewer are borne."""

LEAST_DIFFICULTY = Fraction(1, 1 << 32)
"""Below, every hash is a share."""

MOST_DIFFICULTY = Fraction(1 << 50)
"""Several times that of the network: no share would ever come."""


def absurdity_of(difficulty: Fraction) -> str:
    """Say what is wrong with a share difficulty; empty for nothing."""
    sane = LEAST_DIFFICULTY <= difficulty <= MOST_DIFFICULTY
    return "" if sane else f"absurd difficulty {float(difficulty):.3g}"


class JobBook:
    """A job stays valid until a clean one, a new previous block, or another job with its id."""

    def __init__(self) -> None:
        self._jobs: dict[str, PoolJob] = {}
        self._rate = TokenBucket(JOBS_PER_S, JOB_BURST)
        self._clean_rate = TokenBucket(CLEAN_PER_S, CLEAN_BURST)
        self.current: PoolJob | None = None

    @property
    def valid(self) -> Mapping[str, PoolJob]:
        """By id, the newest last."""
        return self._jobs

    def is_valid(self, job: PoolJob) -> bool:
        return self._jobs.get(job.job_id) is job

    def resume(self, jobs: Mapping[str, PoolJob]) -> None:
        """Go on with the jobs of an earlier connection; none of them is current."""
        self._jobs = dict(jobs)

    def is_new_block(self, prev_hash: bytes) -> bool:
        before = self.current or next(reversed(self._jobs.values()), None)
        return before is not None and before.prev_hash != prev_hash

    def flood(self, now_s: float, *, clean: bool) -> str:
        """Count a job about to come; returns what is wrong with their number, empty for nothing."""
        if not self._rate.take(now_s):
            return "sends jobs without end"
        if clean and not self._clean_rate.take(now_s):
            return "voids its jobs without end"
        return ""

    def take(self, job: PoolJob) -> PoolJob:
        """Make ``job`` the current one; returns the known one when it was sent once more."""
        known = self._jobs.get(job.job_id)
        current = known if known is not None and is_same_work(known, job) else job
        if job.clean:
            self._jobs.clear()
        self._jobs.pop(job.job_id, None)
        self._jobs[job.job_id] = current
        if len(self._jobs) > MAX_VALID_JOBS:
            del self._jobs[next(iter(self._jobs))]
        self.current = current
        return current
