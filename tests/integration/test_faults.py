"""What goes wrong in the field: nothing is lost without a reason, and mining goes on by itself."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luxminer.config.schema import StratumConfig
from luxminer.daemon import Daemon
from luxminer.telemetry.model import DeviceStatus, MinerSnapshot, PoolStatus
from luxminer_hil.chipsim.faults import Direction, Fault, FaultKind, FaultPlan
from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.server import FakePool
from tests.integration.rig import SCALE, assert_balanced, config_for, running, until

SEED = 20260101


def stick_at(tmp_path: Path, plan: FaultPlan | None = None, number: int = 0) -> VirtualStick:
    port = PtyPort(tmp_path / f"stick{number}")
    return VirtualStick("compac", scale=SCALE, seed=SEED + number, port=port, faults=plan)


def reconcile(now: MinerSnapshot, *pools: FakePool) -> None:
    """Hold what the service says against what the pools judged."""
    assert_balanced(now)
    ledgers = [pool.ledger() for pool in pools]
    accepted = sum(ledger.accepted for ledger in ledgers)
    rejected = sum(sum(ledger.rejected.values()) for ledger in ledgers)
    unsure = now.shares.unanswered + now.shares.waiting
    assert now.shares.accepted <= accepted <= now.shares.accepted + unsure
    assert now.shares.rejected_total <= rejected <= now.shares.rejected_total + unsure


async def asc(daemon: Daemon, number: int) -> dict[str, Any]:
    """Ask the API for one stick, as any program does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.api_port)
    writer.write(json.dumps({"command": "asc", "parameter": str(number)}).encode())
    reply = await reader.read()
    writer.close()
    row: dict[str, Any] = json.loads(reply.rstrip(b"\0"))["ASC"][0]
    return row


@pytest.mark.slow
@pytest.mark.parametrize("kind", [FaultKind.FLIP, FaultKind.DROP, FaultKind.DUPLICATE])
async def test_spoiled_bytes_cost_some_nonces_and_nothing_else(
    kind: FaultKind, tmp_path: Path
) -> None:
    fault = Fault(kind=kind, direction=Direction.TO_HOST, probability=0.05, from_s=3.0)
    plan = FaultPlan([fault], seed=SEED)
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        stick_at(tmp_path, plan) as stick,
        running(config_for([stick], [pool])) as daemon,
    ):
        await until(daemon, lambda now: now.shares.accepted >= 10, 60, f"shares, seed {SEED}")
        await until(daemon, lambda _: sum(plan.counts.values()) >= 2, 60, "faults")
        before = daemon.hub.snapshot().shares.accepted
        now = await until(daemon, lambda s: s.shares.accepted > before, 30, "shares afterwards")
        reconcile(now, pool)
        assert now.shares.rejected_total == 0


@pytest.mark.slow
async def test_split_replies_lose_nothing(tmp_path: Path) -> None:
    fault = Fault(kind=FaultKind.SPLIT, direction=Direction.TO_HOST, probability=1.0, delay_s=0.01)
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        stick_at(tmp_path, FaultPlan([fault], seed=SEED)) as stick,
        running(config_for([stick], [pool])) as daemon,
    ):
        now = await until(daemon, lambda s: s.shares.accepted >= 8, 60, f"shares, seed {SEED}")
        assert now.nonces.hw_errors == 0
        assert now.devices[0].bytes_discarded == 0
        reconcile(now, pool)


@pytest.mark.slow
async def test_a_pulled_stick_is_dead_at_once_and_comes_back_as_itself(tmp_path: Path) -> None:
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        stick_at(tmp_path) as stick,
        stick_at(tmp_path, number=1) as other,
        running(config_for([stick, other], [pool])) as daemon,
    ):
        await until(
            daemon, lambda s: all(d.shares.accepted for d in s.devices), 40, "both sticks mine"
        )
        stick.unplug()
        await asyncio.sleep(1.9)
        row = await asc(daemon, 0)
        assert row["Status"] == "Dead"
        assert (row["Enabled"], row["No Device"], row["MHS 5s"]) == ("Y", True, 0)
        assert (await asc(daemon, 1))["Status"] == "Alive"
        now = daemon.hub.snapshot()
        assert not now.devices[0].present
        assert now.devices[0].enabled
        assert now.devices[0].rates.s5 == 0
        assert now.devices[1].status is DeviceStatus.ALIVE
        ids = (now.devices[0].id, now.devices[0].name_id)
        count = now.devices[0].shares.accepted
        await asyncio.sleep(5)
        stick.replug()
        now = await until(
            daemon, lambda s: s.devices[0].shares.accepted > count, 30, "it mines again"
        )
        assert (now.devices[0].id, now.devices[0].name_id) == ids
        assert now.devices[0].status is DeviceStatus.ALIVE
        reconcile(now, pool)


@pytest.mark.slow
async def test_a_pool_that_is_cut_for_ten_seconds_comes_back(tmp_path: Path) -> None:
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        stick_at(tmp_path) as stick,
        running(config_for([stick], [pool])) as daemon,
    ):
        await until(daemon, lambda s: s.shares.accepted >= 3, 40, "mining")
        await pool.cut(10)
        now = daemon.hub.snapshot()
        assert_balanced(now)
        count = now.shares.accepted
        now = await until(daemon, lambda s: s.shares.accepted > count, 30, "mining again")
        reconcile(now, pool)
        assert now.pools[0].get_failures == 1


@pytest.mark.slow
async def test_garbage_from_the_pool_is_counted_and_ignored(tmp_path: Path) -> None:
    lines = [b"\xff\xfe\n", b"{]\n", b'{"id":null,"method":"mining.notify","params":[1]}\n']
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        stick_at(tmp_path) as stick,
        running(config_for([stick], [pool])) as daemon,
    ):
        await until(daemon, lambda s: s.shares.accepted >= 2, 40, "mining")
        for line in lines:
            await pool.send_raw(line)
        now = await until(daemon, lambda s: s.pools[0].bad_lines >= 3, 5, "bad lines")
        count = now.shares.accepted
        now = await until(daemon, lambda s: s.shares.accepted > count, 20, "mining on")
        assert now.pools[0].get_failures == 0
        reconcile(now, pool)


@pytest.mark.slow
async def test_the_next_pool_takes_over_and_the_first_comes_back(tmp_path: Path) -> None:
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as first,
        FakePool(difficulty=SCALE, seed=SEED + 1) as second,
        stick_at(tmp_path) as stick,
        running(config_for([stick], [first, second])) as daemon,
    ):
        await until(daemon, lambda s: s.pools[0].shares.accepted >= 2, 40, "first pool")
        cut = asyncio.create_task(first.cut(4))
        now = await until(daemon, lambda s: s.pools[1].active, 2, "second pool is in use")
        assert now.pools[0].status is PoolStatus.DEAD
        await until(daemon, lambda s: s.pools[1].shares.accepted >= 1, 20, "second pool")
        await cut
        await until(daemon, lambda s: s.pools[0].active, 15, "back at the first")
        count = daemon.hub.snapshot().pools[0].shares.accepted
        now = await until(
            daemon, lambda s: s.pools[0].shares.accepted > count, 20, "first pool again"
        )
        reconcile(now, first, second)
        assert {share.user for share in first.shares} == {"user0.worker"}
        assert {share.user for share in second.shares} == {"user1.worker"}


@pytest.mark.slow
async def test_after_the_end_both_sides_say_the_same(tmp_path: Path) -> None:
    async with FakePool(difficulty=SCALE, seed=SEED) as pool, stick_at(tmp_path) as stick:
        async with running(config_for([stick], [pool]), tmp_path) as daemon:
            await until(daemon, lambda s: s.shares.accepted >= 5, 40, "mining")
        now, books = daemon.hub.snapshot(), pool.ledger()
        assert_balanced(now)
        assert now.shares.waiting == 0
        assert now.shares.accepted == books.accepted
        assert now.shares.difficulty_accepted == books.difficulty_accepted
        assert now.shares.rejected_total == sum(books.rejected.values()) == 0


@pytest.mark.slow
async def test_a_pool_that_never_answers_is_shown_with_what_it_owes(tmp_path: Path) -> None:
    async with FakePool(difficulty=SCALE, seed=SEED) as pool, stick_at(tmp_path) as stick:
        await pool.answer_submits(False)
        config = replace(config_for([stick], [pool]), stratum=StratumConfig(share_timeout_s=5.0))
        async with running(config) as daemon:
            now = await until(daemon, lambda s: s.shares.unanswered >= 2, 60, "unanswered shares")
            assert now.shares.waiting
            assert now.pools[0].shares.unanswered == now.shares.unanswered
            reconcile(now, pool)
        now = daemon.hub.snapshot()
        assert_balanced(now)
        assert (now.shares.accepted, now.shares.waiting) == (0, 0)
        assert now.shares.unanswered == now.shares.shares
