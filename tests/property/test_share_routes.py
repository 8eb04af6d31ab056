"""A share never leaves for another pool, user or extranonce than those of its job.

Ten thousand random histories of pools, groups, orders, breaks and late shares: whatever happens,
each pool rebuilds from what arrives there the very header that was made from a job of its own.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from luxminer.config.schema import GroupConfig, PoolConfig, StratumConfig
from luxminer.control import (
    AddGroup,
    AddPool,
    Command,
    CommandBus,
    DisablePool,
    EnablePool,
    RemoveGroup,
    RemovePool,
    SetPriority,
    SetQuota,
    SetStrategy,
    SwitchPool,
)
from luxminer.errors import CommandError
from luxminer.hashing import header_hash
from luxminer.mining.scheduler import Scheduler
from luxminer.pool.group import Strategy
from luxminer.pool.manager import PoolManager
from luxminer.work.job import Share, WorkItem
from luxminer.work.target import difficulty_of_hash
from luxminer_hil.acceptance.warp import LoopClock
from tests.property.memory_pools import MemoryLoop, MemoryPool

HISTORIES = 10_000
PARTS = 4

POOLS = 3
STEPS = 15

QUICK = StratumConfig(retry_min_s=0.1, retry_max_s=0.5, failback_s=1.0, share_timeout_s=20.0)


class History:
    """One life of a manager. Everything random comes from ``rng``."""

    def __init__(self, loop: MemoryLoop, rng: random.Random) -> None:
        self.rng = rng
        self.loop = loop
        self.pools = [
            MemoryPool(1000 + n, f"wallet{n}", random.Random(rng.random())) for n in range(POOLS)
        ]
        loop.listening = {pool.port: pool for pool in self.pools if rng.random() < 0.9}
        self.bus = CommandBus()
        clock = LoopClock()
        self.scheduler = Scheduler(clock, lambda job: None)
        groups = [
            GroupConfig(name=f"g{n}", quota=rng.choice([0, 1, 3]), strategy=rng.choice([*Strategy]))
            for n in range(rng.choice([1, 1, 2, 3]))
        ]
        self.manager = PoolManager(
            [self.config(pool, rng.choice(groups).name) for pool in self.pools],
            QUICK,
            groups=groups,
            clock=clock,
            rng=rng,
            agent="history",
            on_stakes=self.scheduler.set_stakes,
            on_version_mask=self.scheduler.set_version_mask,
            bus=self.bus,
        )
        self.works: list[WorkItem] = []
        self.found: dict[bytes, Share] = {}
        self._nonce = 0

    @staticmethod
    def config(pool: MemoryPool, group: str) -> PoolConfig:
        url = f"stratum+tcp://127.0.0.1:{pool.port}"
        return PoolConfig(url=url, user=pool.wallet, group=group)

    async def live(self) -> None:
        task = asyncio.create_task(self.manager.run())
        try:
            await asyncio.sleep(self.rng.choice([0.0, 0.0, 0.5]))
            for _ in range(STEPS):
                await self.rng.choice(self.acts())()
                self.mine()
                await asyncio.sleep(self.rng.choice([0, 0, 0, 0.01, 0.3, 1.5]))
            assert not task.done(), task
        finally:
            if self.rng.random() < 0.9:  # else the end waits for answers
                self.loop.listening.clear()
                for pool in self.pools:
                    pool.drop()
                await asyncio.sleep(0)
            await self.manager.stop()
            task.cancel()
            await asyncio.wait({task})
            for pool in self.pools:
                pool.drop()
            await asyncio.sleep(0)

    def mine(self) -> None:
        """Take work, and find shares in it, and in what was taken long ago."""
        for _ in range(2):
            work = self.scheduler.next_work(0, self.rng.choice([1, 1, 4]))
            if work is not None:
                self.works.append(work)
                self.submit(work)
        if self.works:
            self.submit(self.rng.choice(self.works))

    def submit(self, work: WorkItem) -> None:
        self._nonce += 1
        place = self.rng.randrange(len(work.versions))
        block_hash = header_hash(work.midstates[place], work.tail, self._nonce)
        share = Share(
            device_id=0,
            work=work,
            nonce=self._nonce,
            version=work.versions[place],
            block_hash=block_hash,
            difficulty=difficulty_of_hash(block_hash),
            is_block=False,
            found_s=self.loop.time(),
        )
        self.found[block_hash] = share
        self.manager.submit(share)

    def acts(self) -> list[Callable[[], Awaitable[object]]]:
        rng, pool = self.rng, self.rng.choice(self.pools)
        some = rng.randrange(POOLS + 1)
        return [
            self.does(lambda: pool.job(clean=rng.random() < 0.5)),
            self.does(lambda: pool.job(clean=False)),
            self.does(pool.extranonce),
            self.does(lambda: pool.mask(rng.choice([0, 0x1FFFE000, 0x00C00000]))),
            self.does(pool.drop),
            self.does(pool.ask_to_reconnect),
            self.does(lambda: self.toggle(pool)),
            self.does(lambda: setattr(pool, "resumes", rng.random() < 0.7)),
            self.does(lambda: setattr(pool, "answers", rng.random() < 0.7)),
            self.order(SwitchPool(pool_id=some)),
            self.order(DisablePool(pool_id=some)),
            self.order(EnablePool(pool_id=some)),
            self.order(SetPriority(pool_ids=(some,))),
            self.order(SetQuota(group_id=some, quota=rng.choice([0, 1, 5]))),
            self.order(SetStrategy(group_id=some, strategy=rng.choice([*Strategy]))),
            self.order(RemovePool(pool_id=some)),
            self.order(
                AddPool(
                    url=f"stratum+tcp://127.0.0.1:{pool.port}",
                    user=pool.wallet,
                    password="x",
                    group=rng.randrange(2),
                )
            ),
            self.order(AddGroup(name="new", quota=2.0)),
            self.order(RemoveGroup(group_id=some)),
        ]

    def toggle(self, pool: MemoryPool) -> None:
        """Let a pool go down or come up."""
        if self.loop.listening.pop(pool.port, None) is None:
            self.loop.listening[pool.port] = pool
        else:
            pool.drop()

    @staticmethod
    def does(act: Callable[[], object]) -> Callable[[], Awaitable[object]]:
        async def run() -> None:
            act()

        return run

    def order(self, order: Command) -> Callable[[], Awaitable[object]]:
        async def run() -> None:
            with suppress(CommandError):
                await self.bus.send(order)

        return run

    def judge(self) -> int:
        """Return how many shares arrived; each at home, and each of those found has one end."""
        arrived = 0
        for pool in self.pools:
            assert pool.logins <= {pool.wallet}
            for seen in pool.seen:
                assert seen.user == pool.wallet
                if not seen.known:
                    continue  # a job that this session has not: the pool has no way to credit it
                share = self.found.get(seen.hash)
                assert share is not None, "a header that nobody has made"
                assert share.work.job.user == pool.wallet
                arrived += 1
        total = self.manager.ledger.total()
        assert total.shares == len(self.found)
        assert total.waiting == 0
        assert total.balanced
        return arrived


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_share_reaches_another_wallet(part: int) -> None:
    seed = random.randrange(2**32)
    arrived = found = 0
    with asyncio.Runner(debug=False, loop_factory=MemoryLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, MemoryLoop)
        for number in range(HISTORIES // PARTS):
            history = History(loop, random.Random(f"{seed} {number}"))
            try:
                runner.run(history.live())
                arrived += history.judge()
            except BaseException:
                print(f"part {part}, seed {seed}, history {number}")
                raise
            found += len(history.found)
    print(f"{arrived} of {found} shares arrived")
    assert arrived > found / 4
