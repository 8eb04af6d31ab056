"""Sticks that find shares by chance at their rate; what they find is judged by the real gate."""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from random import Random

from luxminer.hashing import header_hash
from luxminer.mining.scheduler import Scheduler
from luxminer.work.job import NonceFound, WorkItem
from luxminer.work.target import target_of

__all__ = ["TICKET", "mine"]

TICKET = 2e-9
"""Difficulty of the easiest nonce that is reported: one hash in 9."""

TARGET = target_of(Fraction(TICKET))

PIECE_S = 20.0
VERSIONS = 4
MAX_LATENCY_S = 0.5
"""Between a chip and the host: what is found may be for the job before."""


async def mine(
    device_id: int,
    scheduler: Scheduler,
    found: Callable[[NonceFound], None],
    interval_s: float,
    rng: Random,
) -> None:
    """Search for ever; a nonce is found each ``interval_s`` on the average."""
    loop = asyncio.get_running_loop()
    while True:
        work = scheduler.next_work(device_id, VERSIONS)
        end_s, nonce = loop.time() + PIECE_S, rng.getrandbits(31)
        while True:
            find_s = loop.time() + rng.expovariate(1 / interval_s)
            try:
                async with asyncio.timeout_at(min(find_s, end_s)):
                    await scheduler.work_changed(device_id)
                break
            except TimeoutError:
                if find_s >= end_s:
                    break
            if work is not None:
                claim = search(work, device_id, nonce, find_s, rng)
                nonce = claim.nonce + 1
                loop.call_later(rng.uniform(0.0, MAX_LATENCY_S), found, claim)


def search(work: WorkItem, device_id: int, nonce: int, now_s: float, rng: Random) -> NonceFound:
    """Return the next nonce of the ticket's difficulty in one of the versions of a work item."""
    which = rng.randrange(len(work.versions))
    state, target = work.midstates[which], TARGET
    # From anywhere, so that a pool's record names one share, though it lacks the version.
    while int.from_bytes(header_hash(state, work.tail, nonce), "little") > target:
        nonce += 1
    return NonceFound(
        device_id=device_id,
        chip=0,
        work=work,
        nonce=nonce,
        version=work.versions[which],
        found_s=now_s,
    )
