"""Runs the day: pools that fail by chance, the service among them, and what it comes to."""

import asyncio
import ctypes
import gc
import logging
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from luxminer.clock import Chores
from luxminer.config.schema import GroupConfig, PoolConfig, StratumConfig
from luxminer.mining.scheduler import Scheduler
from luxminer.mining.shares import ShareGate
from luxminer.pool.journal import FILE_NAME as JOURNAL
from luxminer.pool.manager import PoolManager
from luxminer.pool.parts import work_parts
from luxminer.pool.schema import FILE_NAME as DATABASE
from luxminer.telemetry.model import PoolStatus
from luxminer.work.job import NonceFound, Share, Stake
from luxminer_hil.acceptance.warp import WALL_S, LoopClock
from luxminer_hil.fakepool.ledger import ShareRecord
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.outages.account import Account, Failure
from luxminer_hil.outages.kinds import DIFFICULTY, KINDS, NETWORK
from luxminer_hil.outages.ledgers import Ledgers
from luxminer_hil.outages.loop import WiredWarpLoop
from luxminer_hil.outages.sticks import TICKET, mine

__all__ = ["Day", "Hour", "run_day"]

HOUR_S = 3600.0
LOOKS = 6
"""In an hour, at which ledgers are compared, so that few shares are remembered here."""

STICKS = 4
NONCE_EVERY_S = 1.0
"""Of each stick; one in four is a share."""

WORKS_S = 1200.0
"""From the end of a pool's failure to the next, on the average."""

NETWORK_WORKS_S = 3 * HOUR_S

GROUPS = (
    GroupConfig(name="ours", quota=2.0),
    GroupConfig(name="theirs", quota=1.0, strategy="load-balance"),
)
MEMBERS = ("ours", "ours", "ours", "theirs", "theirs")
"""Group of each pool."""

JOB_INTERVAL_S = 30.0
CLEAN_EVERY = 20
"""Ten minutes for a block, on the average of the network."""

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """The state at the end of a simulated hour."""

    resident_mib: float
    objects: int
    """Of Python, that the collector knows."""
    journal_bytes: int
    database_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    seed: int
    account: Account
    ledgers: Ledgers
    hours: Sequence[Hour]
    idle_s: float
    """As the manager counts it."""
    errors: Sequence[str]
    """What was logged with a traceback."""
    cpu_s: float


class Errors(logging.Handler):
    """Keeps what no run may bring."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.name.startswith("asyncio"):
            self.lines.append(self.format(record))


@contextmanager
def quiet(errors: Errors) -> Iterator[None]:
    """Let nothing be logged but to ``errors``."""
    loggers = [logging.getLogger(name) for name in ("luxminer", "asyncio", "luxminer_hil")]
    before = [(each.level, each.propagate) for each in loggers]
    for each in loggers:
        each.setLevel(logging.WARNING)
        each.propagate = False
        each.addHandler(errors)
    try:
        yield
    finally:
        for each, (level, propagate) in zip(loggers, before, strict=True):
            each.removeHandler(errors)
            each.setLevel(level)
            each.propagate = propagate


class Run:
    """One day under way."""

    def __init__(self, seed: int, state_dir: Path, pools: list[FakePool]) -> None:
        self._rng = random.Random(seed)
        self._pools = pools
        self._state_dir = state_dir
        clock, loop = LoopClock(), asyncio.get_running_loop()
        self.account = Account(now_s=loop.time, others_alive=self._others_alive)
        users = [f"wallet{number}.rig" for number in range(len(pools))]
        self.ledgers = Ledgers(self.account, [pool.url for pool in pools], users)
        self._chores = Chores()
        self._scheduler = Scheduler(clock, lambda job: self.manager.work_made(job), lambda _: 1e12)
        self._gate = ShareGate(self._share_found)
        self.manager = PoolManager(
            [
                PoolConfig(url=pool.url, user=user, group=group)
                for pool, user, group in zip(pools, users, MEMBERS, strict=True)
            ],
            StratumConfig(),
            groups=GROUPS,
            clock=clock,
            rng=random.Random(seed + 1),
            agent="day",
            on_stakes=self._on_stakes,
            on_version_mask=self._scheduler.set_version_mask,
            state_dir=state_dir,
            chores=self._chores,
        )
        self.hours: list[Hour] = []
        self._left_sessions: set[str] = set()

    def _others_alive(self, pool: int) -> bool:
        snapshots = self.manager.snapshots()
        return any(each.status is PoolStatus.ALIVE and each.id != pool for each in snapshots)

    def _on_stakes(self, stakes: Sequence[Stake]) -> None:
        self.account.settle(len(self._pools))
        self.account.mined(stakes, work_parts(stakes))
        self._scheduler.set_stakes(stakes)

    def _share_found(self, share: Share) -> None:
        self.ledgers.found(share)
        self.manager.submit(share)

    def _found(self, nonce: NonceFound) -> None:
        assert nonce.work is not None
        assert self._gate.nonce_found(nonce, TICKET, TICKET), nonce
        self.manager.diff1_found(nonce.work.job, TICKET)
        self._scheduler.found(nonce.device_id, nonce.work.job, TICKET)

    async def run(self, hours: int) -> None:
        loop = asyncio.get_running_loop()
        self.account.since_s = loop.time()
        async with asyncio.TaskGroup() as group:
            manager = group.create_task(self.manager.run())
            others = [group.create_task(self._fail(number)) for number in range(len(self._pools))]
            others.append(group.create_task(self._cut_network()))
            for stick in range(STICKS):
                rng = random.Random(self._rng.random())
                others.append(
                    group.create_task(mine(stick, self._scheduler, self._found, NONCE_EVERY_S, rng))
                )
            for number in range(hours * LOOKS):
                await asyncio.sleep(HOUR_S / LOOKS)
                self.ledgers.compare(self._state_dir)
                for pool in self._pools:
                    pool.core.books.shares.clear()
                if (number + 1) % LOOKS == 0:
                    self._end_hour()
            self.account.settle(len(self._pools))
            for task in others:
                task.cancel()
            await self.manager.stop()
            manager.cancel()
        self.ledgers.compare(self._state_dir, is_last=True)

    def _end_hour(self) -> None:
        self.account.settle(len(self._pools))
        self._forget_in_pools()
        gc.collect()
        if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
            trim(0)  # what a peak has left free is no memory of anybody's
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        files = [self._state_dir / JOURNAL, self._state_dir / DATABASE]
        self.hours.append(
            Hour(
                resident_mib=resident / 2**20,
                objects=len(gc.get_objects()),
                journal_bytes=files[0].stat().st_size,
                database_bytes=files[1].stat().st_size,
            )
        )

    def _forget_in_pools(self) -> None:
        """Drop sessions that nobody has come back to in an hour."""
        left = set()
        for pool in self._pools:
            sessions = pool.core.sessions
            for name in [name for name, session in sessions.items() if not session.connected]:
                left.add(name)
                if name in self._left_sessions:
                    del sessions[name]
        self._left_sessions = left

    async def _fail(self, number: int) -> None:
        """Let a pool fail, again and again, each time in another way."""
        rng, pool = random.Random(self._rng.random()), self._pools[number]
        loop, account = asyncio.get_running_loop(), self.account
        weights = [kind.weight for kind in KINDS]
        while True:
            await asyncio.sleep(rng.expovariate(1 / WORKS_S))
            (kind,) = rng.choices(KINDS, weights)
            lasts_s = rng.uniform(*kind.lasts_s)
            now_s = loop.time()
            account.settle(len(self._pools))
            account.failures.append(
                Failure(kind=kind, pool=number, from_s=now_s, to_s=now_s + lasts_s)
            )
            if lasts_s:
                account.under_way[number] = account.failures[-1]
            if kind.begin is not None:
                kind.begin(pool, rng)
            if kind.spell is not None:
                await kind.spell(pool, lasts_s)
            elif lasts_s:
                await asyncio.sleep(lasts_s)
            account.settle(len(self._pools))
            account.under_way.pop(number, None)
            if kind.end is not None:
                kind.end(pool, rng)

    async def _cut_network(self) -> None:
        rng, loop, account = random.Random(self._rng.random()), wired_loop(), self.account
        while True:
            await asyncio.sleep(rng.expovariate(1 / NETWORK_WORKS_S))
            lasts_s, now_s = rng.uniform(*NETWORK.lasts_s), loop.time()
            account.settle(len(self._pools))
            account.network = Failure(kind=NETWORK, pool=None, from_s=now_s, to_s=now_s + lasts_s)
            account.failures.append(account.network)
            loop.cut()
            await asyncio.sleep(lasts_s)
            account.settle(len(self._pools))
            account.network = None
            loop.mend()


def wired_loop() -> WiredWarpLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WiredWarpLoop)
    return loop


async def run_hours(seed: int, hours: int) -> Day:
    started_s = time.process_time()
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            pools: list[FakePool] = []
            for number in range(len(MEMBERS)):

                def judged(record: ShareRecord, number: int = number) -> None:
                    run.ledgers.judged(number, record)

                pool = FakePool(
                    difficulty=DIFFICULTY,
                    seed=seed + number,
                    job_interval_s=JOB_INTERVAL_S,
                    clean_every=CLEAN_EVERY,
                    monotonic=loop.time,
                    wall=lambda: WALL_S + loop.time(),
                    on_share=judged,
                )
                pools.append(await stack.enter_async_context(pool))
            run = Run(seed, Path(folder), pools)
            errors = Errors()
            with quiet(errors):
                await run.run(hours)
    return Day(
        seed=seed,
        account=run.account,
        ledgers=run.ledgers,
        hours=run.hours,
        idle_s=run.manager.idle_s,
        errors=errors.lines,
        cpu_s=time.process_time() - started_s,
    )


def run_day(seed: int, hours: int = 24) -> Day:
    """Live through so many hours; the seed decides everything that chance does."""
    with asyncio.Runner(debug=False, loop_factory=WiredWarpLoop) as runner:
        return runner.run(run_hours(seed, hours))
