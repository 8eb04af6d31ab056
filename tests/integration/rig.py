"""The whole service in this process, with virtual sticks and judging pools around it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from luxminer.config.schema import (
    ApiConfig,
    Config,
    DeviceConfig,
    LogConfig,
    MiningConfig,
    PoolConfig,
    StratumConfig,
)
from luxminer.daemon import Daemon
from luxminer.telemetry.model import MinerSnapshot
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.server import FakePool

SCALE = 2.0**-11
"""A Compac at 150 MHz then hashes 4 MH/s."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def config_for(
    sticks: Sequence[VirtualStick], pools: Sequence[FakePool | str], *, http: bool = False
) -> Config:
    return Config(
        api=ApiConfig(port=free_port(), http_port=free_port() if http else 0, listen="127.0.0.1"),
        mining=MiningConfig(detect=False, detect_interval_s=0.2),
        log=LogConfig(hashrate_interval_s=0),
        stratum=StratumConfig(retry_min_s=0.2, retry_max_s=1.0, failback_s=2.0),
        pools=tuple(
            PoolConfig(url=pool if isinstance(pool, str) else pool.url, user=f"user{n}.worker")
            for n, pool in enumerate(pools)
        ),
        devices=tuple(
            DeviceConfig(port=stick.path, model=stick.model, scale=float(stick.scale))
            for stick in sticks
        ),
    )


@asynccontextmanager
async def running(
    config: Config, state_dir: Path | None = None, **parts: Any
) -> AsyncIterator[Daemon]:
    """Run the service; it is stopped in order when the context ends, however that is.

    ``parts`` are those of `Daemon`.
    """
    daemon = Daemon(config, state_dir=state_dir, **parts)
    stop = asyncio.Event()
    task = asyncio.create_task(daemon.run(stop))
    try:
        ready = asyncio.create_task(daemon.ready.wait())
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if task.done():
            task.result()
        yield daemon
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def until(
    daemon: Daemon, condition: Callable[[MinerSnapshot], bool], timeout_s: float, what: str
) -> MinerSnapshot:
    """Return the first snapshot for which ``condition`` holds."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    while True:
        now = daemon.hub.snapshot()
        if condition(now):
            return now
        assert loop.time() < deadline_s, f"not within {timeout_s} s: {what}; {now}"
        await asyncio.sleep(0.02)


def assert_balanced(now: MinerSnapshot) -> None:
    """Both ledgers add up, for the whole miner, each stick and each pool."""
    assert now.nonces.balanced, now.nonces
    assert now.shares.balanced, now.shares
    for device in now.devices:
        assert device.nonces.balanced, device.nonces
        assert device.shares.balanced, device.shares
    for pool in now.pools:
        assert pool.shares.balanced, pool.shares
    assert now.shares.shares == now.nonces.shares
