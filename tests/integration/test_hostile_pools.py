"""Pools that break the rules: bounded time and memory, a clear reason, and the next pool works.

The first pool of each test misbehaves, the second is honest. Seeds are those of the pools.
"""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from luxminer.config.schema import StratumConfig
from luxminer.control import DisablePool
from luxminer.stratum.outcome import Outcome
from luxminer_hil.fakepool.behaviours import scripted_pool
from luxminer_hil.fakepool.server import FakePool
from tests.unit.pool.manager_rig import ManagerRig, managing
from tests.unit.stratum.client_rig import TINY, outcomes, running, until

IMPATIENT = StratumConfig(
    retry_min_s=0.02,
    retry_max_s=0.1,
    connect_timeout_s=1.0,
    handshake_timeout_s=1.0,
    silence_timeout_s=2.0,
    failback_s=600.0,
)

SEED = 1

MAX_GROWTH_BYTES = 24 << 20
"""Python memory above what there was before; a line alone may have a MiB, in several copies."""

MAX_LAG_S = 2.0
"""Others wait this long at most, on a machine that is busy with other tests."""


class Watch:
    """How long the loop keeps others waiting, and all that was said to be wrong with pool 0."""

    def __init__(self, rig: ManagerRig) -> None:
        self.problems: set[str] = set()
        self.lag_s = 0.0
        self._rig = rig

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before_s = loop.time()
            await asyncio.sleep(0.005)
            self.lag_s = max(self.lag_s, loop.time() - before_s - 0.005)
            self.problems.add(self._rig.manager.snapshots()[0].problem)

    def saw(self, words: str) -> bool:
        return any(words in problem for problem in self.problems)


@asynccontextmanager
async def watched(*urls: str) -> AsyncIterator[tuple[ManagerRig, Watch]]:
    tracemalloc.start()
    try:
        async with managing(*urls, config=IMPATIENT) as rig:
            watch = Watch(rig)
            task = asyncio.create_task(watch.run())
            before, _ = tracemalloc.get_traced_memory()
            try:
                yield rig, watch
            finally:
                task.cancel()
                await asyncio.wait({task})
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < MAX_GROWTH_BYTES
            assert watch.lag_s < MAX_LAG_S
    finally:
        tracemalloc.stop()


async def mines_for(rig: ManagerRig, pool: FakePool) -> None:
    """The honest pool gives the work, and takes a share of it."""
    accepted = rig.total.accepted
    rig.manager.submit(rig.miner.share(await rig.job_of(pool)))
    await until(lambda: rig.total.accepted > accepted, "accepted share")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("closed", "cannot connect to"),
        ("dead", "no answer to mining.subscribe in 1 s"),
        ("not-stratum", "Connection reset|HTTP/1.1 400 Bad Request"),
        ("refusing-subscribe", "subscribe refused"),
        ("refusing", "refused"),
        ("extranonce2-zero", "extranonce2 size is not between 1 and 16"),
        ("extranonce2-huge", "extranonce2 size is not between 1 and 16"),
        ("no-jobs", "sent no job for|silent for"),
        ("silent-after-authorize", "silent for"),
        ("endless-line", "line longer than|MiB in a second"),
        ("job-flood", "sends jobs without end"),
        ("clean-storm", "voids its jobs without end"),
        ("tls-expired", "certificate is not accepted"),
        ("tls-self-signed", "certificate is not accepted"),
        ("tls-wrong-name", "certificate is not accepted"),
    ],
)
async def test_a_pool_of_no_use_is_left_with_a_reason(behaviour: str, reason: str) -> None:
    async with (
        scripted_pool(behaviour, difficulty=TINY) as bad,
        FakePool(difficulty=TINY) as good,
        watched(bad.url, good.url) as (rig, watch),
    ):
        wanted = reason.split("|")
        await until(lambda: any(watch.saw(words) for words in wanted), reason, 20.0)
        await mines_for(rig, good)


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["malformed", "wrong-types", "absurd-difficulty", "fuzz"])
async def test_nonsense_costs_at_most_the_connection(behaviour: str) -> None:
    async with (
        scripted_pool(behaviour, difficulty=TINY, seed=SEED, job_interval_s=0.25) as bad,
        FakePool(difficulty=TINY, seed=SEED) as good,
        watched(bad.url, good.url) as (rig, _),
    ):
        deadline_s = asyncio.get_running_loop().time() + 5.0
        while asyncio.get_running_loop().time() < deadline_s:
            job = rig.manager.job
            if job is not None and job.difficulty < 0.001:
                rig.manager.submit(rig.miner.share(job))
            await asyncio.sleep(0.05)
        assert rig.total.shares > 20
        await bad.disconnect()
        bad.stop_timer()
        await rig.bus.send(DisablePool(pool_id=0))
        await mines_for(rig, good)


@pytest.mark.slow
@pytest.mark.parametrize(
    "behaviour",
    [
        "configure-hangup",
        "early-jobs",
        "extranonce",
        "extranonce-refused",
        "extranonce-same-job",
        "no-configure",
        "no-resume",
        "no-session",
        "redirect-foreign",
        "stale-tolerant",
        "suggest-hangup",
        "suggest-honoured",
        "talkative",
        "vardiff",
        "version-mask",
    ],
)
async def test_a_pool_that_is_only_different_loses_no_share(behaviour: str) -> None:
    wishes: dict[str, Any] = {"suggest_difficulty": TINY / 10, "extranonce_subscribe": True}
    async with (
        scripted_pool(behaviour, difficulty=TINY, seed=SEED) as pool,
        running(pool.url, minimum_difficulty=TINY / 10, **wishes) as rig,
    ):
        deadline_s = asyncio.get_running_loop().time() + 2.0
        sent = 0
        while asyncio.get_running_loop().time() < deadline_s or sent < 10:
            if rig.client.authorized and rig.client.protocol is not None:
                job = rig.client.protocol.current_job
                if job is not None and job.difficulty < 0.001:
                    rig.client.submit(rig.miner.share(job, rolled=job.version_mask != 0))
                    sent += 1
            rig.tick_after(0)
            await asyncio.sleep(0.02)

        def is_over() -> bool:
            rig.tick_after(0)
            return sum(map(len, rig.ends.values())) == sent

        await until(is_over, "all ends")
        ends = outcomes(rig)
        known_before = ends[Outcome.UNANSWERED]  # the pool hung up before it answered, and had it
        assert known_before <= rig.client.interruptions
        assert ends[Outcome.ACCEPTED] + known_before == sent
