"""All pools: which ones give the work, and in which parts; what of them others are told.

Every enabled pool stays connected, so that a switch takes no handshake. All groups work at the same
time, in the ratio of their quotas; the part of one without a working pool goes to the others at
once, and comes back with it. Inside a group its strategy decides.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from luxminer.clock import Chores, Clock, beat
from luxminer.config.schema import GroupConfig, PoolConfig, StratumConfig
from luxminer.control import CommandBus, SetPoolOptions
from luxminer.errors import CommandError
from luxminer.logs import RateLimit
from luxminer.pool.balance import INTERVAL_S
from luxminer.pool.chain import ChainView
from luxminer.pool.connections import Connections
from luxminer.pool.desk import ShareDesk
from luxminer.pool.failover import divide
from luxminer.pool.group import TITLES, PoolGroup, Strategy, check_groups
from luxminer.pool.keeper import FIRST_S, SAVE_S
from luxminer.pool.ledger import ShareLedger
from luxminer.pool.orders import PoolOrders
from luxminer.pool.parts import work_parts
from luxminer.pool.patrol import Patrol
from luxminer.pool.pool import Pool, check_pool
from luxminer.pool.roster import Roster
from luxminer.stratum import protocol as stratum
from luxminer.telemetry.events import EventLog
from luxminer.telemetry.model import EventTarget, GroupSnapshot, PoolOptions, PoolSnapshot
from luxminer.work.header import display
from luxminer.work.job import PoolJob, Share, Stake

__all__ = ["PoolManager"]

log = logging.getLogger(__name__)

TELL_AFTER_S = 3.0
"""A pool that does not work this long after the start is worth a line in the log."""

OUTAGE_GRACE_S = 60.0
"""Without any pool the last jobs are searched on for this long, if their sessions may go on."""

STALL_S = 10.0
"""Between two looks: then nobody was at work here. What pools said meanwhile is read first."""

ANSWER_S = 2.0
"""At the end, how long the answers to the last shares are waited for."""

OnStakes = Callable[[Sequence[Stake]], None]


class PoolManager:
    """Owns the pools and the share ledger.

    ``on_stakes(stakes)`` is called whenever the jobs to mine or their parts change, with none when
    there is nothing to mine; ``on_version_mask(pool, mask)`` when a pool that gives work narrows or
    widens what may be rolled.
    """

    def __init__(
        self,
        pools: Sequence[PoolConfig],
        config: StratumConfig,
        *,
        groups: Sequence[GroupConfig] = (),
        clock: Clock,
        rng: random.Random,
        agent: str,
        on_stakes: OnStakes,
        on_version_mask: Callable[[int, int], None],
        state_dir: Path | None = None,
        bus: CommandBus | None = None,
        chores: Chores | None = None,
        device_name: Callable[[int], str] = str,
        events: EventLog | None = None,
    ) -> None:
        """Take over the pools. Raises ConfigError for one that cannot be used."""
        check_groups(groups, pools)
        self._config = config
        self._clock = clock
        self._rng = rng
        self._agent = agent
        self._state_dir = state_dir
        self._on_stakes = on_stakes
        self._on_version_mask = on_version_mask
        self._next_number = 0
        self._roster = Roster(groups)
        self._stakes: list[Stake] = []
        self._outage_since_s: float | None = None
        self._idle_since_s: float | None = None
        self._idle_before_s = 0.0
        self._chain = ChainView()
        self._limit = RateLimit()
        self._chores = chores or Chores()
        self._stopping = False
        self._next_interval_s = 0.0
        self._ticked_s = 0.0
        self._tell_s: float | None = None
        self.last_job_wall_s: float | None = None
        self._desk = ShareDesk(
            self._roster, clock, state_dir, version=agent, device_name=device_name
        )
        self._connections = Connections(self._roster.position_of)
        self.events = events or EventLog(clock)
        self.events.number(EventTarget.POOL, self._roster.position_of)
        self._patrol = Patrol(self.events, clock)
        for number, pool in enumerate(pools):
            check_pool(pool, f"pools[{number}]", config)
            self._add(pool, self._roster.group_named(pool.group))
        if bus is not None:
            orders = PoolOrders(
                self._roster, self._connections, config, self._add, self._removed, self._choose
            )
            bus.register(SetPoolOptions, self._set_options)
            orders.register(bus)

    # What others ask -----------------------------------------------------------------------------

    @property
    def ledger(self) -> ShareLedger:
        return self._desk.ledger

    @property
    def job(self) -> PoolJob | None:
        """The first of the jobs to mine now."""
        return self._stakes[0].job if self._stakes else None

    @property
    def strategy(self) -> str:
        """That of the first group, in CGMiner's words."""
        groups = self._roster.groups
        return TITLES[groups[0].strategy if groups else Strategy.FAILOVER]

    @property
    def network_blocks(self) -> int:
        return self._chain.network_blocks

    @property
    def idle_s(self) -> float:
        """Time since the start in which there was nothing to mine."""
        now_s = self._clock.monotonic()
        since_s = self._idle_since_s if self._idle_since_s is not None else now_s
        return self._idle_before_s + now_s - since_s

    @property
    def jobs(self) -> int:
        return self._roster.count("jobs")

    @property
    def get_failures(self) -> int:
        return self._roster.count("get_failures")

    @property
    def remote_failures(self) -> int:
        return self._roster.count("remote_failures")

    @property
    def discarded(self) -> int:
        return self._roster.count("discarded")

    @property
    def block_first_seen_wall_s(self) -> float | None:
        return self._chain.first_seen_wall_s(self.job) if self.job is not None else None

    def settings(self) -> tuple[tuple[GroupConfig, ...], tuple[PoolConfig, ...]]:
        """Return groups and pools as the settings would have them; see `Roster.settings`."""
        return self._roster.settings()

    def url_of(self, number: int) -> str:
        """Return the address of a pool as it is shown; empty for one that was removed."""
        pool = self._roster.by_number(number)
        return pool.shown_url if pool is not None else ""

    def snapshots(self) -> tuple[PoolSnapshot, ...]:
        roster = self._roster
        at_work = work_parts(self._stakes)
        return tuple(
            pool.snapshot(
                position=position,
                priority=roster.order.index(pool),
                group=roster.groups.index(pool.group),
                quota=_shown_quota(pool),
                active=pool.number in at_work and pool in pool.group.active,
                work_part=at_work.get(pool.number, 0.0),
                shares=self.ledger.pool(pool.number),
            )
            for position, pool in enumerate(roster.pools)
        )

    def options(self) -> PoolOptions:
        config = self._config
        return PoolOptions(
            **{each.name: getattr(config, each.name) for each in fields(PoolOptions)}
        )

    def group_snapshots(self) -> tuple[GroupSnapshot, ...]:
        at_work = {stake.group for stake in self._stakes}
        return tuple(
            group.snapshot(position, active=group.number in at_work)
            for position, group in enumerate(self._roster.groups)
        )

    def work_made(self, job: PoolJob) -> None:
        """Count a work item handed out."""
        pool = self._roster.by_number(job.pool_id)
        if pool is not None:
            pool.works += 1

    def diff1_found(self, job: PoolJob, difficulty: float) -> None:
        """Count the work that a right nonce stands for."""
        pool = self._roster.by_number(job.pool_id)
        if pool is not None:
            pool.found(difficulty)

    def submit(self, share: Share) -> None:
        """Book a share and bring it to the pool it belongs to, within this call if it can go."""
        self._desk.submit(share)

    # Life ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep all enabled pools connected until cancelled; then `stop` may still flush shares."""
        keeper = self._desk.keeper
        keeper.start()
        async with asyncio.TaskGroup() as tasks:
            self._connections.start(tasks, self._roster.pools)
            now_s = self._idle_since_s = self._ticked_s = self._clock.monotonic()
            self._next_interval_s = now_s + INTERVAL_S
            self._tell_s = now_s + TELL_AFTER_S
            self._chores.add(self._tick)
            try:
                await asyncio.sleep(FIRST_S)
                while True:
                    await keeper.save()
                    await beat(SAVE_S)
            finally:
                self._chores.remove(self._tick)

    def _tick(self) -> None:
        now_s = self._clock.monotonic()
        since_s, self._ticked_s = now_s - self._ticked_s, now_s
        if since_s > STALL_S:
            log.warning("nothing could be done for %.0f s: was the machine asleep?", since_s)
            return
        self._connections.tick(list(self._roster.pools), now_s)
        self._patrol.round(list(self._roster.pools), now_s)
        self._choose()
        if self._tell_s is not None and now_s >= self._tell_s:
            self._tell_s = None
            self._tell_problems()
        if now_s >= self._next_interval_s:
            self._next_interval_s = now_s + INTERVAL_S
            for pool in self._roster.pools:
                pool.recent.end_interval()

    async def stop(self) -> None:
        """Give no more work, wait for the answers to the last shares, settle the rest, save.

        Called while `run` still runs.
        """
        self._stopping = True
        self._set_stakes([])
        deadline_s = self._clock.monotonic() + ANSWER_S
        while self.ledger.waiting and self._clock.monotonic() < deadline_s:
            if not any(pool.client.protocol is not None for pool in self._roster.pools):
                break
            await asyncio.sleep(0.01)
        for pool in self._roster.pools:
            self._connections.disconnect(pool)
        await self._desk.blocks.flush(ANSWER_S)
        await self._desk.keeper.end()

    # Which pools work ----------------------------------------------------------------------------

    def _choose(self) -> None:
        """Take the work from the best pools; called on every change and every tick."""
        if self._stopping:
            return
        now_s = self._clock.monotonic()
        groups = self._roster.groups
        for group in groups:
            before = group.active
            if group.choose(self._roster.order_of(group), now_s, self._config.failback_s):
                self._say_switch(group, before)
        parts = divide([group for group in groups if group.has_job], lambda group: group.quota)
        stakes = [stake for group, quota in parts for stake in group.stakes(quota)]
        if not stakes:
            self._without_pool(now_s)
            return
        self._outage_since_s = None
        self._patrol.some_pool_works()
        self._set_stakes(stakes)

    def _without_pool(self, now_s: float) -> None:
        """Search on what may still be sent, for a time; say it when nothing is left of it."""
        is_new = self._outage_since_s is None
        since_s = now_s if self._outage_since_s is None else self._outage_since_s
        self._outage_since_s, outage_s = since_s, now_s - since_s
        before = self._stakes
        left = [stake for stake in before if self._may_send(stake.job)]
        self._set_stakes(left if outage_s < OUTAGE_GRACE_S else [])
        if outage_s >= TELL_AFTER_S:
            doing = "searching the last job on" if self._stakes else "the sticks are idle"
            self._patrol.no_pool_works(f"no pool works: {doing}")
        if before and not self._stakes:
            log.warning("no pool works: the sticks are idle")
        elif is_new and self._stakes:
            log.warning("no pool works; searching the last job on for %g s", OUTAGE_GRACE_S)
        elif not self._stakes and outage_s >= TELL_AFTER_S:
            self._tell_problems()

    def _may_send(self, job: PoolJob) -> bool:
        """Tell whether shares of a job can still reach its pool, now or in the session resumed."""
        pool = self._roster.by_number(job.pool_id)
        return pool is not None and pool.enabled and pool.client.may_send(job)

    def _tell_problems(self) -> None:
        """Say why a group has nothing to do, now and then."""
        for position, pool in enumerate(self._roster.pools):
            is_idle = pool.problem and not pool.group.alive
            if is_idle and self._may_log(f"problem {pool.number}"):
                log.warning("pool %d at %s: %s", position, pool.config.url, pool.problem)

    def _say_switch(self, group: PoolGroup, before: Sequence[Pool]) -> None:
        where = f' of group "{group.name}"' if len(self._roster.groups) > 1 else ""
        left = [pool for pool in before if pool not in group.active]
        come = [pool for pool in group.active if pool not in before]
        why = [
            (self._roster.position_of(p.number), p.problem or "it is not its turn") for p in left
        ]
        for position, problem in why:
            log.warning("pool %s gives no more work%s: %s", position, where, problem)
        for pool in come:
            position = self._roster.position_of(pool.number)
            log.info("pool %s gives work%s: %s", position, where, pool.config.url)
        if where and not group.active:
            log.warning("no pool%s works; its part goes to the others", where)

    def _set_stakes(self, stakes: list[Stake]) -> None:
        """Hand on what to mine, if it is anything new."""
        before, self._stakes = self._stakes, stakes
        if _same(before, stakes):
            return
        self._count_idle()
        try:
            self._on_stakes(stakes)
        except Exception:
            log.exception("jobs %s could not be taken up", [stake.job.job_id for stake in stakes])
        known = {stake.job for stake in before}
        for stake in stakes:
            if stake.job not in known:
                self._pass_mask_on(stake.job)

    def _count_idle(self) -> None:
        if self._stakes:
            self._idle_before_s, self._idle_since_s = self.idle_s, None
        elif self._idle_since_s is None and not self._stopping:
            self._idle_since_s = self._clock.monotonic()

    def _pass_mask_on(self, job: PoolJob) -> None:
        """Say it when a pool's mask has changed since it sent the job that is taken up now."""
        pool = self._roster.by_number(job.pool_id)
        protocol = pool.client.protocol if pool is not None else None
        if protocol is not None and protocol.version_mask != job.version_mask:
            self._on_version_mask(job.pool_id, protocol.version_mask)

    def _heard(self, pool: Pool, event: stratum.Event) -> None:
        self._patrol.heard(pool, event)
        match event:
            case stratum.JobReceived():
                pool.last_job_wall_s = self._clock.wall()
                self._job_received(event.job)
            case stratum.VersionMaskChanged():
                if any(stake.job.pool_id == pool.number for stake in self._stakes):
                    self._on_version_mask(pool.number, event.version_mask)
            case stratum.Configured() | stratum.Subscribed():
                self._taken_up_again(pool)
            case stratum.ShareSent():
                self._desk.keeper.sent(event.share)
            case stratum.ShareSettled():
                self._desk.settled(pool, event.share, event.result)
            case stratum.Authorized():
                position = self._roster.position_of(pool.number)
                log.info("pool %s: logged in as %s", position, pool.config.user)
            case _:
                pass

    def _taken_up_again(self, pool: Pool) -> None:
        """Roll in jobs of an earlier connection only what the one that goes on with them allows."""
        protocol = pool.client.protocol
        if protocol is not None and protocol.subscribed:
            for stake in self._stakes:
                if stake.job.pool_id == pool.number:
                    self._pass_mask_on(stake.job)

    def _job_received(self, job: PoolJob) -> None:
        wall_s = self._clock.wall()
        self.last_job_wall_s = wall_s
        if self._chain.saw(job, wall_s) and self._may_log("new block"):
            log.info("new block on the network: %s", display(job.prev_hash))
        self._choose()

    # Bookkeeping ---------------------------------------------------------------------------------

    def _may_log(self, key: str) -> bool:
        return self._limit.admit(key, self._clock.monotonic()) is not None

    def _add(self, config: PoolConfig, group: PoolGroup) -> Pool:
        pool = Pool(
            number=self._next_number,
            config=config,
            group=group,
            stratum=self._config,
            clock=self._clock,
            rng=self._rng,
            agent=self._agent,
            state_dir=self._state_dir,
            listener=self._heard,
            changed=self._choose,
        )
        self._next_number += 1
        self._roster.add(pool)
        return pool

    async def _set_options(self, order: SetPoolOptions) -> None:
        known = {each.name: each.metadata for each in fields(self._config)}
        for name, value in order.options.items():
            if name not in {each.name for each in fields(PoolOptions)}:
                raise CommandError("invalid-option", f'"{name}" is no option of pools')
            low, high = known[name]["low"], known[name]["high"]
            if not low <= value <= high:
                words = f"{name} {value:g} is not from {low:g} to {high:g}"
                raise CommandError("invalid-option", words)
        options: dict[str, Any] = dict(order.options)
        self._config = replace(self._config, **options)
        for pool in self._roster.pools:
            pool.set_options(self._config)
        self._choose()

    def _removed(self, pool: Pool) -> None:
        self.ledger.forget_pool(pool.number)
        self._patrol.forget(pool)


def _shown_quota(pool: Pool) -> float:
    group = pool.group
    return pool.quota if group.strategy is Strategy.LOAD_BALANCE else group.quota


def _same(before: Sequence[Stake], after: Sequence[Stake]) -> bool:
    """Tell whether nothing has changed; being behind counts only when something else has."""
    return [(s.job, s.group, s.quota, s.weight) for s in before] == [
        (s.job, s.group, s.quota, s.weight) for s in after
    ]
