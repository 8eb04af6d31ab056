"""Work for devices: never twice, and nobody sleeps through a change."""

import asyncio

from luxminer.mining.scheduler import Scheduler
from luxminer.work.job import PoolJob
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
