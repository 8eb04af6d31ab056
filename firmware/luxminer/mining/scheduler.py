"""Work for devices: takes the job to mine from the pools, hands out work items, wakes devices.

One generator per job serves all devices, so that no two ever search the same header. It is kept
for a while after its job: a pool that takes over again goes on where it was left.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable

from luxminer.clock import Clock
from luxminer.work.generator import WorkGenerator
from luxminer.work.job import PoolJob, WorkItem, header_parts

__all__ = ["Scheduler"]

log = logging.getLogger(__name__)

KEPT_GENERATORS = 64
"""Jobs whose search can be gone on with; no pool takes shares of as many at once."""


class Scheduler:
    """Owns the current job. ``work_made`` is told of each work item handed out."""

    def __init__(self, clock: Clock, work_made: Callable[[PoolJob], None]) -> None:
        self._clock = clock
        self._work_made = work_made
        self._generator: WorkGenerator | None = None
        self._kept: dict[Hashable, WorkGenerator] = {}
        self._generation = 0
        self._changed = asyncio.Event()
        self._taken: dict[int, int] = {}
        self._exhausted = False
        self.local_work = 0

    @property
    def has_work(self) -> bool:
        return self._generator is not None and not self._exhausted

    def set_job(self, job: PoolJob | None, clean: bool) -> None:
        """Mine ``job`` from now on, None for nothing. Devices take it up at once.

        Leaving a half searched range costs nothing, working on for an old job may: ``clean`` or
        not, the newest job is the one that pays.
        """
        log.debug("job %s%s", job.job_id if job is not None else "none", ", clean" if clean else "")
        self._generator = self._generator_of(job) if job is not None else None
        self._exhausted = False
        self._wake()

    def next_work(
        self, device_id: int, versions: int, *, chip_rolls: bool = False
    ) -> WorkItem | None:
        """Return work never handed out before, or None when no pool has any."""
        self._taken[device_id] = self._generation
        if self._generator is None:
            return None
        item = self._generator.next(
            versions=versions, chip_rolls=chip_rolls, now_s=self._clock.monotonic()
        )
        if item is None:
            if not self._exhausted:
                self._exhausted = True
                log.warning(
                    "job %s of pool %d has no work left: extranonce2 of %d bytes is used up, and "
                    "ntime may not be rolled further; waiting for the next job",
                    self._generator.job.job_id,
                    self._generator.job.pool_id,
                    self._generator.job.extranonce2_size,
                )
            return None
        self._exhausted = False
        self.local_work += 1
        self._work_made(self._generator.job)
        return item

    def set_version_mask(self, mask: int) -> None:
        """Roll only these bits from now on, and make devices drop what they have."""
        if self._generator is not None:
            self._generator.set_version_mask(mask)
            self._wake()

    async def work_changed(self, device_id: int) -> None:
        """Return when a change came that ``device_id`` has not seen in `next_work` yet."""
        while self._taken.get(device_id, -1) == self._generation:
            await self._changed.wait()

    def _generator_of(self, job: PoolJob) -> WorkGenerator:
        parts = header_parts(job)
        generator = self._kept.pop(parts, None)
        if generator is None:
            generator = WorkGenerator(job)
        elif generator.job is not job:
            generator.go_on(job)
        self._kept[parts] = generator
        if len(self._kept) > KEPT_GENERATORS:
            del self._kept[next(iter(self._kept))]
        return generator

    def _wake(self) -> None:
        self._generation += 1
        self._changed.set()
        self._changed = asyncio.Event()
