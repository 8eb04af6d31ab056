"""The pool manager among judging pools, with a miner that finds shares at will."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from luxminer.config.schema import GroupConfig, PoolConfig, StratumConfig
from luxminer.control import CommandBus
from luxminer.mining.scheduler import Scheduler
from luxminer.pool.manager import PoolManager
from luxminer.telemetry.model import ShareTally
from luxminer.work.job import PoolJob, Stake
from luxminer_hil.fakepool.server import FakePool
from tests.unit.stratum.client_rig import QUICK, Miner, SkewedClock, until


class ManagerRig:
    """One manager, and what it told its owner."""

    def __init__(
        self,
        pools: Sequence[PoolConfig],
        config: StratumConfig = QUICK,
        state_dir: Path | None = None,
        groups: Sequence[GroupConfig] = (),
        rate_hs: Callable[[int], float] = lambda _: 0.0,
    ) -> None:
        self.clock = SkewedClock()
        self.bus = CommandBus()
        self.miner = Miner()
        self.scheduler = Scheduler(self.clock, lambda job: None, rate_hs)
        self.orders: list[Sequence[Stake]] = []
        """All that it was told to mine."""
        self.masks: list[tuple[int, int]] = []
        """Pool and mask."""
        self.fails_on_job = False
        self.manager = PoolManager(
            pools,
            config,
            groups=groups,
            clock=self.clock,
            rng=random.Random(7),
            agent="rig",
            on_stakes=self._on_stakes,
            on_version_mask=lambda pool, mask: self.masks.append((pool, mask)),
            state_dir=state_dir,
            bus=self.bus,
        )
        self.task: asyncio.Task[None] | None = None

    def _on_stakes(self, stakes: Sequence[Stake]) -> None:
        self.orders.append(stakes)
        self.scheduler.set_stakes(stakes)
        if self.fails_on_job:
            raise ZeroDivisionError("a bug in the scheduler")

    @property
    def mined(self) -> list[PoolJob]:
        """Jobs that are to be mined now."""
        return [stake.job for stake in self.orders[-1]] if self.orders else []

    @property
    def total(self) -> ShareTally:
        return self.manager.ledger.total()

    async def job_of(self, pool: FakePool) -> PoolJob:
        """Wait until the newest job of ``pool`` is the one to mine."""
        await until(
            lambda: (
                self.manager.job is not None
                and self.manager.job.job_id == pool.job.job_id
                and self.manager.job.user in pool.users
                and self.manager.job.extranonce1 in {s.extranonce.fixed for s in pool.sessions}
            ),
            "job of the pool",
        )
        assert self.manager.job is not None
        return self.manager.job

    async def all_alive(self, count: int) -> None:
        await until(
            lambda: sum(pool.status.name == "ALIVE" for pool in self.manager.snapshots()) >= count,
            f"{count} living pools",
        )

    async def settled(self, timeout_s: float = 5.0) -> None:
        await until(lambda: self.total.waiting == 0, "an end of every share", timeout_s)


@asynccontextmanager
async def managing(
    *pools: str | PoolConfig,
    config: StratumConfig = QUICK,
    state_dir: Path | None = None,
    groups: Sequence[GroupConfig] = (),
) -> AsyncIterator[ManagerRig]:
    """Run a manager; at the end it is stopped in order, and its ledger must balance."""
    made = [
        pool if isinstance(pool, PoolConfig) else PoolConfig(url=pool, user=f"user{number}.rig")
        for number, pool in enumerate(pools)
    ]
    rig = ManagerRig(made, config, state_dir, groups)
    rig.task = asyncio.create_task(rig.manager.run())
    try:
        yield rig
        assert not rig.task.done(), rig.task
        await rig.manager.stop()
    finally:
        rig.task.cancel()
        await asyncio.wait({rig.task})
    assert rig.total.waiting == 0
    assert rig.total.balanced
