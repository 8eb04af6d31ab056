"""The pool manager among judging pools, with a miner that finds shares at will."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.control import CommandBus
from luxminer.mining.scheduler import Scheduler
from luxminer.pool.manager import PoolManager
from luxminer.telemetry.model import ShareTally
from luxminer.work.job import PoolJob
from luxminer_hil.fakepool.server import FakePool
from tests.unit.stratum.client_rig import QUICK, Miner, SkewedClock, until


class ManagerRig:
    """One manager, and what it told its owner."""

    def __init__(
        self, urls: Sequence[str], config: StratumConfig = QUICK, state_dir: Path | None = None
    ) -> None:
        self.clock = SkewedClock()
        self.bus = CommandBus()
        self.miner = Miner()
        self.scheduler = Scheduler(self.clock, lambda job: None)
        self.orders: list[tuple[PoolJob | None, bool]] = []
        """Every job to mine with its ``clean``."""
        self.masks: list[int] = []
        self.fails_on_job = False
        self.manager = PoolManager(
            [PoolConfig(url=url, user=f"user{n}.rig") for n, url in enumerate(urls)],
            config,
            clock=self.clock,
            rng=random.Random(7),
            agent="rig",
            on_job=self._on_job,
            on_version_mask=self.masks.append,
            state_dir=state_dir,
            bus=self.bus,
        )
        self.task: asyncio.Task[None] | None = None

    def _on_job(self, job: PoolJob | None, clean: bool) -> None:
        self.orders.append((job, clean))
        self.scheduler.set_job(job, clean)
        if self.fails_on_job:
            raise ZeroDivisionError("a bug in the scheduler")

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
    *urls: str, config: StratumConfig = QUICK, state_dir: Path | None = None
) -> AsyncIterator[ManagerRig]:
    """Run a manager; at the end it is stopped in order, and its ledger must balance."""
    rig = ManagerRig(urls, config, state_dir)
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
