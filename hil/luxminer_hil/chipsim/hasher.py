"""The real hashing behind all virtual sticks of a process: a few threads, in small fair pieces.

A stick has at most one batch under way, and batches are served in the order they came, so that no
stick starves another. The threads run below normal priority: the service under test comes first.
"""

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from luxminer.hashing import scan
from luxminer_hil.chipsim.chip import Slice

__all__ = ["BATCH_S", "Hasher", "shared_hasher"]

BATCH_S = 0.010
"""CPU time of one batch: keeps sticks responsive and thread hops cheap."""

INLINE_S = 0.0005
"""A batch shorter than this is done at once on the loop: a thread hop would cost more."""

FIRST_GUESS_HS = 1_000_000.0
"""Speed assumed until the first batch has been measured."""

SMOOTHING = 0.2
"""Weight of a new measurement."""

SMALLEST_MEASURED_S = 0.001
"""Shorter batches say nothing about speed."""

MAX_FOUND = 64
"""Positions that one call of `scan` returns at most."""

NICENESS = 5


class Hasher:
    """Threads that search nonces; used from one event loop."""

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or len(os.sched_getaffinity(0))
        self._executor: ThreadPoolExecutor | None = None
        self._speed_hs = FIRST_GUESS_HS

    @property
    def batch(self) -> int:
        """Hashes that one batch should have."""
        return max(int(self._speed_hs * BATCH_S), 1)

    async def search(self, slices: Sequence[Slice]) -> list[list[int]]:
        """Return the positions found in each slice, in rising order."""
        count = sum(piece.count for piece in slices)
        if count <= self._speed_hs * INLINE_S:
            return [_search(piece) for piece in slices]
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._workers, "chipsim", _step_back)
        loop = asyncio.get_running_loop()
        found, cpu_s = await loop.run_in_executor(self._executor, _search_all, slices)
        if cpu_s >= SMALLEST_MEASURED_S:
            self._speed_hs += SMOOTHING * (count / cpu_s - self._speed_hs)
        return found

    def close(self) -> None:
        """Stop the threads; a later search starts them again."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None


_shared = Hasher()


def shared_hasher() -> Hasher:
    """Return the one that all sticks of this process share, as they share its processors."""
    return _shared


def _step_back() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _search_all(slices: Sequence[Slice]) -> tuple[list[list[int]], float]:
    started_s = time.thread_time()
    found = [_search(piece) for piece in slices]
    return found, time.thread_time() - started_s


def _search(piece: Slice) -> list[int]:
    found: list[int] = []
    first, left = piece.first, piece.count
    while left:
        more = scan(piece.midstate, piece.tail, first, left, piece.target_le, MAX_FOUND)
        found += more
        if len(more) < MAX_FOUND:
            break
        done = more[-1] + 1 - first
        first, left = first + done, left - done
    return found
