"""What watchdogs find becomes events and steps: clocks, groups, orders, payouts."""

import asyncio
import time

from luxminer.config.schema import GroupConfig, PoolConfig
from luxminer.control import DisablePool, RemovePool, SwitchPool
from luxminer.telemetry.model import EventSnapshot, PoolStatus
from luxminer_hil.fakepool.server import FakePool
from tests.unit.pool.manager_rig import ManagerRig, managing
from tests.unit.stratum.client_rig import TINY, until

RIG_WALL_S = 1_700_000_000.0
"""The clock of the rig."""


def honest(ahead_s: float = 0.0) -> FakePool:
    return FakePool(difficulty=TINY, wall=lambda: RIG_WALL_S + ahead_s)


def events(rig: ManagerRig) -> list[EventSnapshot]:
    rig.manager._tick()
    return [event for event in rig.manager.events.snapshot() if not event.is_notice]


def codes(rig: ManagerRig) -> list[tuple[str, int | None]]:
    return [(event.code, event.id) for event in events(rig)]


async def test_a_pool_whose_clock_alone_is_wrong_is_named() -> None:
    async with honest() as a, honest(3600) as b, managing(a.url, b.url) as rig:
        await rig.all_alive(2)
        (event,) = events(rig)
        assert (event.code, event.id) == ("POOL_CLOCK_WRONG", 1)
        assert "60 minutes behind" in event.text


async def test_where_all_pools_agree_it_is_our_clock_and_mining_goes_on() -> None:
    async with honest(-7200) as a, honest(-7260) as b, managing(a.url, b.url) as rig:
        await rig.all_alive(2)
        (event,) = events(rig)
        assert (event.code, event.target, event.id) == ("CLOCK_WRONG", "MINER", None)
        assert "120 minutes ahead of the jobs of all pools" in event.text
        job = await rig.job_of(a)
        assert job.ntime <= RIG_WALL_S - 7200
        rig.manager.submit(rig.miner.share(job))
        await rig.settled()
        assert rig.total.accepted == 1
        await a.disconnect()


async def test_a_clock_within_the_bound_is_nothing() -> None:
    async with honest(590) as a, honest(-590) as b, managing(a.url, b.url) as rig:
        await rig.all_alive(2)
        assert events(rig) == []


async def test_the_part_of_a_group_whose_pool_is_left_out_goes_to_the_others() -> None:
    groups = [GroupConfig(name="one"), GroupConfig(name="two")]
    async with honest() as a, honest() as b:
        made = [
            PoolConfig(url=pool.url, user="me.rig", group=group.name)
            for pool, group in zip((a, b), groups, strict=True)
        ]
        async with managing(*made, groups=groups) as rig:
            await rig.all_alive(2)
            await until(lambda: len(rig.mined) == 2, "both groups")
            dog = rig.manager._roster.pools[0].watchdog
            dog.left_out_until_s, dog.why_left_out = rig.clock.monotonic() + 60, "no use"
            rig.manager._tick()
            assert [job.pool_id for job in rig.mined] == [1]
            first = rig.manager.snapshots()[0]
            assert (first.status, first.problem) == (PoolStatus.REJECTING, "left out: no use")
            await rig.bus.send(DisablePool(pool_id=1))
            assert [job.pool_id for job in rig.mined] == [0], "there is no other"


async def test_the_owner_ends_it_by_switching_to_the_pool() -> None:
    async with honest() as a, honest() as b, managing(a.url, b.url) as rig:
        await rig.all_alive(2)
        rig.manager._roster.pools[0].watchdog.left_out_until_s = rig.clock.monotonic() + 60
        rig.manager._tick()
        assert [job.pool_id for job in rig.mined] == [1]
        await rig.bus.send(SwitchPool(pool_id=0))
        assert [job.pool_id for job in rig.mined] == [0]


async def test_events_of_a_pool_end_with_it_and_follow_its_position() -> None:
    async with (
        honest() as a,
        honest() as b,
        honest(3600) as c,
        managing(a.url, b.url, c.url) as rig,
    ):
        await rig.all_alive(3)
        assert codes(rig) == [("POOL_CLOCK_WRONG", 2)]
        await rig.bus.send(RemovePool(pool_id=1))
        assert codes(rig) == [("POOL_CLOCK_WRONG", 1)]
        await rig.bus.send(RemovePool(pool_id=1))
        assert codes(rig) == []


async def test_a_message_and_a_lost_payout_are_events() -> None:
    payout = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
    async with honest() as a:
        pool = PoolConfig(url=a.url, user="me.rig", payout=payout)
        async with managing(pool) as rig:
            await rig.all_alive(1)
            (event,) = events(rig)
            assert event.code == "POOL_PAYOUT_MISSING"
            assert payout in event.text
            await a.show_message("maintenance at noon")
            await until(lambda: rig.manager.snapshots()[0].message, "message")
            (note,) = [e for e in rig.manager.events.snapshot() if e.is_notice]
            assert (note.code, note.text) == ("POOL_MESSAGE", 'it says "maintenance at noon"')


async def test_a_round_takes_no_time() -> None:
    """64 pools, of which each has an event, are looked at in a few milliseconds."""
    urls = [f"stratum+tcp://127.0.0.1:{port}" for port in range(1, 65)]
    async with managing(*urls) as rig:
        await asyncio.sleep(0.05)
        for _ in range(4):
            rig.clock.skew_s += 9
            rig.manager._tick()
        started_s = time.perf_counter()
        found = len(events(rig))
        took_s = time.perf_counter() - started_s
        assert found >= 64
        assert took_s < 0.1
