"""Work for devices: never twice, and nobody sleeps through a change."""

import asyncio
from dataclasses import replace
from fractions import Fraction

from luxminer.mining.scheduler import KEPT_GENERATORS, Scheduler
from luxminer.work.job import PoolJob, WorkItem
from tests.unit.mining.jobs import job


class FixedClock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return self.now_s


def scheduler() -> tuple[Scheduler, list[PoolJob], FixedClock]:
    made: list[PoolJob] = []
    clock = FixedClock()
    return Scheduler(clock, made.append), made, clock


async def settled(task: "asyncio.Task[None]") -> bool:
    for _ in range(3):
        await asyncio.sleep(0)
    return task.done()


async def test_without_a_job_there_is_no_work_and_its_coming_wakes_devices() -> None:
    source, made, _ = scheduler()
    assert source.next_work(0, 1) is None
    waiting = asyncio.create_task(source.work_changed(0))
    assert not await settled(waiting)
    source.set_job(job(), clean=False)
    assert await settled(waiting)
    assert source.next_work(0, 1) is not None
    assert len(made) == source.local_work == 1


async def test_devices_share_one_job_without_sharing_work() -> None:
    source, _, _ = scheduler()
    source.set_job(job(), clean=True)
    items = [source.next_work(n % 3, 1) for n in range(30)]
    assert len({item.extranonce2 for item in items if item}) == 30


async def test_every_new_job_is_taken_up_at_once() -> None:
    source, _, _ = scheduler()
    source.set_job(job(job_id="a"), clean=True)
    for job_id, clean in (("b", False), ("c", True)):
        source.next_work(0, 1)
        waiting = asyncio.create_task(source.work_changed(0))
        assert not await settled(waiting)
        source.set_job(job(job_id=job_id), clean=clean)
        assert await settled(waiting)
        work = source.next_work(0, 1)
        assert work is not None
        assert work.job.job_id == job_id


async def test_a_change_between_two_waits_is_not_missed() -> None:
    source, _, _ = scheduler()
    source.set_job(job(job_id="a"), clean=True)
    source.next_work(0, 1)
    source.set_job(job(job_id="b"), clean=True)
    await asyncio.wait_for(source.work_changed(0), 1)
    source.next_work(0, 1)
    waiting = asyncio.create_task(source.work_changed(0))
    assert not await settled(waiting)
    waiting.cancel()


async def test_losing_the_job_wakes_devices() -> None:
    source, _, _ = scheduler()
    source.set_job(job(), clean=True)
    source.next_work(0, 1)
    waiting = asyncio.create_task(source.work_changed(0))
    source.set_job(None, clean=False)
    assert await settled(waiting)
    assert not source.has_work
    assert source.next_work(0, 1) is None


async def test_a_used_up_job_says_so_and_goes_on_when_time_allows() -> None:
    source, _, clock = scheduler()
    source.set_job(job(extranonce2_size=1), clean=True)
    items = [source.next_work(0, 1) for _ in range(257)]
    assert items[255] is not None
    assert items[256] is None
    assert not source.has_work
    clock.now_s = 1.0
    work = source.next_work(0, 1)
    assert work is not None
    assert work.ntime == work.job.ntime + 1
    assert source.has_work


def header_of(item: WorkItem) -> tuple[bytes, bytes]:
    return item.midstates[0], item.tail


def test_a_job_that_comes_back_is_gone_on_with() -> None:
    """Also as another object with another difficulty, as after a reconnect."""
    source, made, _ = scheduler()
    first, other = job(job_id="a"), job(job_id="b")
    again = replace(
        first, connection=9, difficulty=Fraction(7), share_target=first.share_target // 7
    )
    seen = set()
    for current in (first, other, first, again, other):
        source.set_job(current, clean=True)
        for _ in range(3):
            item = source.next_work(0, 1)
            assert item is not None
            assert item.job is current
            seen.add((current.job_id, header_of(item)))
    assert len(seen) == 15
    assert made[-1] is other


def test_what_may_be_rolled_is_asked_anew_when_a_job_comes_back() -> None:
    source, _, _ = scheduler()
    first = replace(job(job_id="a"), version_rolling=True, version_mask=0x1FFFE000)
    source.set_job(first, clean=True)
    item = source.next_work(0, 4)
    assert item is not None
    assert len(item.versions) == 4
    source.set_job(job(job_id="b"), clean=True)
    source.set_job(replace(first, version_mask=0, version_rolling=False), clean=True)
    item = source.next_work(0, 4)
    assert item is not None
    assert item.versions == (first.version,)


def test_only_so_many_jobs_are_remembered() -> None:
    source, _, _ = scheduler()
    jobs = [job(job_id=f"{number:x}") for number in range(KEPT_GENERATORS + 1)]
    for current in (*jobs, jobs[0]):
        source.set_job(current, clean=True)
        item = source.next_work(0, 1)
        assert item is not None
        assert int.from_bytes(item.extranonce2, "little") == 0
    source.set_job(jobs[-1], clean=True)
    item = source.next_work(0, 1)
    assert item is not None
    assert int.from_bytes(item.extranonce2, "little") == 1


def test_a_chip_that_rolls_versions_has_all_of_them_for_itself() -> None:
    source, _, _ = scheduler()
    source.set_job(replace(job(), version_rolling=True, version_mask=0x1FFFE000), clean=True)
    items = [source.next_work(0, 4), source.next_work(1, 1, chip_rolls=True)]
    items += [source.next_work(0, 4), source.next_work(1, 1, chip_rolls=True)]
    found = [(i.extranonce2, i.versions, i.chip_rolls) for i in items if i is not None]
    assert len({extranonce2 for extranonce2, _, _ in found}) == 4
    assert [len(versions) for _, versions, _ in found] == [4, 1, 4, 1]
    assert [rolls for _, _, rolls in found] == [0, 0x1FFFE000, 0, 0x1FFFE000]
    assert found[1][1] == (0x20000000,)


def test_a_job_that_comes_back_rolls_its_own_bits_again() -> None:
    source, _, _ = scheduler()
    first = replace(job(job_id="a"), version_rolling=True, version_mask=0x2000)
    source.set_job(first, clean=True)
    source.set_version_mask(first.pool_id, 0x1FFFE000)
    wide = source.next_work(0, 4)
    assert wide is not None
    assert len(wide.versions) == 4
    # Meanwhile the pool takes it back, which nobody is told of while another one is mined for.
    source.set_job(job(pool_id=1, job_id="b"), clean=True)
    source.set_job(first, clean=True)
    back = source.next_work(0, 4)
    assert back is not None
    assert back.job is first
    assert {version ^ first.version for version in back.versions} <= {0, 0x2000}
    assert back.extranonce2 != wide.extranonce2
