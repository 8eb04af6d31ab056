"""Groups, failover and strategies over hours, among pools that judge every share."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from luxminer.config.schema import GroupConfig, PoolConfig, StratumConfig
from luxminer.control import DisablePool, EnablePool, RemoveGroup
from luxminer.telemetry.model import PoolStatus
from luxminer_hil.fakepool.server import FakePool
from tests.integration.pool_time import Miners, mining, timed_pool, warped
from tests.unit.mining.sticks import BLOCK_ERUPTER, COMPAC

MINUTE_S = 60.0


def config_of(pool: FakePool, number: int, *, group: str = "", quota: float = 1.0) -> PoolConfig:
    return PoolConfig(url=pool.url, user=f"user{number}.rig", group=group, quota=quota)


async def open_pools(stack: AsyncExitStack, count: int) -> list[FakePool]:
    return [await stack.enter_async_context(timed_pool(number)) for number in range(count)]


def accepted(pools: list[FakePool]) -> list[int]:
    return [pool.ledger().accepted for pool in pools]


async def accepted_within(pools: list[FakePool], seconds: float) -> list[int]:
    before = accepted(pools)
    await asyncio.sleep(seconds)
    return [after - count for after, count in zip(accepted(pools), before, strict=True)]


def active(miners: Miners) -> list[int]:
    return [pool.id for pool in miners.rig.manager.snapshots() if pool.active]


@pytest.mark.slow
@warped
async def test_groups_share_twenty_minutes_in_the_ratio_of_their_quotas() -> None:
    """The part of a dead group goes to the other one, and comes back; nobody catches up."""
    async with AsyncExitStack() as stack:
        pools = await open_pools(stack, 2)
        groups = [GroupConfig(name="big", quota=3.0), GroupConfig(name="small", quota=1.0)]
        configs = [config_of(pools[0], 0, group="big"), config_of(pools[1], 1, group="small")]
        async with mining(configs, [COMPAC] * 2 + [BLOCK_ERUPTER], groups=groups) as miners:
            await asyncio.sleep(5.0)
            big, small = await accepted_within(pools, 20 * MINUTE_S)
            assert big / small == pytest.approx(3, rel=0.02)
            assert active(miners) == [0, 1]

            cut = asyncio.create_task(pools[1].cut(5 * MINUTE_S))
            await asyncio.sleep(2.0)
            assert active(miners) == [0]
            expected = 4 * MINUTE_S * (2 * COMPAC.rate_hs + BLOCK_ERUPTER.rate_hs) / 2**32
            big, small = await accepted_within(pools, 4 * MINUTE_S)
            assert big == pytest.approx(expected, rel=0.15)
            assert small == 0
            await cut
            await asyncio.sleep(MINUTE_S)
            assert active(miners) == [0, 1]
            big, small = await accepted_within(pools, 5 * MINUTE_S)
            assert big / small == pytest.approx(3, rel=0.05)
        assert miners.idle_s < 5.0
        assert {share.user for share in pools[0].shares} == {"user0.rig"}
        assert {share.user for share in pools[1].shares} == {"user1.rig"}


@pytest.mark.slow
@warped
async def test_the_first_pool_is_returned_to_when_it_was_stable_for_the_set_time() -> None:
    async with AsyncExitStack() as stack:
        pools = await open_pools(stack, 2)
        configs = [config_of(pool, number) for number, pool in enumerate(pools)]
        settings = StratumConfig(failback_s=300.0)
        async with mining(configs, [COMPAC], config=settings) as miners:
            await asyncio.sleep(10.0)
            assert active(miners) == [0]
            cut = asyncio.create_task(pools[0].cut(30.0))
            await asyncio.sleep(2.0)
            assert active(miners) == [1]
            await cut
            for _ in range(4):  # a pool that fails again and again is not relied upon
                await asyncio.sleep(200.0)
                assert active(miners) == [1]
                await pools[0].cut(1.0)
            await asyncio.sleep(290.0)
            assert active(miners) == [1]
            await asyncio.sleep(90.0)
            assert active(miners) == [0]
        assert miners.idle_s < 2.0
        assert all(pool.ledger().accepted > 5 for pool in pools)


@pytest.mark.slow
@warped
async def test_a_start_with_a_dead_first_pool_works_and_it_is_taken_when_it_comes() -> None:
    async with AsyncExitStack() as stack:
        pools = await open_pools(stack, 2)
        configs = [config_of(pool, number) for number, pool in enumerate(pools)]
        cut = asyncio.create_task(pools[0].cut(10 * MINUTE_S))
        await asyncio.sleep(0)
        async with mining(configs, [COMPAC]) as miners:
            await asyncio.sleep(5.0)
            first = miners.rig.manager.snapshots()[0]
            assert (first.status, bool(first.problem)) == (PoolStatus.DEAD, True)
            assert active(miners) == [1]
            await cut
            await asyncio.sleep(3 * MINUTE_S)
            assert active(miners) == [0]
        assert accepted(pools)[1] > 100


@warped
async def test_a_start_with_every_pool_dead_works_as_soon_as_one_is_there() -> None:
    async with AsyncExitStack() as stack:
        pools = await open_pools(stack, 2)
        groups = [GroupConfig(name="a"), GroupConfig(name="b")]
        configs = [config_of(pool, n, group=groups[n].name) for n, pool in enumerate(pools)]
        cuts = [asyncio.create_task(pool.cut(s)) for pool, s in zip(pools, (200, 400), strict=True)]
        await asyncio.sleep(0)
        async with mining(configs, [COMPAC], groups=groups) as miners:
            await asyncio.sleep(150.0)
            assert active(miners) == []
            await asyncio.sleep(150.0)
            assert active(miners) == [0]
            await asyncio.gather(*cuts)
            await asyncio.sleep(90.0)
            assert active(miners) == [0, 1]


@warped
async def test_for_a_pool_that_was_taken_away_nothing_is_searched_on() -> None:
    async with AsyncExitStack() as stack:
        pools = await open_pools(stack, 2)
        configs = [config_of(pool, number) for number, pool in enumerate(pools)]
        async with mining(configs, [COMPAC]) as miners:
            await pools[1].cut(1.0)
            cut = asyncio.create_task(pools[1].cut(300.0))
            await asyncio.sleep(5.0)
            assert miners.rig.mined
            await miners.rig.bus.send(DisablePool(pool_id=0))
            assert miners.rig.mined == []
            await miners.rig.bus.send(EnablePool(pool_id=0))
            await asyncio.sleep(5.0)
            assert miners.rig.mined
            await miners.rig.bus.send(RemoveGroup(group_id=0))
            assert miners.rig.mined == []
            cut.cancel()
            await asyncio.wait({cut})


@pytest.mark.slow
@warped
async def test_round_robin_stays_where_it_went() -> None:
    async with AsyncExitStack() as stack:
        pools = await open_pools(stack, 3)
        configs = [config_of(pool, number) for number, pool in enumerate(pools)]
        group = GroupConfig(strategy="round-robin")
        async with mining(configs, [COMPAC], groups=[group]) as miners:
            await asyncio.sleep(5.0)
            assert active(miners) == [0]
            await pools[0].cut(20.0)
            await asyncio.sleep(10 * MINUTE_S)
            assert active(miners) == [1]
            await pools[1].cut(20.0)
            await asyncio.sleep(2 * MINUTE_S)
            assert active(miners) == [2]
            await pools[2].cut(20.0)
            await asyncio.sleep(2 * MINUTE_S)
            assert active(miners) == [0]
            assert miners.rig.manager.strategy == "Round Robin"


@pytest.mark.slow
@warped
async def test_rotate_takes_the_next_one_after_its_time_and_leaves_out_the_dead() -> None:
    async with AsyncExitStack() as stack:
        pools = await open_pools(stack, 3)
        configs = [config_of(pool, number) for number, pool in enumerate(pools)]
        group = GroupConfig(strategy="rotate", rotate_s=120.0)
        async with mining(configs, [COMPAC], groups=[group]) as miners:
            turns = []
            for _ in range(4):
                await asyncio.sleep(60.0)
                turns += active(miners)
                await asyncio.sleep(60.0)
            assert turns == [0, 1, 2, 0]
            cut = asyncio.create_task(pools[2].cut(500.0))
            turns = []
            for _ in range(4):
                await asyncio.sleep(60.0)
                turns += active(miners)
                await asyncio.sleep(60.0)
            assert turns == [1, 0, 1, 0]
            cut.cancel()
            await asyncio.wait({cut})


@pytest.mark.slow
@warped
async def test_load_balance_follows_the_quotas_of_the_pools() -> None:
    async with AsyncExitStack() as stack:
        pools = await open_pools(stack, 3)
        configs = [config_of(pool, n, quota=(2, 1, 0)[n]) for n, pool in enumerate(pools)]
        group = GroupConfig(strategy="load-balance")
        async with mining(configs, [COMPAC] * 2, groups=[group]) as miners:
            await asyncio.sleep(5.0)
            counts = await accepted_within(pools, 10 * MINUTE_S)
            assert counts[0] / counts[1] == pytest.approx(2, rel=0.03)
            assert counts[2] == 0
            assert [pool.quota for pool in miners.rig.manager.snapshots()] == [2, 1, 0]
            cuts = [asyncio.create_task(pool.cut(60.0)) for pool in pools[:2]]
            await asyncio.sleep(5.0)
            assert active(miners) == [2]
            await asyncio.gather(*cuts)
        assert miners.idle_s < 2.0


@pytest.mark.slow
@warped
async def test_balance_makes_up_for_an_outage_and_goes_on_evenly() -> None:
    async with AsyncExitStack() as stack:
        pools = await open_pools(stack, 2)
        configs = [config_of(pool, number) for number, pool in enumerate(pools)]
        group = GroupConfig(strategy="balance")
        async with mining(configs, [COMPAC] * 2, groups=[group]) as miners:
            await asyncio.sleep(5.0)
            counts = await accepted_within(pools, 5 * MINUTE_S)
            assert counts[0] == pytest.approx(counts[1], rel=0.02)
            await pools[1].cut(3 * MINUTE_S)
            await asyncio.sleep(MINUTE_S)
            assert active(miners) == [0, 1]
            counts = await accepted_within(pools, 2 * MINUTE_S)
            assert counts[1] > 2 * counts[0]
            await asyncio.sleep(10 * MINUTE_S)
            total = accepted(pools)
            assert total[1] / total[0] == pytest.approx(1, abs=0.04)
            counts = await accepted_within(pools, 10 * MINUTE_S)
            assert counts[0] == pytest.approx(counts[1], rel=0.03)
