"""The manager keeps going, whatever one pool does to it."""

import asyncio
import logging
import random

import pytest

from luxminer.clock import SystemClock
from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.control import CommandBus, DisablePool, EnablePool, RemovePool, SwitchPool
from luxminer.errors import CommandError, ConfigError
from luxminer.pool.manager import PoolManager
from luxminer.pool.pool import check_pool
from luxminer.telemetry.model import PoolStatus


class BrokenRandom(random.Random):
    """A collaborator with an error in it."""

    def uniform(self, a: float, b: float) -> float:
        raise ZeroDivisionError("a bug")


def manager(
    *urls: str, rng: random.Random | None = None, bus: CommandBus | None = None
) -> PoolManager:
    return PoolManager(
        [PoolConfig(url=url, user="me") for url in urls],
        StratumConfig(retry_min_s=0.1, connect_timeout_s=1.0),
        clock=SystemClock(),
        rng=rng or random.Random(1),
        agent="luxminer",
        on_stakes=lambda stakes: None,
        on_version_mask=lambda pool, mask: None,
        bus=bus,
    )


async def test_an_error_in_one_connection_ends_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = manager("stratum+tcp://127.0.0.1:1", rng=BrokenRandom())
    task = asyncio.create_task(made.run())
    with caplog.at_level(logging.ERROR):
        await asyncio.sleep(0.3)
    assert not task.done()
    assert "a bug" in caplog.text
    assert made.snapshots()[0].status is PoolStatus.DEAD
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize(
    "url", ["stratum+udp://pool.example:1", "ftp://pool.example", "", "a b:1", "pool.example:0"]
)
def test_a_pool_that_cannot_be_used_is_refused_with_its_key(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        manager("stratum+tcp://pool.example:3333", url)
    assert caught.value.key == "pools[1].url"
    assert "stratum+tcp://" in caught.value.cure


@pytest.mark.parametrize(
    ("user", "fits"), [("a" * 256, True), ("a" * 257, False), ("ä" * 42, True), ("ä" * 43, False)]
)
def test_a_user_must_fit_into_the_line_of_a_share(user: str, fits: bool) -> None:
    config = PoolConfig(url="pool.example:3333", user=user)
    if fits:
        check_pool(config, "pools[0]")
    else:
        with pytest.raises(ConfigError, match="bytes in a message"):
            check_pool(config, "pools[0]")


async def test_orders_are_refused_with_stable_words() -> None:
    bus = CommandBus()
    made = manager("pool.example:1", "pool.example:2", bus=bus)
    assert await bus.send(EnablePool(pool_id=0)) is False
    assert await bus.send(DisablePool(pool_id=0)) is True
    assert await bus.send(SwitchPool(pool_id=1)) == "pool.example:2"
    assert [pool.priority for pool in made.snapshots()] == [1, 0]
    for order, reason in (
        (DisablePool(pool_id=1), "last-pool"),
        (EnablePool(pool_id=7), "unknown-pool"),
        (RemovePool(pool_id=-1), "unknown-pool"),
    ):
        with pytest.raises(CommandError) as caught:
            await bus.send(order)
        assert caught.value.reason == reason
    assert await bus.send(RemovePool(pool_id=0)) == "pool.example:1"
    with pytest.raises(CommandError) as caught:
        await bus.send(RemovePool(pool_id=0))
    assert caught.value.reason == "last-pool"
    assert [pool.url for pool in made.snapshots()] == ["pool.example:2"]
