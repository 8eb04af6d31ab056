"""A service that the machine lets sleep, and that wakes as if nothing had been."""

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from luxminer_hil.fakepool.server import FakePool

SILENCE_S = 5.0
ASLEEP_S = 12.0


@pytest.mark.slow
async def test_pools_that_spoke_while_we_slept_are_not_left(tmp_path: Path) -> None:
    config = tmp_path / "stall.toml"
    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(FakePool(difficulty=1, job_interval_s=1.0))
            for _ in range(2)
        ]
        lines = [
            '[api]\nport = 0\nhttp_port = 0\nlisten = "127.0.0.1"',
            "[mining]\ndetect = false",
            f"[stratum]\nsilence_timeout_s = {SILENCE_S}",
            *(f"[[pools]]\nurl = {json.dumps(pool.url)}\nuser = 'me.rig'" for pool in pools),
            '[[devices]]\nport = "cpu:1"\nmodel = "cpu"',
        ]
        config.write_text("\n".join(lines))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "luxminer", "run", "-c", str(config)),
            env={"STATE_DIRECTORY": str(tmp_path)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            for pool in pools:
                await pool.wait_for_users(1)
            await asyncio.sleep(2.0)
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(ASLEEP_S)
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(4.0)
            assert [pool.ledger().connections for pool in pools] == [1, 1]
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            await process.wait()
