"""Pools, manager and sticks in one process whose clock jumps: an hour of mining in seconds.

Pools judge every share, on a network that the clock knows. Sticks take work at the pace of real
ones and find shares by chance at their rate, of a difficulty that a test can search.
"""

import asyncio
import functools
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, ParamSpec

from luxminer.config.schema import GroupConfig, PoolConfig, StratumConfig
from luxminer.hashing import header_hash
from luxminer.mining.scheduler import NONCES
from luxminer.work.job import Share, WorkItem
from luxminer.work.target import difficulty_of_hash, hash_meets
from luxminer_hil.acceptance.warp import WALL_S
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.outages.loop import WiredWarpLoop
from tests.unit.mining.sticks import Stick
from tests.unit.pool.manager_rig import ManagerRig
from tests.unit.stratum.client_rig import TINY

P = ParamSpec("P")


def warped(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine test on a `WiredWarpLoop`."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(debug=False, loop_factory=WiredWarpLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def timed_pool(seed: int, **settings: Any) -> FakePool:
    """Return a pool that lives in the time of the loop."""
    loop = asyncio.get_running_loop()
    return FakePool(
        difficulty=TINY,
        seed=seed,
        monotonic=loop.time,
        wall=lambda: WALL_S + loop.time(),
        **settings,
    )


class Miners:
    """Sticks on the scheduler of a manager."""

    def __init__(self, rig: ManagerRig, sticks: Sequence[Stick]) -> None:
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        self.rig = rig
        self.idle_s = 0.0
        """Time in which a stick had no work, all together."""
        self.hashed: defaultdict[int, float] = defaultdict(float)
        """Difficulty worked for each pool."""
        self._tasks = [
            asyncio.create_task(self._mine(device_id, stick, random.Random(seed + device_id)))
            for device_id, stick in enumerate(sticks)
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        done, _ = await asyncio.wait(self._tasks)
        for task in done:
            assert task.cancelled(), task

    async def _mine(self, device_id: int, stick: Stick, rng: random.Random) -> None:
        scheduler, loop = self.rig.scheduler, asyncio.get_running_loop()
        await asyncio.sleep(rng.uniform(0, stick.piece_s))
        while True:
            work = scheduler.next_work(device_id, stick.versions)
            started_s, nonce = loop.time(), 0
            changed = asyncio.create_task(scheduler.work_changed(device_id))
            try:
                left_s = stick.piece_s
                while left_s > 0 and not changed.done():
                    find_s = rng.expovariate(stick.rate_hs / NONCES / stick.ticket)
                    await asyncio.wait({changed}, timeout=min(find_s, left_s))
                    if work is not None and find_s < left_s and not changed.done():
                        nonce = self._find(work, stick, device_id, nonce)
                    left_s -= find_s
            finally:
                changed.cancel()
            spent_s = loop.time() - started_s
            if work is None:
                self.idle_s += spent_s
            else:
                self.hashed[work.job.pool_id] += stick.rate_hs * spent_s / NONCES

    def _find(self, work: WorkItem, stick: Stick, device_id: int, nonce: int) -> int:
        """Hand in the next share of a work item from ``nonce`` on; return the nonce after it."""
        state, job = work.midstates[0], work.job
        while not hash_meets(found := header_hash(state, work.tail, nonce), job.share_target):
            nonce += 1
        manager = self.rig.manager
        manager.diff1_found(job, stick.ticket)
        self.rig.scheduler.found(device_id, job, stick.ticket)
        manager.submit(
            Share(
                device_id=device_id,
                work=work,
                nonce=nonce,
                version=work.versions[0],
                block_hash=found,
                difficulty=difficulty_of_hash(found),
                is_block=False,
                found_s=asyncio.get_running_loop().time(),
            )
        )
        return nonce + 1


@asynccontextmanager
async def mining(
    pools: Sequence[PoolConfig],
    sticks: Sequence[Stick],
    *,
    groups: Sequence[GroupConfig] = (),
    config: StratumConfig | None = None,
) -> AsyncIterator[Miners]:
    """Mine with sticks; at the end the manager is stopped in order and its ledger must balance."""
    rates = [stick.rate_hs for stick in sticks]
    rig = ManagerRig(
        pools, config or StratumConfig(), groups=groups, rate_hs=lambda stick: rates[stick]
    )
    rig.task = asyncio.create_task(rig.manager.run())
    miners = Miners(rig, sticks)
    try:
        yield miners
        assert not rig.task.done(), rig.task
    finally:
        await miners.stop()
        await rig.manager.stop()
        rig.task.cancel()
        await asyncio.wait({rig.task})
    assert rig.total.waiting == 0
    assert rig.total.balanced
