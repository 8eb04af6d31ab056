"""Several pools at once: each has its part, and its devices; nobody waits for anybody."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from luxminer.mining.scheduler import LONG_PIECE_S, Scheduler
from luxminer.work.job import PoolJob, Stake, WorkItem
from tests.unit.mining.jobs import job
from tests.unit.mining.sticks import (
    BLOCK_ERUPTER,
    COMPAC,
    COMPAC_A2,
    R909,
    EventClock,
    Mine,
    Stick,
    part,
)

MINUTE_S = 60.0


def job_of(pool: int, job_id: str = "a", *, mask: int = 0, extranonce2_size: int = 8) -> PoolJob:
    made = job(
        pool_id=pool,
        connection=pool + 1,
        job_id=job_id,
        version_mask=mask,
        extranonce2_size=extranonce2_size,
    )
    coinb2 = made.coinb2 + job_id.encode()
    return replace(made, user=f"user{pool}", extranonce1=bytes([pool] * 4), coinb2=coinb2)


def stakes(*quotas: float, job_id: str = "a") -> list[Stake]:
    """One pool in each group, both with the same number."""
    return [
        Stake(job=job_of(number, job_id), group=number, quota=quota)
        for number, quota in enumerate(quotas)
        if quota
    ]


def mine(sticks: Sequence[Stick]) -> Mine:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    return Mine(dict(enumerate(sticks)), seed)


def scheduler() -> tuple[Scheduler, EventClock]:
    clock = EventClock()
    return Scheduler(clock, lambda job: None), clock


def take(source: Scheduler, device_id: int = 0) -> WorkItem:
    item = source.next_work(device_id, 1)
    assert item is not None
    return item


async def is_woken(source: Scheduler, device_id: int) -> bool:
    waiting = asyncio.create_task(source.work_changed(device_id))
    for _ in range(3):
        await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    return done


# The ratio ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("quotas", [(3, 1), (90, 10), (50, 30, 20)], ids=str)
def test_twenty_minutes_come_out_in_the_ratio_of_the_quotas(quotas: tuple[int, ...]) -> None:
    """Also when all of them get new jobs all the time."""
    rig = mine([COMPAC] * 3)
    for minute in range(20):
        rig.scheduler.set_stakes(stakes(*quotas, job_id=f"{minute}"))
        rig.run(MINUTE_S)
    found = rig.found_by_pool()
    for pool, quota in enumerate(quotas):
        assert part(found, pool) == pytest.approx(quota / sum(quotas), rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sticks",
    [[COMPAC], [COMPAC, R909], [R909, COMPAC_A2], [COMPAC] * 8 + [BLOCK_ERUPTER] * 4, [COMPAC_A2]],
    ids=["compac", "compac and r909", "r909 and a2", "compacs and erupters", "a2"],
)
def test_sticks_of_every_size_give_the_ratio_in_every_window(sticks: list[Stick]) -> None:
    rig = mine(sticks)
    rig.scheduler.set_stakes(stakes(3, 1))
    rig.run(20 * MINUTE_S)
    assert part(rig.found_by_pool(), 1) == pytest.approx(0.25, rel=0.02)
    worth = max(stick.ticket for stick in sticks)
    for from_s in range(60, 1020, 30):
        found = rig.found_by_pool(from_s, from_s + 3 * MINUTE_S)
        # Nonces are whole: a few of the most difficult ones are one way or the other.
        slack = 6 * worth / sum(found.values())
        assert part(found, 1) == pytest.approx(0.25, abs=0.01 + slack), from_s


def test_a_part_goes_to_the_others_and_comes_back_without_catching_up() -> None:
    rig = mine([COMPAC] * 4)
    rig.scheduler.set_stakes(stakes(2, 1, 1))
    rig.run(5 * MINUTE_S)
    rig.scheduler.set_stakes(stakes(2, 1, 0))
    rig.run(10 * MINUTE_S)
    away = rig.found_by_pool(5 * MINUTE_S + 1, 15 * MINUTE_S)
    assert part(away, 2) == 0
    assert part(away, 0) == pytest.approx(2 / 3, rel=0.02)
    rig.scheduler.set_stakes(stakes(2, 1, 1))
    rig.run(5 * MINUTE_S)
    back = rig.found_by_pool(15 * MINUTE_S)
    assert part(back, 2) == pytest.approx(1 / 4, rel=0.05)


def test_pools_of_one_group_share_its_part() -> None:
    rig = mine([COMPAC] * 4)
    pools = [Stake(job=job_of(0), group=0, quota=1)]
    pools += [Stake(job=job_of(n), group=1, quota=3, weight=w) for n, w in ((1, 2), (2, 1))]
    rig.scheduler.set_stakes(pools)
    rig.run(20 * MINUTE_S)
    found = rig.found_by_pool()
    assert part(found, 0) == pytest.approx(0.25, rel=0.02)
    assert part(found, 1) == pytest.approx(0.5, rel=0.02)
    rig.scheduler.set_stakes(pools[:2])
    rig.run(5 * MINUTE_S)
    assert part(rig.found_by_pool(20 * MINUTE_S + 1), 1) == pytest.approx(0.75, rel=0.02)


def test_a_pool_whose_work_finds_nothing_does_not_get_all_of_it() -> None:
    rig = mine([COMPAC] * 4)
    rig.barren = {1}
    rig.scheduler.set_stakes(stakes(3, 1))
    rig.run(20 * MINUTE_S)
    assert 0.24 < part(rig.hashed, 1) < 0.45


def test_a_stick_that_was_pulled_for_an_hour_has_not_worked_for_an_hour() -> None:
    rig = mine([COMPAC] * 2)
    rig.scheduler.set_stakes(stakes(1, 1))
    rig.run(MINUTE_S)
    rig.sticks[99] = COMPAC
    assert rig.scheduler.next_work(99, 1) is not None
    rig.run(60 * MINUTE_S)
    rig.scheduler.next_work(99, 1)
    rig.run(3 * MINUTE_S)
    assert part(rig.found_by_pool(61 * MINUTE_S), 0) == pytest.approx(0.5, rel=0.03)


# Who is woken ------------------------------------------------------------------------------------


async def test_a_new_job_wakes_only_those_that_work_for_its_pool() -> None:
    source, _ = scheduler()
    first = stakes(1, 1)
    source.set_stakes(first)
    hands = {take(source, device_id).job.pool_id: device_id for device_id in range(2)}
    assert set(hands) == {0, 1}
    source.set_stakes([first[0], Stake(job=job_of(1, "b"), group=1)])
    assert not await is_woken(source, hands[0])
    assert await is_woken(source, hands[1])
    assert take(source, hands[1]).job.job_id in {"a", "b"}


async def test_a_mask_wakes_only_those_that_work_for_its_pool() -> None:
    source, _ = scheduler()
    source.set_stakes(stakes(1, 1))
    hands = {take(source, device_id).job.pool_id: device_id for device_id in range(2)}
    source.set_version_mask(1, 0x00C00000)
    source.set_version_mask(7, 0)
    assert not await is_woken(source, hands[0])
    assert await is_woken(source, hands[1])


async def test_a_pool_that_dies_takes_its_devices_along_to_the_others() -> None:
    source, _ = scheduler()
    source.set_stakes(stakes(1, 1))
    hands = {take(source, device_id).job.pool_id: device_id for device_id in range(2)}
    source.set_stakes(stakes(1, 1)[:1])
    assert await is_woken(source, hands[1])
    assert {take(source).job.pool_id for _ in range(10)} == {0}


async def test_one_that_takes_long_is_woken_when_it_is_another_ones_turn() -> None:
    clock = EventClock()
    source = Scheduler(clock, lambda job: None, lambda _: 1e9)
    source.set_stakes(stakes(1, 1))
    held = take(source).job
    source.found(0, held, 1.0)
    assert not await is_woken(source, 0)
    clock.now_s = LONG_PIECE_S
    source.found(0, held, 1.0)
    assert await is_woken(source, 0)
    assert take(source).job is not held


# Work --------------------------------------------------------------------------------------------


def test_one_pool_without_work_leaves_it_to_the_others() -> None:
    source, clock = scheduler()
    short = job_of(1, extranonce2_size=1)
    source.set_stakes([Stake(job=job_of(0), group=0), Stake(job=short, group=1)])
    made = [take(source).job.pool_id for _ in range(1000)]
    assert made.count(1) == 256
    assert source.has_work
    clock.now_s = 1.0
    assert 1 in {take(source).job.pool_id for _ in range(4)}


def test_no_header_is_handed_out_twice_whatever_the_order() -> None:
    source, _ = scheduler()
    seen: set[tuple[bytes, bytes]] = set()
    for turn in range(40):
        source.set_stakes(stakes(1 + turn % 3, turn % 2, 2, job_id=f"{turn % 4}"))
        for _ in range(20):
            item = take(source)
            seen.add((item.midstates[0], item.tail))
    assert len(seen) == 800


def test_chips_that_roll_versions_roll_what_all_pools_allow() -> None:
    source, _ = scheduler()
    wide, narrow = job_of(0, mask=0x1FFFE000), job_of(1, mask=0x00FF0000)
    source.set_stakes([Stake(job=wide, group=0), Stake(job=narrow, group=1)])
    rolled = [source.next_work(0, 1, chip_rolls=True) for _ in range(4)]
    assert {item.chip_rolls for item in rolled if item} == {0x00FF0000}
    assert {len(item.versions) for _ in range(4) if (item := source.next_work(1, 4))} == {4}
    source.set_version_mask(1, 0x000F0000)
    item = source.next_work(0, 1, chip_rolls=True)
    assert item is not None
    assert item.chip_rolls == 0x000F0000
    source.set_stakes([Stake(job=wide, group=0)])
    item = source.next_work(0, 1, chip_rolls=True)
    assert item is not None
    assert item.chip_rolls == 0x1FFFE000
