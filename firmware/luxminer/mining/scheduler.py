"""Work for devices: takes the jobs to mine from the pools, hands out work items, wakes devices.

Each work item is made from one job, and belongs to the pool of that job alone. Where several pools
have a stake, a `Splitter` says whose turn it is; a device is woken only when the job in its hands
is no longer the newest of its pool.

One generator per job serves all devices, so that no two ever search the same header. It is kept
for a while after its job: a pool that takes over again goes on where it was left.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Hashable, Sequence, Set
from functools import reduce
from operator import and_

from luxminer.clock import Clock
from luxminer.mining.splitter import Splitter
from luxminer.work.generator import ALL_BITS, WorkGenerator
from luxminer.work.job import PoolJob, Stake, WorkItem, header_parts

__all__ = ["Scheduler"]

log = logging.getLogger(__name__)

KEPT_GENERATORS = 64
"""Jobs whose search can be gone on with; no pool takes shares of as many at once."""

NONCES = 1 << 32
"""Of one header: as many hashes as difficulty 1 stands for."""

LONG_PIECE_S = 10.0
"""A device so slow that it is longer at one work item gives it up when it is another one's turn."""

MAX_PIECE_S = 30.0
"""Longer at one work item a device was not at work."""


class _Hand:
    """What one device has in its hands."""

    __slots__ = ("books", "changed", "job", "most", "piece", "taken_s")

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.changed.set()
        self.job: PoolJob | None = None
        self.books: tuple[Splitter[int], int, Splitter[int], int] | None = None
        """Where its work item is booked: book and group, book and pool."""
        self.piece = 1.0
        """Difficulty it is booked with: what the one before turned out to be."""
        self.most = 1.0
        """Difficulty of all hashes that can be made of it."""
        self.taken_s = 0.0


class Scheduler:
    """Owns the current jobs.

    ``work_made`` is told of each work item handed out. ``rate_hs`` gives the hashes per second that
    a device should do, 0 while that is not known; it is asked only where work is divided.
    """

    def __init__(
        self,
        clock: Clock,
        work_made: Callable[[PoolJob], None],
        rate_hs: Callable[[int], float] = lambda _: 0.0,
    ) -> None:
        self._clock = clock
        self._work_made = work_made
        self._rate_hs = rate_hs
        self._stakes: dict[int, Stake] = {}
        """By the number of the pool; its generator likewise."""
        self._generators: dict[int, WorkGenerator] = {}
        self._only: WorkGenerator | None = None
        """The one there is, when all work is for one pool."""
        self._groups: Splitter[int] = Splitter({})
        self._pools: dict[int, Splitter[int]] = {}
        """Of each group."""
        self._quotas: dict[int, float] = {}
        self._weights: dict[int, dict[int, float]] = {}
        self._roll_mask = ALL_BITS
        self._used_up: set[int] = set()
        self._kept: dict[Hashable, WorkGenerator] = {}
        self._hands: dict[int, _Hand] = {}
        self.local_work = 0

    @property
    def has_work(self) -> bool:
        return len(self._used_up) < len(self._generators)

    def set_job(self, job: PoolJob | None, *, clean: bool) -> None:
        """Mine ``job`` alone from now on, None for nothing; see `set_stakes`."""
        log.debug("job %s%s", job.job_id if job is not None else "none", ", clean" if clean else "")
        self.set_stakes([Stake(job=job)] if job is not None else [])

    def set_stakes(self, stakes: Sequence[Stake]) -> None:
        """Divide all work among these from now on, one for each pool, none for no work.

        Devices that work on a job that is none of these take up another at once: leaving a half
        searched range costs nothing, working on for an old job may, ``clean`` or not. The others
        are left alone.
        """
        self._stakes = {stake.job.pool_id: stake for stake in stakes}
        assert len(self._stakes) == len(stakes), stakes
        generators = {}
        for pool, stake in self._stakes.items():
            known = self._generators.get(pool)
            if known is None or known.job is not stake.job:
                known = self._generator_of(stake.job)
                self._used_up.discard(pool)
            generators[pool] = known
        self._generators = generators
        self._used_up &= generators.keys()
        self._only = next(iter(generators.values())) if len(generators) == 1 else None
        self._share_out()
        self._agree_on_bits()
        jobs = {stake.job for stake in stakes}
        for hand in self._hands.values():
            if hand.job not in jobs and (hand.job is not None or jobs):
                hand.changed.set()

    def next_work(
        self, device_id: int, versions: int, *, chip_rolls: bool = False
    ) -> WorkItem | None:
        """Return work never handed out before, or None when no pool has any."""
        hand = self._hands.get(device_id)
        if hand is None:
            hand = self._hands[device_id] = _Hand()
        hand.changed.clear()
        now_s = self._clock.monotonic()
        item = None
        if self._only is not None:
            item = self._only.next(versions=versions, chip_rolls=chip_rolls, now_s=now_s)
            if item is None:
                self._note_used_up(self._only)
        elif self._generators:
            self._close(hand, self._rate_hs(device_id) / NONCES, now_s)
            item = self._next_of_many(hand, versions, chip_rolls, now_s)
        if item is None:
            hand.job = None
            return None
        hand.job = item.job
        if self._used_up:
            self._used_up.discard(item.job.pool_id)
        self.local_work += 1
        self._work_made(item.job)
        return item

    def found(self, device_id: int, job: PoolJob, difficulty: float) -> None:
        """Take note of what a device found in work from ``job``."""
        stake = self._stakes.get(job.pool_id)
        if self._only is not None or stake is None:
            return
        self._groups.found(stake.group, difficulty)
        self._pools[stake.group].found(job.pool_id, difficulty)
        hand, now_s = self._hands.get(device_id), self._clock.monotonic()
        if hand is None or hand.job is None or now_s - hand.taken_s < LONG_PIECE_S:
            return
        if self._turn(hand.piece, now_s, set()) != hand.job.pool_id:
            hand.changed.set()

    def set_version_mask(self, pool: int, mask: int) -> None:
        """Roll only these bits of a pool's versions, and make devices drop what they have of it."""
        generator = self._generators.get(pool)
        if generator is None:
            return
        generator.set_version_mask(mask)
        self._agree_on_bits()
        for hand in self._hands.values():
            if hand.job is not None and hand.job.pool_id == pool:
                hand.changed.set()

    async def work_changed(self, device_id: int) -> None:
        """Return when a change came that ``device_id`` has not seen in `next_work` yet."""
        hand = self._hands.get(device_id)
        if hand is not None:
            await hand.changed.wait()

    # Several pools at once -----------------------------------------------------------------------

    def _share_out(self) -> None:
        """Begin books anew where takers or quotas have changed, and go on with the others."""
        quotas: dict[int, float] = {}
        weights: dict[int, dict[int, float]] = {}
        for pool, stake in self._stakes.items():
            quotas[stake.group] = stake.quota
            weights.setdefault(stake.group, {})[pool] = stake.weight
        if quotas != self._quotas:
            self._groups = Splitter(quotas)
            for hand in self._hands.values():
                hand.books = None
        splitters = {}
        for group, parts in weights.items():
            if parts == self._weights.get(group):
                splitters[group] = self._pools[group]
            else:
                splitters[group] = Splitter(
                    parts, {pool: self._stakes[pool].behind for pool in parts}
                )
        self._quotas, self._weights, self._pools = quotas, weights, splitters

    def _agree_on_bits(self) -> None:
        """Let chips that roll versions by themselves roll what all jobs allow.

        They are told the bits by a register, and what clock their link can feed depends on them:
        both would change with each work item if each were rolled in bits of its own.
        """
        self._roll_mask = reduce(
            and_, (generator.rollable for generator in self._generators.values()), ALL_BITS
        )

    def _next_of_many(
        self, hand: _Hand, versions: int, chip_rolls: bool, now_s: float
    ) -> WorkItem | None:
        passed: set[int] = set()
        while len(passed) < len(self._generators):
            pool = self._turn(hand.piece, now_s, passed)
            generator = self._generators[pool]
            item = generator.next(
                versions=versions, chip_rolls=chip_rolls, roll_mask=self._roll_mask, now_s=now_s
            )
            if item is None:
                self._note_used_up(generator)
                passed.add(pool)
                continue
            group = self._stakes[pool].group
            hand.books = (self._groups, group, self._pools[group], pool)
            hand.taken_s = now_s
            hand.most = math.inf if chip_rolls else float(len(item.versions))
            self._book(hand.books, hand.piece)
            return item
        return None

    def _turn(self, piece: float, now_s: float, passed: Set[int] = frozenset()) -> int:
        """Return the pool whose turn it is, none of ``passed``."""
        without: Set[int] = frozenset()
        if passed:
            without = {group for group, parts in self._weights.items() if parts.keys() <= passed}
        group = self._groups.choose(piece, now_s, without)
        return self._pools[group].choose(piece, now_s, passed)

    def _close(self, hand: _Hand, rate: float, now_s: float) -> None:
        """Book what the work item in a hand has turned out to be instead of what was expected.

        ``rate`` is in difficulty per second, 0 when it is not known.
        """
        if hand.books is None or rate <= 0:
            return
        done = min(rate * min(now_s - hand.taken_s, MAX_PIECE_S), hand.most)
        self._book(hand.books, done - hand.piece)
        hand.books, hand.piece = None, done

    @staticmethod
    def _book(books: tuple[Splitter[int], int, Splitter[int], int], piece: float) -> None:
        groups, group, pools, pool = books
        groups.handed(group, piece)
        pools.handed(pool, piece)

    # Generators ----------------------------------------------------------------------------------

    def _note_used_up(self, generator: WorkGenerator) -> None:
        job = generator.job
        if job.pool_id not in self._used_up:
            self._used_up.add(job.pool_id)
            log.warning(
                "job %s of pool %d has no work left: extranonce2 of %d bytes is used up, and ntime "
                "may not be rolled further; waiting for the next job",
                *(job.job_id, job.pool_id, job.extranonce2_size),
            )

    def _generator_of(self, job: PoolJob) -> WorkGenerator:
        parts = header_parts(job)
        generator = self._kept.pop(parts, None)
        if generator is None:
            generator = WorkGenerator(job)
        else:
            generator.go_on(job)
        self._kept[parts] = generator
        if len(self._kept) > KEPT_GENERATORS:
            in_use = self._generators.values()
            oldest = next((p for p, kept in self._kept.items() if kept not in in_use), parts)
            del self._kept[oldest]
        return generator
