"""Where shares go and what becomes of them, with several judging pools on real sockets."""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luxminer.config.schema import StratumConfig
from luxminer.control import DisablePool, EnablePool, RemovePool, SetPoolOptions, SwitchPool
from luxminer.errors import CommandError
from luxminer.pool.blocks import MAX_KEPT
from luxminer.pool.desk import SUBMIT_BURST
from luxminer.pool.manager import ANSWER_S, OUTAGE_GRACE_S
from luxminer.telemetry.model import PoolStatus, ShareTally
from luxminer.work.header import display
from luxminer.work.job import Share, WorkItem
from luxminer_hil.fakepool.server import FakePool
from tests.oracles.sha256 import double_sha256
from tests.unit.pool.manager_rig import ManagerRig, managing
from tests.unit.stratum.client_rig import QUICK, TINY, search, until


def end_of(tally: ShareTally) -> dict[str, int]:
    """All that a tally of finished shares says, without the zeros."""
    ends = {"accepted": tally.accepted, "stale": tally.stale, "unanswered": tally.unanswered}
    ends |= {f"rejected: {reason}": count for reason, count in tally.rejected.items()}
    ends |= {f"dropped: {reason}": count for reason, count in tally.dropped.items()}
    return {name: count for name, count in ends.items() if count}


def events(rig: ManagerRig) -> dict[str, str]:
    return {event.code: event.text for event in rig.manager.events.snapshot()}


# Which pool gives the work -----------------------------------------------------------------------


async def test_a_share_goes_to_the_pool_of_its_job_whichever_is_active() -> None:
    async with FakePool(difficulty=TINY) as a, FakePool(difficulty=TINY) as b:
        async with managing(a.url, b.url) as rig:
            await rig.all_alive(2)
            of_a = await rig.job_of(a)
            await rig.bus.send(SwitchPool(pool_id=1))
            of_b = await rig.job_of(b)
            rig.manager.submit(rig.miner.share(of_a))
            rig.manager.submit(rig.miner.share(of_b))
            rig.manager.submit(rig.miner.share(of_b))
            await rig.settled()
            assert [end_of(pool.shares) for pool in rig.manager.snapshots()] == [
                {"accepted": 1},
                {"accepted": 2},
            ]
        assert [share.user for share in a.shares] == ["user0.rig"]
        assert [share.user for share in b.shares] == ["user1.rig"] * 2
        assert a.ledger().accepted == 1
        assert b.ledger().accepted == 2


@pytest.mark.slow
@pytest.mark.parametrize("resume", [True, False])
async def test_the_next_pool_takes_over_at_once_and_the_first_after_its_time(resume: bool) -> None:
    async with (
        FakePool(difficulty=TINY, resume=resume) as a,
        FakePool(difficulty=TINY) as b,
        managing(a.url, b.url, config=replace(QUICK, failback_s=1.0)) as rig,
    ):
        await rig.all_alive(2)
        await rig.job_of(a)
        cut = asyncio.create_task(a.cut(0.3))
        job = await rig.job_of(b)
        assert rig.mined == [job]
        await cut
        await rig.all_alive(2)
        assert rig.manager.job is job
        job = await rig.job_of(a)
        assert rig.mined == [job]


async def test_another_time_until_the_first_pool_is_used_again_holds_at_once() -> None:
    async with (
        FakePool(difficulty=TINY) as a,
        FakePool(difficulty=TINY) as b,
        managing(a.url, b.url, config=replace(QUICK, failback_s=3600.0)) as rig,
    ):
        await rig.all_alive(2)
        await rig.job_of(a)
        cut = asyncio.create_task(a.cut(0.05))
        await rig.job_of(b)
        await cut
        await rig.all_alive(2)
        await rig.bus.send(SetPoolOptions(options={"failback_s": 0.0}))
        await rig.job_of(a)


async def test_every_new_job_is_mined_whether_clean_or_not() -> None:
    async with FakePool(difficulty=TINY) as pool, managing(pool.url) as rig:
        await rig.job_of(pool)
        for clean in (False, True, False):
            await pool.new_job(clean=clean)
            job = await rig.job_of(pool)
            assert rig.mined == [job]
            assert job.clean is clean


async def test_jobs_of_a_backup_are_not_mined() -> None:
    async with (
        FakePool(difficulty=TINY) as a,
        FakePool(difficulty=TINY) as b,
        managing(a.url, b.url) as rig,
    ):
        await rig.all_alive(2)
        job = await rig.job_of(a)
        before = rig.manager.snapshots()[1].jobs
        await b.new_job(clean=True)
        await until(lambda: rig.manager.snapshots()[1].jobs > before, "job of the backup")
        assert rig.manager.job is job


@pytest.mark.slow
async def test_without_a_pool_the_last_job_goes_on_for_a_while_and_then_there_is_none() -> None:
    async with FakePool(difficulty=TINY) as pool, managing(pool.url) as rig:
        job = await rig.job_of(pool)
        cut = asyncio.create_task(pool.cut(4.0))
        await until(lambda: rig.manager.snapshots()[0].status is PoolStatus.DEAD, "break")
        rig.clock.skew_s += OUTAGE_GRACE_S - 5
        await asyncio.sleep(1.6)
        assert rig.manager.job is job
        rig.clock.skew_s += 7  # less than a stall
        await until(lambda: rig.manager.job is None, "no job")
        assert rig.mined == []
        await cut
        await rig.job_of(pool)


@pytest.mark.slow
async def test_a_job_whose_session_is_given_up_is_not_searched_on() -> None:
    """The pool takes the login, not the session, and sends no job: no share could ever leave."""
    async with FakePool(difficulty=TINY, resume=False) as pool, managing(pool.url) as rig:
        job = await rig.job_of(pool)
        idle_s = rig.manager.idle_s
        pool.core.sends_jobs = False
        await pool.disconnect()
        await until(lambda: rig.manager.job is None, "nothing to mine", 1.0)
        rig.manager.submit(rig.miner.share(job))
        assert end_of(rig.total) == {"dropped: session lost": 1}
        await until(lambda: "NO_ACTIVE_POOLS" in events(rig), "an event")
        assert "the sticks are idle" in events(rig)["NO_ACTIVE_POOLS"]
        lost_s = rig.manager.idle_s - idle_s
        assert 2.0 < lost_s < 6.0
        pool.core.sends_jobs = True
        await pool.new_job()
        await rig.job_of(pool)
        lost_s = rig.manager.idle_s
        await asyncio.sleep(0.1)
        assert rig.manager.idle_s == lost_s


async def test_a_share_of_an_outage_arrives_when_the_session_goes_on() -> None:
    async with FakePool(difficulty=TINY) as pool, managing(pool.url) as rig:
        job = await rig.job_of(pool)
        cut = asyncio.create_task(pool.cut(0.2))
        await until(lambda: rig.manager.snapshots()[0].status is PoolStatus.DEAD, "break")
        assert rig.manager.job is job
        rig.manager.submit(rig.miner.share(job))
        await cut
        await rig.settled()
        assert end_of(rig.total) == {"accepted": 1}
        assert [len(stakes) for stakes in rig.orders] == [1]


async def test_on_the_connection_that_goes_on_only_what_it_grants_is_rolled() -> None:
    async with FakePool(difficulty=TINY) as pool, managing(pool.url) as rig:
        job = await rig.job_of(pool)
        pool.core.version_mask = 0
        pool.core.sends_jobs = False
        await pool.disconnect()
        await until(lambda: rig.masks, "mask")
        assert set(rig.masks) == {(0, 0)}
        assert rig.manager.job is job


async def test_the_mask_of_the_active_pool_is_passed_on() -> None:
    async with (
        FakePool(difficulty=TINY) as a,
        FakePool(difficulty=TINY) as b,
        managing(a.url, b.url) as rig,
    ):
        await rig.all_alive(2)
        await rig.job_of(a)
        await b.set_version_mask(0x00C00000)
        await a.set_version_mask(0x00E00000)
        await until(lambda: rig.masks, "mask")
        assert rig.masks == [(0, 0x00E00000)]
        await rig.bus.send(SwitchPool(pool_id=1))
        assert rig.masks[-1] == (1, 0x00C00000)


async def test_an_error_in_taking_up_a_job_costs_nothing_else() -> None:
    async with FakePool(difficulty=TINY) as pool, managing(pool.url) as rig:
        await rig.job_of(pool)
        rig.fails_on_job = True
        await pool.new_job()
        job = await rig.job_of(pool)
        rig.manager.submit(rig.miner.share(job))
        await rig.settled()
        assert end_of(rig.total) == {"accepted": 1}
        assert pool.ledger().connections == 1


# Ends that are not the pool's answer -------------------------------------------------------------


@pytest.mark.parametrize("order", [DisablePool(pool_id=0), RemovePool(pool_id=0)])
async def test_a_pool_that_is_taken_away_leaves_no_share_without_an_end(
    order: DisablePool | RemovePool,
) -> None:
    async with FakePool(difficulty=TINY) as a, FakePool(difficulty=TINY) as b:
        async with managing(a.url, b.url) as rig:
            await rig.all_alive(2)
            job = await rig.job_of(a)
            await a.answer_submits(False)
            rig.manager.submit(rig.miner.share(job))
            await a.wait_until(lambda: a.ledger().submitted == 1)
            if isinstance(order, RemovePool):
                await rig.bus.send(SwitchPool(pool_id=1))
            await rig.bus.send(order)
            assert end_of(rig.total) == {"unanswered": 1}
            rig.manager.submit(rig.miner.share(job))
            reason = "pool removed" if isinstance(order, RemovePool) else "connection lost"
            assert end_of(rig.total) == {"unanswered": 1, f"dropped: {reason}": 1}
            await rig.job_of(b)
        assert a.ledger().submitted == 1
        assert not b.ledger().submitted


async def test_enabled_again_a_pool_works_again() -> None:
    async with (
        FakePool(difficulty=TINY) as a,
        FakePool(difficulty=TINY) as b,
        managing(a.url, b.url) as rig,
    ):
        await rig.all_alive(2)
        await rig.bus.send(DisablePool(pool_id=0))
        await rig.job_of(b)
        await a.wait_until(lambda: not a.users)
        await rig.bus.send(EnablePool(pool_id=0))
        job = await rig.job_of(a)
        rig.manager.submit(rig.miner.share(job))
        await rig.settled()
        assert a.ledger().accepted == 1


async def test_a_flood_of_shares_is_dropped_with_its_reason_but_no_block_is() -> None:
    async with FakePool(difficulty=TINY) as pool, managing(pool.url) as rig:
        job = await rig.job_of(pool)
        flood = SUBMIT_BURST + 50
        good = rig.miner.share(job)
        for nonce in range(flood):
            rig.manager.submit(replace(good, nonce=nonce))
        rig.manager.submit(rig.miner.share(job, block=True))
        await rig.settled()
        dropped = rig.total.dropped["rate limit"]
        assert 40 <= dropped <= 50
        assert pool.ledger().submitted == flood + 1 - dropped
        assert rig.total.accepted == pool.ledger().accepted


async def test_the_end_waits_for_answers_that_are_on_their_way() -> None:
    async with FakePool(difficulty=TINY) as pool:
        async with managing(pool.url) as rig:
            job = await rig.job_of(pool)
            await pool.delay(0.3)
            rig.manager.submit(rig.miner.share(job))
        assert end_of(rig.total) == {"accepted": 1}
        assert rig.mined == []


@pytest.mark.slow
async def test_the_end_does_not_wait_for_ever() -> None:
    async with FakePool(difficulty=TINY) as pool:
        await pool.answer_submits(False)
        async with managing(pool.url) as rig:
            rig.manager.submit(rig.miner.share(await rig.job_of(pool)))
            started_s = asyncio.get_running_loop().time()
        took_s = asyncio.get_running_loop().time() - started_s
        assert end_of(rig.total) == {"unanswered": 1}
        assert took_s < ANSWER_S + 1


# What stays on the disk --------------------------------------------------------------------------


async def test_totals_go_on_after_a_restart(tmp_path: Path) -> None:
    async with FakePool(difficulty=TINY) as pool:
        for _ in range(2):
            async with managing(pool.url, state_dir=tmp_path) as rig:
                job = await rig.job_of(pool)
                rig.manager.submit(rig.miner.share(job))
                rig.manager.submit(rig.miner.share(job, good=False))
                await rig.settled()
            assert end_of(rig.total) == {"accepted": 1, "rejected: low difficulty": 1}
        assert end_of(rig.manager.ledger.lifetime()) == {
            "accepted": 2,
            "rejected: low difficulty": 2,
        }
        assert rig.manager.ledger.lifetime().balanced
        assert pool.ledger().accepted == 2


async def test_a_block_candidate_is_on_the_disk_whatever_the_pool_says(tmp_path: Path) -> None:
    async with FakePool(difficulty=TINY) as pool:
        async with managing(pool.url, state_dir=tmp_path) as rig:
            block = rig.miner.share(await rig.job_of(pool), good=False, block=True)
            rig.manager.submit(block)
            await rig.settled()
            assert end_of(rig.total) == {"rejected: low difficulty": 1}
            assert rig.total.found_blocks == 1
        (path,) = (tmp_path / "blocks").iterdir()
        record = json.loads(path.read_text())
        header = bytes.fromhex(record["header"])
        assert double_sha256(header)[::-1].hex() == record["hash"] == display(block.block_hash)
        root = double_sha256(bytes.fromhex(record["coinbase"]))
        for node in record["merkle_branch"]:
            root = double_sha256(root + bytes.fromhex(node))
        assert header[36:68] == root


async def test_an_absurd_target_of_the_network_cannot_fill_the_disk(tmp_path: Path) -> None:
    async with FakePool(difficulty=TINY) as pool:
        async with managing(pool.url, state_dir=tmp_path) as rig:
            block = rig.miner.share(await rig.job_of(pool), block=True)
            for nonce in range(MAX_KEPT + 300):
                name = nonce.to_bytes(32, "little")
                rig.manager.submit(replace(block, nonce=nonce, block_hash=name))
            assert rig.total.dropped["rate limit"] > 100
        assert len(list((tmp_path / "blocks").iterdir())) == MAX_KEPT


# Whatever happens --------------------------------------------------------------------------------


class Storm:
    """Random orders and troubles around three pools, and sticks that never stop."""

    def __init__(self, rig: ManagerRig, pools: list[FakePool], rng: random.Random) -> None:
        self.rig = rig
        self.pools = pools
        self.rng = rng
        self.works: list[WorkItem] = []
        self.found: dict[bytes, Share] = {}
        """Every share by its hash."""
        self.cuts: set[asyncio.Task[None]] = set()

    async def step(self) -> None:
        pool = self.rng.choice(self.pools)
        acts: list[Callable[[], Coroutine[Any, Any, object]]] = [
            lambda: pool.new_job(clean=self.rng.random() < 0.5),
            lambda: pool.set_extranonce(self.rng.choice([None, 2, 8])),
            lambda: pool.set_version_mask(self.rng.choice([0, 0x1FFFE000, 0x00C00000])),
            lambda: pool.set_difficulty(self.rng.choice([TINY, TINY * 2])),
            pool.disconnect,
            lambda: pool.delay(self.rng.choice([0.0, 0.05])),
            lambda: pool.reconnect(),
            lambda: self._cut(pool),
            lambda: self._order(SwitchPool(pool_id=self.rng.randrange(3))),
            lambda: self._order(DisablePool(pool_id=self.rng.randrange(3))),
            lambda: self._order(EnablePool(pool_id=self.rng.randrange(3))),
        ]
        await self.rng.choice(acts)()
        work = self.rig.scheduler.next_work(0, self.rng.choice([1, 1, 4]))
        if work is not None:
            self.works.append(work)
            self.submit(work)
        if self.works:
            self.submit(self.works.pop(self.rng.randrange(len(self.works))))
        await asyncio.sleep(self.rng.choice([0, 0, 0.01, 0.05]))

    def submit(self, work: WorkItem) -> None:
        share = search(work, good=self.rng.random() < 0.9)
        if share.block_hash not in self.found:
            self.found[share.block_hash] = share
            self.rig.manager.submit(share)

    async def _cut(self, pool: FakePool) -> None:
        cut = asyncio.create_task(pool.cut(self.rng.uniform(0.01, 0.3)))
        self.cuts.add(cut)
        cut.add_done_callback(self.cuts.discard)

    async def _order(self, order: SwitchPool | DisablePool | EnablePool) -> None:
        with suppress(CommandError):  # the last one that is enabled stays so
            await self.rig.bus.send(order)


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(3))
async def test_no_share_ever_reaches_another_pool_user_or_extranonce(round_: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    config = StratumConfig(retry_min_s=0.02, retry_max_s=0.1, failback_s=0.2)
    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(FakePool(difficulty=TINY, seed=seed + n))
            for n in range(3)
        ]
        async with managing(*(pool.url for pool in pools), config=config) as rig:
            await rig.all_alive(3)
            storm = Storm(rig, pools, rng)
            for _ in range(150):
                await storm.step()
            await asyncio.gather(*storm.cuts)
            for number, pool in enumerate(pools):
                await pool.delay(0)
                await rig.bus.send(EnablePool(pool_id=number))
            await rig.all_alive(3)
            await rig.settled()
        tallies = [rig.manager.ledger.pool(number) for number in range(3)]
    assert rig.total.shares == len(storm.found)
    assert rig.total.accepted > 0
    for number, (pool, tally) in enumerate(zip(pools, tallies, strict=True)):
        for seen in pool.shares:
            # The pool rebuilt the header with the extranonce1 of its own session: a share that
            # strayed would have another hash there than here.
            assert seen.user == f"user{number}.rig"
            assert seen.block_hash is None or seen.block_hash in storm.found
            if seen.block_hash is not None:
                job = storm.found[seen.block_hash].work.job
                assert (job.pool_id, job.user) == (number, seen.user)
        books = pool.ledger()
        print(f"pool {number}: here {end_of(tally)}, there {books}")
        assert tally.accepted <= books.accepted
        assert tally.rejected_total <= sum(books.rejected.values())
        assert books.accepted <= tally.accepted + tally.unanswered
