"""A client of a node with everything around it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.node.client import NodeClient
from luxminer.node.settings import node_settings
from luxminer.stratum.events import AuthorizeRefused, Event, JobReceived, ShareSettled
from luxminer.stratum.outcome import ShareResult
from luxminer.work.job import PoolJob, Share
from luxminer_hil.fakenode import FakeNode, NodeSettings
from tests.unit.stratum.client_rig import Miner, SkewedClock

PAYOUT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
PAYOUT_SCRIPT = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")
QUICK = StratumConfig(retry_min_s=0.05, retry_max_s=0.05, connect_timeout_s=2.0)
TICK_S = 0.05


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Wait until something became true."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    while not condition():
        assert loop.time() < deadline_s, f"not within {timeout_s} s"
        await asyncio.sleep(0.005)


class NodeRig:
    """One client, and what it told its owner."""

    def __init__(
        self,
        url: str,
        *,
        config: StratumConfig = QUICK,
        state_dir: Path | None = None,
        **changes: Any,
    ) -> None:
        self.clock = SkewedClock()
        self.miner = Miner()
        self.events: list[Event] = []
        self.changes = 0
        pool = replace(PoolConfig(url=url, payout=PAYOUT), **changes)
        self.client = NodeClient(
            pool_id=5,
            settings=node_settings(pool),
            agent="rig",
            config=config,
            clock=self.clock,
            rng=random.Random(7),
            state_dir=state_dir,
            listener=self.events.append,
            changed=self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    async def run(self) -> None:
        """Do what the pool manager does: keep the client alive, and tick."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.client.run())
            while True:
                await asyncio.sleep(TICK_S)
                self.client.tick(self.clock.monotonic())

    @property
    def job(self) -> PoolJob | None:
        return self.client.protocol.current_job if self.client.protocol is not None else None

    @property
    def jobs(self) -> list[PoolJob]:
        return [event.job for event in self.events if isinstance(event, JobReceived)]

    @property
    def refusals(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, AuthorizeRefused)]

    def result(self, share: Share) -> ShareResult | None:
        found = [e.result for e in self.events if isinstance(e, ShareSettled) and e.share is share]
        assert len(found) <= 1, found
        return found[0] if found else None

    async def first_job(self) -> PoolJob:
        await until(lambda: self.job is not None)
        assert self.job is not None
        return self.job

    async def trouble(self, words: str) -> None:
        await until(lambda: words in self.client.problem)

    def solve(self, job: PoolJob, *, rolled: bool = False) -> Share:
        return self.miner.share(job, rolled=rolled, found_s=self.clock.monotonic())

    async def outcome(self, share: Share) -> ShareResult:
        """Submit a share and wait for its end."""
        self.client.submit(share)
        await until(lambda: self.result(share) is not None)
        result = self.result(share)
        assert result is not None
        return result


@asynccontextmanager
async def running(rig: NodeRig) -> AsyncIterator[NodeRig]:
    task = asyncio.create_task(rig.run())
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.wait([task])
        rig.client.end()
        if not task.cancelled():
            task.result()


@asynccontextmanager
async def node_and_rig(
    settings: NodeSettings | None = None, **changes: Any
) -> AsyncIterator[tuple[FakeNode, NodeRig]]:
    async with FakeNode(settings) as node, running(NodeRig(node.url, **changes)) as rig:
        yield node, rig
