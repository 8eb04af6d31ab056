"""Keeps all enabled pools connected, so that a switch takes no handshake."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from luxminer.logs import RateLimit
from luxminer.pool.pool import Pool

__all__ = ["Connections"]

log = logging.getLogger(__name__)

FAILED_PAUSE_S = 10.0
"""After an unexpected error in a connection."""


class Connections:
    """One task for each pool; an error of ours in one is no error of the others."""

    def __init__(self, position_of: Callable[[int], int | None]) -> None:
        self._position_of = position_of
        self._limit = RateLimit()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def start(self, group: asyncio.TaskGroup, pools: Iterable[Pool]) -> None:
        """Connect pools, and those that come later, by tasks of ``group``."""
        self._group = group
        for pool in pools:
            self.connect(pool)

    def connect(self, pool: Pool) -> None:
        """Keep a pool connected, if it is enabled and not connected yet."""
        if self._group is None or not pool.enabled:
            return
        if pool.number not in self._tasks:
            name = f"pool {pool.number}"
            self._tasks[pool.number] = self._group.create_task(self._keep(pool), name=name)

    def disconnect(self, pool: Pool) -> None:
        """Hang up for good; its shares come to their end."""
        task = self._tasks.pop(pool.number, None)
        if task is not None:
            task.cancel()
        pool.client.end()

    def tick(self, pools: Iterable[Pool], now_s: float) -> None:
        """Look at all time limits."""
        for pool in pools:
            try:
                pool.client.tick(now_s)
            except Exception:
                if self._limit.admit(f"tick {pool.number}", now_s) is not None:
                    position = self._position_of(pool.number)
                    log.exception("pool %s: its time limits failed", position)

    async def _keep(self, pool: Pool) -> None:
        while True:
            try:
                await pool.client.run()
            except Exception:
                log.exception("pool %s: its connection failed", self._position_of(pool.number))
            await asyncio.sleep(FAILED_PAUSE_S)
