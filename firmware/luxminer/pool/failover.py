"""Which pool gives the work: the first of the priority list that works, and no flapping."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

__all__ = ["Candidate", "choose"]


class Candidate(Protocol):
    """What the choice depends on."""

    @property
    def alive(self) -> bool:
        """Enabled, logged in, and has a job."""
        ...

    @property
    def has_job(self) -> bool:
        """Enabled and has a job on a live connection; the login may be unanswered yet."""
        ...

    @property
    def alive_since_s(self) -> float:
        """Monotonic; meaningful while alive."""
        ...

    @property
    def on_probation(self) -> bool:
        """It failed before: it must prove itself before it is preferred to a working pool."""
        ...


C = TypeVar("C", bound=Candidate)


def choose(order: Sequence[C], active: C | None, now_s: float, failback_s: float) -> C | None:
    """Return the pool of ``order`` (best first) to take work from; None when none has any.

    A dead active pool is left at once. A living one is left for a better one that never failed,
    or that has been alive for ``failback_s`` since it did.
    """
    for pool in order:
        if pool is active and (pool.alive or pool.has_job):
            return pool
        if not pool.alive:
            continue
        working = active is not None and active.alive
        if not working or not pool.on_probation or now_s - pool.alive_since_s >= failback_s:
            return pool
    return next((pool for pool in order if pool.has_job), None)
