"""Which pools give the work: the first of the priority list that works, and no flapping.

Or the next one in turn, or several at once. All functions look at what pools are now, nothing else.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

__all__ = ["Candidate", "Useful", "Working", "choose", "divide", "next_in_turn"]


class Working(Protocol):
    """What can give work."""

    @property
    def alive(self) -> bool:
        """Enabled, logged in, and has a job."""
        ...

    @property
    def has_job(self) -> bool:
        """Enabled and has a job on a live connection; the login may be unanswered yet."""
        ...


class Useful(Working, Protocol):
    """What may be left although it could go on."""

    @property
    def left_out(self) -> bool:
        """Not alive because it is of no use, whatever it says: others come first."""
        ...


class Candidate(Useful, Protocol):
    """What the choice by priority depends on."""

    @property
    def alive_since_s(self) -> float:
        """Monotonic; meaningful while alive."""
        ...

    @property
    def on_probation(self) -> bool:
        """It failed before: it must prove itself before it is preferred to a working pool."""
        ...


C = TypeVar("C", bound=Candidate)
U = TypeVar("U", bound=Useful)
W = TypeVar("W", bound=Working)


def choose(order: Sequence[C], active: C | None, now_s: float, failback_s: float) -> C | None:
    """Return the pool of ``order`` (best first) to take work from; None when none has any.

    A dead active pool is left at once. A living one is left for a better one that never failed,
    or that has been alive for ``failback_s`` since it did.
    """
    for pool in order:
        if pool is active and (pool.alive or (pool.has_job and not pool.left_out)):
            return pool
        if not pool.alive:
            continue
        working = active is not None and active.alive
        if not working or not pool.on_probation or now_s - pool.alive_since_s >= failback_s:
            return pool
    return next((pool for pool in order if pool.has_job), None)


def next_in_turn(order: Sequence[U], active: U | None, *, move_on: bool = False) -> U | None:
    """Return ``active`` while it works, else the one after it in ``order`` that does, or None.

    With ``move_on`` it is the last choice instead of the first.
    """
    first = order.index(active) if active is not None and active in order else 0
    turn = [*order[first:], *order[:first]]
    if move_on and active is not None:
        turn = [*turn[1:], *turn[:1]]
    elif active is not None and active in order and active.has_job and not active.left_out:
        return active
    alive = next((pool for pool in turn if pool.alive), None)
    return alive if alive is not None else next((pool for pool in turn if pool.has_job), None)


def divide(members: Sequence[W], quota_of: Callable[[W], float]) -> list[tuple[W, float]]:
    """Return who works at once, with quotas above 0.

    Those with the quota 0 work only while no other does, and then the first of them alone. Those
    without a login work only while nobody has one.
    """
    for ready in ([m for m in members if m.alive], [m for m in members if m.has_job]):
        parts = [(member, quota) for member in ready if (quota := quota_of(member)) > 0]
        if parts or ready:
            return parts or [(ready[0], 1.0)]
    return []
