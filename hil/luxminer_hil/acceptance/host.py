"""The service's side of a driver, for a bench: hands out work, and keeps every claim.

Work comes from the service's own generator; claims are judged by `hashlib`, from the header that
was handed out.
"""

import random
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256

from luxminer.clock import Clock
from luxminer.device.contract import DeviceReport
from luxminer.hashing import midstate
from luxminer.mining.scheduler import Scheduler
from luxminer.work.header import header_bytes
from luxminer.work.job import NonceFound, PoolJob, WorkItem
from luxminer.work.target import DIFF1_TARGET, target_of

__all__ = ["VERSION_MASK", "BenchHost", "Nonce", "Tasks", "bench_job", "header_work"]

VERSION_MASK = 0x1FFFE000
"""What pools usually grant."""

VERSION = 0x20000000
NBITS = 0x1D00FFFF
NTIME = 1_700_000_000

MAX_TASKS = 4096
"""Remembered; more than drivers know by their ids."""

MAX_NONCES = 1_000_000
"""Kept of one run; an R909 takes two days for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonce:
    """One claim, judged."""

    at_s: float
    chip: int | None
    nonce: int
    """Header field as a number."""
    version: int
    lane: int | None
    """Place of its version among those of the work item, None for one that the chip rolled."""
    is_right: bool
    is_duplicate: bool
    difficulty: float
    """Of the hash, 0 where no work belongs to the claim."""
    job: PoolJob | None
    task: int | None = None
    """Number of its task in the order in which they were taken; None for one that is forgotten."""
    late_s: float = 0.0
    """For how long another task had been sent when it came."""


class Tasks:
    """What the driver has taken, the newest, and when."""

    def __init__(self) -> None:
        self.count = 0
        self._taken_s: dict[int, float] = {}
        self._works: dict[int, WorkItem | None] = {}
        self._numbers: dict[int, int] = {}

    def take(self, work: WorkItem | None, now_s: float) -> None:
        """Remember a task, also one without work."""
        number, self.count = self.count, self.count + 1
        self._taken_s[number], self._works[number] = now_s, work
        self._numbers[id(work)] = number
        if number >= MAX_TASKS:
            del self._taken_s[number - MAX_TASKS]
            forgotten = id(self._works.pop(number - MAX_TASKS))
            if self._numbers.get(forgotten) == number - MAX_TASKS:
                del self._numbers[forgotten]

    def number_of(self, work: WorkItem | None) -> int | None:
        """Return the number of the last task with this very work."""
        return self._numbers.get(id(work)) if work is not None else None

    def replaced_s(self, number: int) -> float:
        """Return when the next task was taken; infinity if none was."""
        return self._taken_s.get(number + 1, float("inf"))


def bench_job(rng: random.Random, *, version_mask: int = VERSION_MASK) -> PoolJob:
    """Return a job that nobody has seen before."""
    return PoolJob(
        pool_id=0,
        connection=1,
        user="bench",
        job_id=f"{rng.getrandbits(32):08x}",
        prev_hash=rng.randbytes(32),
        coinb1=bytes.fromhex("0100000001") + bytes(32) + bytes.fromhex("ffffffff1f"),
        coinb2=bytes.fromhex("ffffffff0100f2052a01000000015100000000"),
        merkle_branch=(rng.randbytes(32), rng.randbytes(32)),
        version=VERSION,
        nbits=NBITS,
        ntime=NTIME,
        clean=True,
        extranonce1=rng.randbytes(4),
        extranonce2_size=8,
        version_mask=version_mask,
        version_rolling=bool(version_mask),
        difficulty=Fraction(1),
        share_target=DIFF1_TARGET,
        network_target=0,
        received_s=0.0,
    )


def header_work(header: bytes, job: PoolJob) -> WorkItem:
    """Return a complete header (80 bytes, the nonce does not matter) as work."""
    version = int.from_bytes(header[:4], "little")
    ntime = int.from_bytes(header[68:72], "little")
    of_header = replace(
        job,
        prev_hash=header[4:36],
        version=version,
        ntime=ntime,
        nbits=int.from_bytes(header[72:76], "little"),
        version_mask=0,
        version_rolling=False,
    )
    return WorkItem(
        job=of_header,
        extranonce2=bytes(8),
        ntime=ntime,
        merkle_root=header[36:68],
        versions=(version,),
        midstates=(midstate(header[:64]),),
        tail=header[64:76],
    )


class BenchHost:
    """A `DeviceHost`. ``golden`` is the one work item to hand out again and again, if any."""

    device_id = 0

    def __init__(
        self, clock: Clock, job: PoolJob, scale: float, *, seed: int, golden: WorkItem | None = None
    ) -> None:
        self.clock = clock
        self.random = random.Random(seed)
        self.reports: list[DeviceReport] = []
        """All of them; one comes each second."""
        self.nonces: list[Nonce] = []
        self.up_s = float("inf")
        """When the first of them came."""
        self.versions_wanted = 1
        """Most versions that the driver has asked for in one work item."""
        self.chip_rolls = False
        self.tasks = Tasks()
        self._golden = golden
        self._target = target_of(Fraction(scale))
        self._seen: set[tuple[bytes, int, int, int]] = set()
        self._scheduler = Scheduler(clock, lambda _: None)
        self._scheduler.set_job(job, clean=True)

    def set_job(self, job: PoolJob) -> None:
        """Let the driver work on another job from now on."""
        self._scheduler.set_job(job, clean=True)

    def next_work(self, *, versions: int = 1, chip_rolls: bool = False) -> WorkItem | None:
        self.versions_wanted = max(self.versions_wanted, versions)
        self.chip_rolls |= chip_rolls
        work = self._scheduler.next_work(0, versions, chip_rolls=chip_rolls)
        work = work if self._golden is None else self._golden
        self.tasks.take(work, self.clock.monotonic())
        return work

    async def work_changed(self) -> None:
        await self._scheduler.work_changed(0)

    def nonce_found(self, nonce: NonceFound) -> bool:
        """Judge a claim and keep it."""
        work = nonce.work
        number = _hash(work, nonce) if work is not None else None
        is_right = number is not None and number <= self._target
        key = (work.extranonce2, work.ntime, nonce.version, nonce.nonce) if work else None
        is_duplicate = is_right and key in self._seen
        if is_right and key is not None:
            self._seen.add(key)
        task = self.tasks.number_of(work)
        replaced_s = self.tasks.replaced_s(task) if task is not None else float("inf")
        if len(self.nonces) < MAX_NONCES:
            self.nonces.append(
                Nonce(
                    at_s=nonce.found_s,
                    chip=nonce.chip,
                    nonce=nonce.nonce,
                    version=nonce.version,
                    lane=_lane(work, nonce.version),
                    is_right=is_right,
                    is_duplicate=is_duplicate,
                    difficulty=DIFF1_TARGET / number if number else 0.0,
                    job=work.job if work is not None else None,
                    task=task,
                    late_s=max(0.0, nonce.found_s - replaced_s),
                )
            )
        return is_right

    def report(self, report: DeviceReport) -> None:
        if not self.reports:
            self.up_s = self.clock.monotonic()
        self.reports.append(report)


def _hash(work: WorkItem, nonce: NonceFound) -> int:
    job = work.job
    header = header_bytes(
        nonce.version, job.prev_hash, work.merkle_root, work.ntime, job.nbits, nonce.nonce
    )
    return int.from_bytes(sha256(sha256(header).digest()).digest(), "little")


def _lane(work: WorkItem | None, version: int) -> int | None:
    if work is None or version not in work.versions:
        return None
    return work.versions.index(version)
