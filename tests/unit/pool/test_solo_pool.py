"""A node among pools, and pools whose payouts are looked at."""

from dataclasses import replace
from pathlib import Path

import pytest

from luxminer.config.schema import PoolConfig
from luxminer.control import AddPool
from luxminer.errors import CommandError, ConfigError
from luxminer.pool.pool import check_pool
from luxminer.telemetry.model import PoolSnapshot
from luxminer.work.address import Network
from luxminer.work.coinbase import coinbase_of, parse_coinbase
from luxminer.work.job import PoolJob
from luxminer.work.payout import payouts
from luxminer_hil.fakenode import FakeNode, NodeSettings
from luxminer_hil.fakepool.server import FakePool
from tests.unit.pool.manager_rig import ManagerRig, managing
from tests.unit.stratum.client_rig import until

PAYOUT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
OTHER = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


def row(rig: ManagerRig, number: int = 0) -> PoolSnapshot:
    return rig.manager.snapshots()[number]


def paid_by(job: PoolJob) -> str:
    """Return the first address that a job pays."""
    outputs = payouts(parse_coinbase(coinbase_of(job)), Network.MAIN)
    return next(each.to for each in outputs if each.is_address)


async def test_a_block_is_mined_for_a_node(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with FakeNode(NodeSettings(login="me:hunter2")) as node:
        solo = PoolConfig(url=node.url, payout=PAYOUT)
        async with managing(solo, state_dir=tmp_path) as rig:
            await until(lambda: rig.mined, "a job of the node")
            shown = row(rig)
            assert (shown.url, shown.user, shown.is_node) == (
                f"http://{node.address}",
                PAYOUT,
                True,
            )
            assert (shown.payout_verdict, shown.stratum_host) == ("found", node.address)
            assert (shown.block_height, shown.jobs, shown.problem) == (201, 1, "")
            assert parse_coinbase(shown.coinbase).height == 201
            share = rig.miner.share(rig.mined[0])
            rig.manager.submit(share)
            await rig.settled()
            assert (rig.total.accepted, rig.total.found_blocks) == (1, 1)
            assert node.chain.tip == share.block_hash
            await until(lambda: rig.mined[0].prev_hash == share.block_hash, "the next block's job")
            assert "is in the chain at height 201" in row(rig).message
            assert "hunter2" not in caplog.text + repr(rig.manager.snapshots())
        assert len(list((tmp_path / "blocks").iterdir())) == 2


async def test_pools_take_over_from_a_node_and_give_back() -> None:
    async with FakePool(difficulty="1e-7") as pool, FakeNode() as node:
        solo = PoolConfig(url=node.url, payout=PAYOUT)
        async with managing(solo, PoolConfig(url=pool.url, user="me.rig")) as rig:
            await rig.all_alive(2)
            assert rig.mined[0].pool_id == 0
            await node.__aexit__()
            rig.clock.skew_s += 60
            await until(lambda: rig.mined[0].pool_id == 1, "work of the pool")
            await node.__aenter__()
            await until(lambda: rig.mined[0].pool_id == 0, "work of the node again")


async def test_a_node_is_added_by_a_program_that_knows_no_payout() -> None:
    async with FakePool(difficulty="1e-7") as pool, FakeNode() as node, managing(pool.url) as rig:
        with pytest.raises(CommandError) as caught:
            await rig.bus.send(AddPool(url=node.url, user="account.worker", password="x"))
        assert caught.value.reason == "invalid-user"
        assert await rig.bus.send(AddPool(url=node.url, user=PAYOUT, password="x")) == 1
        await rig.all_alive(2)
        assert row(rig, 1).payout == PAYOUT


@pytest.mark.parametrize("check", ["warn", "refuse"])
async def test_jobs_that_pay_somebody_else(caplog: pytest.LogCaptureFixture, check: str) -> None:
    async with FakePool(difficulty="1e-7") as pool:
        entry = PoolConfig(url=pool.url, user="me.rig", payout=OTHER, payout_check=check)
        async with managing(entry) as rig:
            await until(lambda: row(rig).payout_verdict, "a verdict")
            assert row(rig).payout_verdict == "not found"
            assert f"payout to {OTHER}: not found" in caplog.text
            assert bool(rig.mined) is (check == "warn")
            assert row(rig).coinbase
            assert ("none of them is mined" in row(rig).problem) is (check == "refuse")


async def test_jobs_that_pay_the_expected_address() -> None:
    async with FakePool(difficulty="1e-7") as pool:
        async with managing(pool.url) as rig:
            address = paid_by(await rig.job_of(pool))
            assert row(rig).payout_verdict == ""
        entry = PoolConfig(url=pool.url, user="me.rig", payout=address, payout_check="refuse")
        async with managing(entry) as rig:
            await rig.job_of(pool)
            assert row(rig).payout_verdict == "found"


def test_entries_are_checked() -> None:
    node = PoolConfig(url="http://a:b@h", payout=PAYOUT)
    check_pool(node, "pools[0]")
    with pytest.raises(ConfigError, match=r"pools\[0\]\.payout: is empty"):
        check_pool(replace(node, payout=""), "pools[0]")
    pool = PoolConfig(url="stratum+tcp://h:1", user="me", payout=OTHER)
    check_pool(pool, "pools[0]")
    with pytest.raises(ConfigError, match=r"pools\[0\]\.payout: .*checksum"):
        check_pool(replace(pool, payout=OTHER[:-1] + "5"), "pools[0]")
