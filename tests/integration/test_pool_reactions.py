"""Every shipped behaviour of a pool, and our reaction: who works, what is said, how soon, and what
becomes of shares. The whole service over real sockets, with a miner where the sticks would be.

Faster than life by settings alone: a pool without accepted shares is borne for three seconds.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from luxminer.config.schema import (
    ApiConfig,
    Config,
    LogConfig,
    MiningConfig,
    PoolConfig,
    StratumConfig,
)
from luxminer.control import DisablePool, EnablePool
from luxminer.daemon import Daemon
from luxminer.hashing import header_hash
from luxminer.telemetry.model import MinerSnapshot, PoolSnapshot, ShareTally
from luxminer.work.job import NonceFound, WorkItem
from luxminer.work.target import hash_meets, target_of
from luxminer_hil.fakepool.behaviours import behaviour_names, scripted_pool
from luxminer_hil.fakepool.server import FakePool
from tests.integration.reaction_rows import LEFT, NOBODY, OTHER_ADDRESS, ROWS, SAME, Row
from tests.integration.rig import assert_balanced, free_port, running, until
from tests.unit.stratum.client_rig import TINY

SETTINGS = StratumConfig(
    connect_timeout_s=1.0,
    handshake_timeout_s=2.0,
    share_timeout_s=5.0,
    retry_min_s=0.1,
    retry_max_s=0.5,
    failback_s=3.0,
    patience_s=3.0,
    penalty_s=20.0,
)

GLANCE_S = 0.1
LATE_S = 4.0
"""At the end of a row: what is accepted then was found after the reaction."""

ROWS_AT_ONCE = 14
MAX_SPOILED = 8
SEED = 1
TICKET = target_of(Fraction(TINY))


class Miner:
    """Finds one nonce of difficulty `TINY` in each piece of work.

    It is handed in after about ``piece_s``, whatever job has come meanwhile.
    """

    def __init__(self, daemon: Daemon, piece_s: float) -> None:
        self._daemon = daemon
        self._piece_s = piece_s
        self._rng = random.Random(SEED)

    async def run(self) -> None:
        while True:
            work = self._daemon.scheduler.next_work(0, 4)
            await asyncio.sleep(self._piece_s * self._rng.uniform(0.8, 1.2))
            if work is not None:
                self._hand_in(work)

    def _hand_in(self, work: WorkItem) -> None:
        nonce = 0
        while not hash_meets(header_hash(work.midstates[-1], work.tail, nonce), TICKET):
            nonce += 1
        found = NonceFound(
            device_id=0,
            chip=0,
            work=work,
            nonce=nonce,
            version=work.versions[-1],
            found_s=time.monotonic(),
        )
        assert self._daemon.nonce_found(found, TINY, TINY)


@dataclass
class Result:
    """What was seen; times are seconds from the start of the misbehaviour."""

    events: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    moved_s: float | None = None
    accepted_late: int = 0
    """Shares accepted in the last seconds, by whoever has the work."""
    end: MinerSnapshot | None = None
    works: str = NOBODY
    fates: Counter[str] = field(default_factory=Counter)

    def line(self, row: Row) -> str:
        events = ", ".join(f"{code} {at_s:.1f}" for code, at_s in self.events.items())
        fates = ", ".join(f"{count} {fate}" for fate, count in sorted(self.fates.items()))
        moved = "-" if self.moved_s is None else f"{self.moved_s:.1f}"
        return f"{row.name:30} {self.works:13} {moved:>5}  {fates}; {events}"


def fates_of(tally: ShareTally) -> Counter[str]:
    fates = Counter({"accepted": tally.accepted, "stale": tally.stale})
    fates["unanswered"] = tally.unanswered
    fates.update({f"rejected: {reason}": n for reason, n in tally.rejected.items()})
    fates.update({f"dropped: {reason}": n for reason, n in tally.dropped.items()})
    return +fates


@asynccontextmanager
async def service(
    row: Row, tmp_path: Path, *, api: bool = False
) -> AsyncIterator[tuple[Daemon, list[FakePool]]]:
    async with AsyncExitStack() as stack:
        bad = await stack.enter_async_context(
            scripted_pool(
                row.behaviour,
                difficulty=TINY,
                seed=SEED,
                job_interval_s=row.job_interval_s,
                wall=lambda: time.time() + row.wall_s,
            )
        )
        trusted = None
        if row.trusts and bad.certificate is not None:
            trusted = tmp_path / f"{row.behaviour}.pem"
            trusted.write_text(bad.certificate.authority_pem)
        ahead_s = row.wall_s if row.clocks_agree else 0.0
        good = await stack.enter_async_context(
            FakePool(
                difficulty=TINY, seed=SEED, job_interval_s=0.5, wall=lambda: time.time() + ahead_s
            )
        )
        first = PoolConfig(
            url=bad.url,
            backup_urls=(good.url,) if row.beside == "address" else (),
            user="user0.worker",
            suggest_difficulty=TINY,
            minimum_difficulty=TINY / 10,
            extranonce_subscribe=True,
            tls_ca_file=str(trusted) if trusted is not None else "",
        )
        second = PoolConfig(url=good.url, user="user1.worker")
        config = Config(
            api=ApiConfig(port=free_port() if api else 0, http_port=0, listen="127.0.0.1"),
            mining=MiningConfig(detect=False),
            log=LogConfig(hashrate_interval_s=0),
            stratum=replace(
                SETTINGS, silence_timeout_s=row.silence_s, job_timeout_s=1.5 * row.silence_s
            ),
            pools=(first, second) if row.beside == "pool" else (first,),
        )
        daemon = await stack.enter_async_context(running(config))
        miner = asyncio.create_task(Miner(daemon, row.piece_s).run())
        try:
            yield daemon, [bad, good]
        finally:
            miner.cancel()
            await asyncio.wait({miner})
        assert miner.cancelled(), miner


def who_works(pools: tuple[PoolSnapshot, ...], good: FakePool) -> str:
    at_work = [pool for pool in pools if pool.active]
    if not at_work:
        return NOBODY
    if at_work[0].id == 1:
        return LEFT
    return OTHER_ADDRESS if at_work[0].stratum_host.endswith(f":{good.port}") else SAME


async def play(row: Row, tmp_path: Path) -> Result:
    loop, result = asyncio.get_running_loop(), Result()
    started_s = loop.time()
    async with service(row, tmp_path) as (daemon, (_, good)):
        accepted = 0
        while (age_s := loop.time() - started_s) < row.runs_s:
            await asyncio.sleep(GLANCE_S)
            now_s = age_s - row.begins_s
            for event in daemon.events.snapshot():
                result.events.setdefault(event.code, now_s)
                result.texts.setdefault(event.code, event.text)
            works = who_works(daemon.pools.snapshots(), good)
            if works == row.works and now_s >= 0:
                result.moved_s = now_s if result.moved_s is None else result.moved_s
            if age_s < row.runs_s - LATE_S:
                accepted = daemon.pools.ledger.total().accepted
        result.works = who_works(daemon.pools.snapshots(), good)
        result.accepted_late = daemon.pools.ledger.total().accepted - accepted
    result.end = daemon.hub.snapshot()
    result.fates = fates_of(result.end.shares)
    return result


async def play_all(tmp_path: Path) -> dict[Row, Result]:
    turns = asyncio.Semaphore(ROWS_AT_ONCE)

    async def in_turn(row: Row) -> Result:
        async with turns:
            return await play(row, tmp_path)

    results = await asyncio.gather(*map(in_turn, ROWS))
    return dict(zip(ROWS, results, strict=True))


def misses(row: Row, result: Result) -> list[str]:
    """Return what was not as the row says."""
    assert result.end is not None
    assert_balanced(result.end)
    assert result.end.shares.waiting == 0
    moved_s, events = result.moved_s, set(result.events)
    checks = {
        f"{result.works} works": row.comes_back or result.works == row.works,
        f"moved after {moved_s}": moved_s is not None and moved_s <= row.moved_s,
        f"events {events}": row.events <= events <= row.events | row.may,
        f"events at {result.events}": all(
            result.events.get(code, 0.0) <= row.event_s for code in row.events
        ),
        f"fates {result.fates}": set(result.fates) <= row.fates | {"accepted"},
        f"{result.accepted_late} late shares": bool(result.accepted_late) is not row.is_fruitless,
    }
    return [words for words, is_right in checks.items() if not is_right]


def test_every_shipped_behaviour_has_a_row() -> None:
    assert {row.behaviour for row in ROWS} == set(behaviour_names())


@pytest.mark.slow
async def test_what_we_do_about_each_behaviour(tmp_path: Path) -> None:
    """Time counts here: a row that a busy machine has spoiled is played once more, alone."""
    spoiled = []
    for row, result in (await play_all(tmp_path)).items():
        print(result.line(row))
        if wrong := misses(row, result):
            print("   ", wrong, result.texts)
            spoiled.append(row)
    assert len(spoiled) <= MAX_SPOILED, [row.name for row in spoiled]
    failed = {}
    for row in spoiled:
        result = await play(row, tmp_path)
        print("alone", result.line(row))
        if wrong := misses(row, result):
            failed[row.name] = (wrong, result.texts)
    assert not failed


@pytest.mark.slow
async def test_the_api_shows_it(tmp_path: Path) -> None:
    """`pools` and `events` say it in the words of the pool, until it is over."""
    async with service(Row(behaviour="refusing"), tmp_path, api=True) as (daemon, (bad, _)):
        await until(daemon, lambda now: bool(now.events), 5.0, "an event")
        (event,) = (await ask(daemon, "events"))["EVENTS"]
        assert (event["Code"], event["Target"], event["ID"]) == ("POOL_LOGIN_REFUSED", "POOL", 0)
        assert "Unauthorized worker" in event["Description"]
        pools = (await ask(daemon, "pools"))["POOLS"]
        assert "Unauthorized worker" in pools[0]["Problem"]
        await bad.refuse([])
        await daemon.bus.send(DisablePool(pool_id=0))
        await daemon.bus.send(EnablePool(pool_id=0))
        await until(daemon, lambda now: now.pools[0].status == "Alive", 5.0, "a login")
        await until(daemon, lambda now: not conditions(now), 5.0, "the end of the event")


def conditions(now: MinerSnapshot) -> list[str]:
    return [event.code for event in now.events if not event.is_notice]


async def ask(daemon: Daemon, command: str) -> dict[str, Any]:
    assert daemon.api_port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.api_port)
    writer.write(json.dumps({"command": command}).encode())
    reply: dict[str, Any] = json.loads((await reader.read()).rstrip(b"\0\n"))
    writer.close()
    return reply
