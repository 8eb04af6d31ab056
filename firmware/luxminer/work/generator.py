"""Work items out of one pool job, each header handed out once.

The space is (ntime, extranonce2, version pattern), the pattern changing fastest: a new pattern
costs one midstate, a new extranonce2 the whole merkle path. When every extranonce2 is used up,
ntime moves by one second as far as all known pools accept it; then there is no work for now.
"""

from luxminer.hashing import midstates, work_parts
from luxminer.work.header import header_start
from luxminer.work.job import PoolJob, WorkItem, header_parts
from luxminer.work.version import free_bits

__all__ = ["MAX_NTIME_ROLL_S", "WorkGenerator", "encode_extranonce2", "extranonce2_space"]
__all__ += ["latest_ntime"]

MAX_NTIME_ROLL_S = 600
"""The tightest window of a known pool (btcpool)."""

MAX_NTIME = 0xFFFFFFFF

AHEAD = 8
"""Items of one version that are made together: the host comes to each with cold caches, and the
second one then costs a fraction of the first."""
ALL_BITS = 0xFFFFFFFF


def extranonce2_space(size: int) -> int:
    """Return how many extranonce2 of ``size`` bytes there are."""
    return 1 << 8 * size


def encode_extranonce2(counter: int, size: int) -> bytes:
    """Return a counter as extranonce2: little-endian, exactly ``size`` bytes.

    Raises OverflowError when it does not fit.
    """
    return counter.to_bytes(size, "little")


def latest_ntime(job_ntime: int, elapsed_s: float) -> int:
    """Return the largest ntime that every known pool accepts ``elapsed_s`` after the job came.

    One second per whole second since then, `MAX_NTIME_ROLL_S` at most. The smallest is the job's.
    """
    rolled_s = min(max(int(elapsed_s), 0), MAX_NTIME_ROLL_S)
    return min(job_ntime + rolled_s, MAX_NTIME)


class WorkGenerator:
    """Hands out the work of one job to any number of devices, no header twice.

    The parts of the job are taken as they are: `PoolJob` promises a stripped coinbase.
    """

    def __init__(self, job: PoolJob) -> None:
        self._job = job
        self._space = extranonce2_space(job.extranonce2_size)
        self._ntime = job.ntime
        self._counter = 0
        self._free = free_bits(job.version, job.version_mask)
        self._pattern = 0
        self._prefix = job.coinb1 + job.extranonce1
        self._bits = 0
        """The next pattern at its place in the version."""
        self._extranonce2 = b""
        self._root = b""
        self._tail = b""
        self._ahead: list[WorkItem] = []
        """Items of one version that are ready, the next one last."""

    @property
    def job(self) -> PoolJob:
        return self._job

    @property
    def rollable(self) -> int:
        """Version bits that may be rolled now."""
        return self._free

    def go_on(self, job: PoolJob) -> None:
        """Hand out what is left, for ``job``: the same work, that the pool sent once more.

        Asserts that it is the same work; its difficulty and version mask may be others.
        """
        assert header_parts(job) == header_parts(self._job), job
        if job is not self._job:
            self._ahead.clear()
            self._job = job
        self.set_version_mask(job.version_mask)

    def set_version_mask(self, mask: int) -> None:
        """Roll only the bits of ``mask`` from now on; 0 stops rolling.

        Patterns of the new mask may have been used with the current extranonce2 already, so the
        next work item begins with a new one.
        """
        free = free_bits(self._job.version, mask)
        if free == self._free:
            return
        self._ahead.clear()
        self._free = free
        if self._pattern:
            self._next_extranonce2()

    def next(
        self,
        *,
        versions: int = 1,
        chip_rolls: bool = False,
        roll_mask: int = ALL_BITS,
        now_s: float,
    ) -> WorkItem | None:
        """Return a new work item with 1 to ``versions`` versions; they are rolled if it may be.

        With ``chip_rolls`` it has one version and all patterns of its extranonce2, for a chip that
        rolls them by itself, but only those within ``roll_mask``.

        None when all that may be searched at ``now_s`` (monotonic) was handed out; a later call
        can succeed, since ntime may follow the clock. Asserts that ``versions`` is at least 1.
        """
        assert versions > 0, versions
        if versions > 1 or chip_rolls:
            return self._next(versions, now_s, chip_rolls=chip_rolls, roll_mask=roll_mask)
        if not self._ahead:
            item = self._next(AHEAD, now_s, chip_rolls=False, roll_mask=ALL_BITS)
            if item is None or len(item.versions) == 1:
                return item
            self._ahead = _split(item)
        return self._ahead.pop()

    def _next(
        self, versions: int, now_s: float, *, chip_rolls: bool, roll_mask: int
    ) -> WorkItem | None:
        job = self._job
        if chip_rolls and self._pattern:
            self._next_extranonce2()  # some of its patterns are somebody else's
        if self._counter == self._space:
            if self._ntime >= latest_ntime(job.ntime, now_s - job.received_s):
                return None
            self._ntime += 1
            self._counter = 0
        patterns = 1 << self._free.bit_count()
        if chip_rolls:
            versions = 1
        end = min(self._pattern + versions, patterns)
        rolled = self._versions(self._pattern, end)
        if self._pattern:
            start = header_start(rolled[0], job.prev_hash, self._root)
            states = midstates(start, rolled)
        else:
            self._extranonce2 = encode_extranonce2(self._counter, job.extranonce2_size)
            self._root, states, self._tail = work_parts(
                self._prefix,
                self._extranonce2,
                job.coinb2,
                job.merkle_branch,
                job.prev_hash,
                self._ntime,
                job.nbits,
                rolled,
            )
        item = WorkItem(
            job=job,
            extranonce2=self._extranonce2,
            ntime=self._ntime,
            merkle_root=self._root,
            versions=rolled,
            midstates=states,
            tail=self._tail,
            chip_rolls=self._free & roll_mask if chip_rolls else 0,
        )
        self._pattern = end
        if chip_rolls or end == patterns:
            self._next_extranonce2()
        return item

    def _versions(self, first: int, end: int) -> tuple[int, ...]:
        """Return the versions of these patterns, which follow those of the last call."""
        job_version, free = self._job.version, self._free
        bits = self._bits if first else 0
        versions = []
        for _ in range(first, end):
            versions.append(job_version | bits)
            bits = (bits - free) & free  # counts upwards in the free bits alone
        self._bits = bits
        return tuple(versions)

    def _next_extranonce2(self) -> None:
        self._counter += 1
        self._pattern = 0


def _split(item: WorkItem) -> list[WorkItem]:
    """Return an item for each version, the last one first."""
    return [
        WorkItem(
            job=item.job,
            extranonce2=item.extranonce2,
            ntime=item.ntime,
            merkle_root=item.merkle_root,
            versions=(version,),
            midstates=(midstate,),
            tail=item.tail,
        )
        for version, midstate in zip(reversed(item.versions), reversed(item.midstates), strict=True)
    ]
