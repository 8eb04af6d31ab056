"""All pools: which one gives the work, where each share goes, and what became of it.

Every enabled pool stays connected, so that a switch takes no handshake. The first working pool in
priority gives the work. A share goes to the pool and session that its job came from, whichever
pool is active by then.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from luxminer.clock import Clock, beat
from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.control import (
    AddPool,
    CommandBus,
    DisablePool,
    EnablePool,
    RemovePool,
    SwitchPool,
)
from luxminer.errors import CommandError, ConfigError
from luxminer.limits import TokenBucket
from luxminer.logs import RateLimit
from luxminer.pool.blocks import BlockStore
from luxminer.pool.chain import ChainView
from luxminer.pool.failover import choose
from luxminer.pool.ledger import ShareLedger
from luxminer.pool.lifetime import LifetimeTotals
from luxminer.pool.pool import Pool, check_pool
from luxminer.stratum import protocol as stratum
from luxminer.stratum.outcome import DropReason, Outcome, ShareResult
from luxminer.telemetry.model import PoolSnapshot
from luxminer.work.header import display
from luxminer.work.job import PoolJob, Share

__all__ = ["MAX_POOLS", "PoolManager"]

log = logging.getLogger(__name__)

MAX_POOLS = 64

TICK_S = 1.0
SAVE_S = 60.0

TELL_AFTER_S = 3.0
"""A pool that does not work this long after the start is worth a line in the log."""

OUTAGE_GRACE_S = 60.0
"""Without any pool the last job is searched on for this long: the session may be resumed."""

FAILED_PAUSE_S = 10.0
"""After an unexpected error in a connection."""

SUBMITS_PER_S = 50.0
SUBMIT_BURST = 200
"""More shares than this mean an absurdly low difficulty; they would only cost CPU and network."""

BLOCKS_PER_S = 1.0
BLOCK_BURST = 20

ANSWER_S = 2.0
"""At the end, how long the answers to the last shares are waited for."""

OnJob = Callable[[PoolJob | None, bool], None]


class PoolManager:
    """Owns the pools and the share ledger.

    ``on_job(job, clean)`` is called whenever the job to mine changes, None when there is none;
    ``on_version_mask(mask)`` when the active pool narrows or widens what may be rolled.
    """

    strategy = "Failover"

    def __init__(
        self,
        pools: Sequence[PoolConfig],
        config: StratumConfig,
        *,
        clock: Clock,
        rng: random.Random,
        agent: str,
        on_job: OnJob,
        on_version_mask: Callable[[int], None],
        state_dir: Path | None = None,
        bus: CommandBus | None = None,
    ) -> None:
        """Take over the pools. Raises ConfigError for one that cannot be used."""
        self._config = config
        self._clock = clock
        self._rng = rng
        self._agent = agent
        self._on_job = on_job
        self._on_version_mask = on_version_mask
        self._numbers = 0
        self._pools: list[Pool] = []
        self._order: list[Pool] = []
        self._active: Pool | None = None
        self._job: PoolJob | None = None
        self._idle_since_s: float | None = None
        self._removed_failures = 0
        self._removed_discarded = 0
        self._removed_remote = 0
        self._removed_jobs = 0
        self._chain = ChainView()
        self._blocks = BlockStore(state_dir)
        self._bucket = TokenBucket(SUBMITS_PER_S, SUBMIT_BURST)
        self._block_bucket = TokenBucket(BLOCKS_PER_S, BLOCK_BURST)
        self._limit = RateLimit()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._stopping = False
        self.last_job_wall_s: float | None = None
        self.ledger = ShareLedger(clock, self._position_of)
        self._totals = LifetimeTotals(state_dir, self.ledger)
        for number, pool in enumerate(pools):
            check_pool(pool, f"pools[{number}]", config)
            self._add(pool)
        if bus is not None:
            bus.register(AddPool, self._add_pool)
            bus.register(RemovePool, self._remove_pool)
            bus.register(EnablePool, self._enable_pool)
            bus.register(DisablePool, self._disable_pool)
            bus.register(SwitchPool, self._switch_pool)

    # What others ask -----------------------------------------------------------------------------

    @property
    def job(self) -> PoolJob | None:
        """The job to mine now."""
        return self._job

    @property
    def network_blocks(self) -> int:
        return self._chain.network_blocks

    @property
    def jobs(self) -> int:
        return self._removed_jobs + sum(pool.client.jobs for pool in self._pools)

    @property
    def get_failures(self) -> int:
        return self._removed_failures + sum(pool.client.interruptions for pool in self._pools)

    @property
    def remote_failures(self) -> int:
        return self._removed_remote + sum(pool.remote_failures for pool in self._pools)

    @property
    def discarded(self) -> int:
        return self._removed_discarded + sum(pool.discarded for pool in self._pools)

    @property
    def block_first_seen_wall_s(self) -> float | None:
        return self._chain.first_seen_wall_s(self._job) if self._job is not None else None

    def snapshots(self) -> tuple[PoolSnapshot, ...]:
        return tuple(
            pool.snapshot(
                position=position,
                priority=self._order.index(pool),
                active=pool is self._active,
                shares=self.ledger.pool(pool.number),
            )
            for position, pool in enumerate(self._pools)
        )

    def work_made(self, job: PoolJob) -> None:
        """Count a work item handed out."""
        pool = self._by_number(job.pool_id)
        if pool is not None:
            pool.works += 1

    def diff1_found(self, job: PoolJob, difficulty: float) -> None:
        """Count the work that a right nonce stands for."""
        pool = self._by_number(job.pool_id)
        if pool is not None:
            pool.tickets[difficulty] += 1

    # Life ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep all enabled pools connected until cancelled; then `stop` may still flush shares."""
        await self._totals.load()
        async with asyncio.TaskGroup() as group:
            self._group = group
            for pool in self._pools:
                self._connect(pool)
            next_save_s = self._clock.monotonic() + SAVE_S
            while True:
                await beat(TICK_S)
                now_s = self._clock.monotonic()
                self._tick(now_s)
                if now_s >= next_save_s:
                    next_save_s = now_s + SAVE_S
                    await self._save()

    def _tick(self, now_s: float) -> None:
        """Look at all time limits; an error with one pool must not end the others."""
        for pool in list(self._pools):
            try:
                pool.client.tick(now_s)
            except Exception:
                position = self._position_of(pool.number)
                if self._limit.admit(f"tick {pool.number}", now_s) is not None:
                    log.exception("pool %s: its time limits failed", position)
        self._choose()

    async def stop(self) -> None:
        """Give no more work, wait for the answers to the last shares, settle the rest, save.

        Called while `run` still runs.
        """
        self._stopping = True
        self._set_job(None, clean=True)
        deadline_s = self._clock.monotonic() + ANSWER_S
        while self.ledger.waiting and self._clock.monotonic() < deadline_s:
            if not any(pool.client.protocol is not None for pool in self._pools):
                break
            await asyncio.sleep(0.01)
        for pool in self._pools:
            self._disconnect(pool)
        await self._blocks.flush(ANSWER_S)
        await self._save()

    async def _save(self) -> None:
        try:
            await self._totals.save()
        except OSError as exc:
            if self._may_log("save"):
                log.warning("totals of all runs cannot be saved: %s; is the disk full?", exc)

    def _connect(self, pool: Pool) -> None:
        if self._group is None or not pool.enabled:
            return
        if pool.number not in self._tasks:
            name = f"pool {pool.number}"
            self._tasks[pool.number] = self._group.create_task(self._keep(pool), name=name)

    async def _keep(self, pool: Pool) -> None:
        """Run a pool's connection for ever; an error of ours there is no error of the others."""
        while True:
            try:
                await pool.client.run()
            except Exception:
                log.exception("pool %s: its connection failed", self._position_of(pool.number))
            await asyncio.sleep(FAILED_PAUSE_S)

    def _disconnect(self, pool: Pool) -> None:
        task = self._tasks.pop(pool.number, None)
        if task is not None:
            task.cancel()
        pool.client.end()

    # Which pool works ----------------------------------------------------------------------------

    def _choose(self) -> None:
        """Take the work from the best pool; called on every change and every tick."""
        if self._stopping:
            return
        now_s = self._clock.monotonic()
        for pool in self._pools:
            if pool is self._active and pool.enabled and not pool.alive:
                pool.on_probation = True
        best = choose(self._order, self._active, now_s, self._config.failback_s)
        if best is None:
            self._without_pool(now_s)
            return
        self._idle_since_s = None
        if best is not self._active:
            self._say_switch(best)
            self._active = best
        if best.job is not self._job:
            self._set_job(best.job, clean=True)
            self._pass_mask_on(best)
        if best.alive and now_s - best.alive_since_s >= self._config.failback_s:
            best.on_probation = False

    def _without_pool(self, now_s: float) -> None:
        if self._idle_since_s is None:
            self._idle_since_s = now_s
            if self._active is not None:
                log.warning("no pool works; searching the last job on for %g s", OUTAGE_GRACE_S)
            self._active = None
        elif self._job is None and now_s - self._idle_since_s >= TELL_AFTER_S:
            self._tell_problems()
        elif self._job is not None and now_s - self._idle_since_s >= OUTAGE_GRACE_S:
            log.warning("no pool works: the sticks are idle")
            self._set_job(None, clean=True)

    def _tell_problems(self) -> None:
        """Say why there is nothing to do, now and then."""
        for position, pool in enumerate(self._pools):
            if pool.problem and self._may_log(f"problem {pool.number}"):
                log.warning("pool %d at %s: %s", position, pool.config.url, pool.problem)

    def _say_switch(self, best: Pool) -> None:
        position = self._position_of(best.number)
        if self._active is None:
            log.info("pool %s gives the work: %s", position, best.config.url)
        else:
            before = self._position_of(self._active.number)
            why = self._active.problem or "a better one works again"
            log.warning("switching from pool %s (%s) to pool %s", before, why, position)

    def _set_job(self, job: PoolJob | None, *, clean: bool) -> None:
        if job is self._job:
            return
        self._job = job
        try:
            self._on_job(job, clean)
        except Exception:
            log.exception("job %s could not be taken up", job.job_id if job is not None else "-")

    def _pass_mask_on(self, pool: Pool) -> None:
        """Say it when a pool's mask has changed since it sent the job that is taken up now."""
        protocol, job = pool.client.protocol, pool.job
        if protocol is not None and job is not None and protocol.version_mask != job.version_mask:
            self._on_version_mask(protocol.version_mask)

    def _heard(self, pool: Pool, event: stratum.Event) -> None:
        match event:
            case stratum.JobReceived():
                pool.last_job_wall_s = self._clock.wall()
                self._job_received(pool, event.job)
            case stratum.VersionMaskChanged():
                if pool is self._active:
                    self._on_version_mask(event.version_mask)
            case stratum.ShareSettled():
                self._settled(pool, event.share, event.result)
            case stratum.Authorized():
                log.info(
                    "pool %s: logged in as %s", self._position_of(pool.number), pool.config.user
                )
            case stratum.AuthorizeRefused():
                words = "pool %s: refuses the login of %s: %s; correct user and password"
                position = self._position_of(pool.number)
                log.error(words, position, pool.config.user, event.text)
            case _:
                pass

    def _job_received(self, pool: Pool, job: PoolJob) -> None:
        wall_s = self._clock.wall()
        self.last_job_wall_s = wall_s
        if self._chain.saw(job, wall_s) and self._may_log("new block"):
            log.info("new block on the network: %s", display(job.prev_hash))
        if pool is self._active and not self._stopping:
            before = self._job
            renewed = before is None or before.connection != job.connection
            self._set_job(job, clean=job.clean or renewed)
        else:
            self._choose()

    # Shares --------------------------------------------------------------------------------------

    def submit(self, share: Share) -> None:
        """Book a share and bring it to the pool it belongs to, within this call if it can go."""
        pool = self._by_number(share.work.job.pool_id)
        self.ledger.opened(share, pool.number if pool is not None else None)
        if share.is_block:
            self._blocks.keep(share, self._clock.wall())
        if pool is None:
            self._settled(None, share, ShareResult(outcome=Outcome.DROPPED, reason="pool removed"))
        elif not self._may_submit(share):
            self._settled(pool, share, ShareResult(outcome=Outcome.DROPPED, reason="rate limit"))
        else:
            pool.client.submit(share)

    def _may_submit(self, share: Share) -> bool:
        """Bound the shares of an absurdly low difficulty; blocks have a bound of their own."""
        now_s = self._clock.monotonic()
        return self._bucket.take(now_s) or (share.is_block and self._block_bucket.take(now_s))

    def _settled(self, pool: Pool | None, share: Share, result: ShareResult) -> None:
        self.ledger.settled(share, result)
        position = self._position_of(pool.number) if pool is not None else None
        match result.outcome:
            case Outcome.ACCEPTED:
                log.info(
                    "pool %s accepted share: difficulty %.6g of %.6g, stick %d, %.0f ms",
                    position,
                    share.difficulty,
                    share.work.job.difficulty,
                    share.device_id,
                    1000 * (result.latency_s or 0.0),
                )
            case Outcome.REJECTED:
                words = "pool %s rejected share from stick %d: %s (%s)"
                if self._may_log(f"reject {result.reason} {position}"):
                    log.warning(words, position, share.device_id, result.reason, result.text)
            case Outcome.DROPPED | Outcome.UNANSWERED:
                if pool is not None:
                    pool.remote_failures += result.reason in set(DropReason)
                if self._may_log(result.outcome):
                    words = "pool %s: share from stick %d %s: %s"
                    reason = result.reason or result.text or "no answer"
                    log.warning(words, position, share.device_id, result.outcome, reason)
            case Outcome.STALE:
                log.info("share from stick %d is stale: the pool has a newer job", share.device_id)

    # Orders --------------------------------------------------------------------------------------

    async def _add_pool(self, order: AddPool) -> int:
        config = PoolConfig(url=order.url, user=order.user, password=order.password)
        if order.group != 0:
            raise CommandError("unknown-group", f"there is no group {order.group}")
        if len(self._pools) >= MAX_POOLS:
            raise CommandError("too-many", f"there are {MAX_POOLS} pools already; remove one first")
        try:
            check_pool(config, "pool", self._config)
        except ConfigError as exc:
            reason = "invalid-url" if exc.key.endswith(".url") else "invalid-user"
            raise CommandError(reason, str(exc)) from exc
        pool = self._add(config)
        self._connect(pool)
        return len(self._pools) - 1

    async def _remove_pool(self, order: RemovePool) -> str:
        pool = self._at(order.pool_id)
        if len(self._pools) == 1:
            raise CommandError("last-pool", "the last pool cannot be removed")
        if pool is self._active:
            raise CommandError("active-pool", "the pool that gives the work cannot be removed")
        self._disconnect(pool)
        self._removed_failures += pool.client.interruptions
        self._removed_discarded += pool.discarded
        self._removed_remote += pool.remote_failures
        self._removed_jobs += pool.client.jobs
        self._pools.remove(pool)
        self._order.remove(pool)
        self.ledger.forget_pool(pool.number)
        return pool.config.url

    async def _enable_pool(self, order: EnablePool) -> bool:
        pool = self._at(order.pool_id)
        if pool.enabled:
            return False
        pool.enabled = True
        self._connect(pool)
        self._choose()
        return True

    async def _disable_pool(self, order: DisablePool) -> bool:
        pool = self._at(order.pool_id)
        if not pool.enabled:
            return False
        if sum(other.enabled for other in self._pools) == 1:
            raise CommandError("last-pool", "the last enabled pool cannot be disabled")
        pool.enabled = False
        self._disconnect(pool)
        self._choose()
        return True

    async def _switch_pool(self, order: SwitchPool) -> str:
        pool = self._at(order.pool_id)
        self._order.remove(pool)
        self._order.insert(0, pool)
        pool.on_probation = False
        if not pool.enabled:
            pool.enabled = True
        self._connect(pool)
        self._choose()
        return pool.config.url

    # Bookkeeping ---------------------------------------------------------------------------------

    def _may_log(self, key: str) -> bool:
        return self._limit.admit(key, self._clock.monotonic()) is not None

    def _add(self, config: PoolConfig) -> Pool:
        pool = Pool(
            number=self._numbers,
            config=config,
            stratum=self._config,
            clock=self._clock,
            rng=self._rng,
            agent=self._agent,
            listener=self._heard,
            changed=self._choose,
        )
        self._numbers += 1
        self._pools.append(pool)
        self._order.append(pool)
        return pool

    def _at(self, position: int) -> Pool:
        if not 0 <= position < len(self._pools):
            raise CommandError("unknown-pool", f"there is no pool {position}")
        return self._pools[position]

    def _by_number(self, number: int) -> Pool | None:
        for pool in self._pools:  # twice for each nonce: a generator takes three times as long
            if pool.number == number:
                return pool
        return None

    def _position_of(self, number: int) -> int | None:
        return next((p for p, pool in enumerate(self._pools) if pool.number == number), None)
