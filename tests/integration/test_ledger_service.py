"""A real service killed with shares on their way: after the next start each has its one fate."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from luxminer.pool.schema import FILE_NAME
from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.server import FakePool
from tests.integration.rig import SCALE, free_port
from tests.integration.test_service_process import LUXMINER, SEED, output, service, settings

KILLS = 3


async def summary(port: int) -> dict[str, Any]:
    _, out = await output(*LUXMINER, "api", "summary", "--json", "--port", str(port))
    row: dict[str, Any] = json.loads(out)["SUMMARY"][0]
    return row


def fates(state_dir: Path) -> dict[str, int]:
    with closing(sqlite3.connect(state_dir / FILE_NAME)) as db:
        return dict(db.execute("SELECT outcome, count(*) FROM shares GROUP BY outcome"))


@pytest.mark.slow
async def test_no_share_is_lost_by_kills(tmp_path: Path) -> None:
    async with (
        FakePool(difficulty=SCALE, seed=SEED) as pool,
        VirtualStick("compac", scale=SCALE, seed=SEED, port=PtyPort(tmp_path / "tty")) as stick,
    ):
        answered = 0
        for _ in range(KILLS):
            pool.orders.delay(None, 0.0)
            file = settings(tmp_path, pool.url, stick.path)
            async with service(file) as miner:
                await pool.wait_for_shares(pool.ledger().submitted + 3, 30)
                await asyncio.sleep(0.3)
                answered = pool.ledger().accepted
                pool.orders.delay(None, 60.0)
                await pool.wait_for_shares(pool.ledger().submitted + 2, 30)
                miner.process.kill()
                await miner.ended(5)
        assert answered > 0
        pool.orders.delay(None, 0.0)
        submitted = pool.ledger().submitted
        port = free_port()
        async with service(settings(tmp_path, pool.url, stick.path, port=port)) as miner:
            await pool.wait_for_shares(submitted + 2, 30)
            await asyncio.sleep(0.3)
            row = await summary(port)
            assert row["Best Share Stick"] == str(stick.path)
            assert row["Best Share Time"] > 0
            assert row["Best Share Pool"] == pool.url
            miner.process.terminate()
            await miner.ended(5)
            assert "Traceback" not in miner.errors
    found = fates(tmp_path)
    assert set(found) <= {"accepted", "unanswered", "stale", "dropped"}, found
    assert found["accepted"] + found["unanswered"] == pool.ledger().submitted, found
    assert found["unanswered"] >= 2 * KILLS, found
