"""Sticks of every size that take work from a scheduler and find nonces by chance, in no time."""

import heapq
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from luxminer.mining.scheduler import NONCES, Scheduler
from luxminer.work.job import PoolJob

LATENCY_S = 0.02
"""From the chip to the host."""


class EventClock:
    """Shows the time of the event that is dealt with."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return self.now_s


@dataclass(frozen=True, kw_only=True)
class Stick:
    rate_hs: float
    piece_s: float
    """So often it takes work."""
    ticket: float = 1.0
    """Difficulty of the easiest nonce that it reports."""
    versions: int = 1
    chip_rolls: bool = False


COMPAC = Stick(rate_hs=8.25e9, piece_s=0.41)
R909 = Stick(rate_hs=1.81e12, piece_s=0.009, ticket=256, versions=4)
COMPAC_A2 = Stick(rate_hs=614e9, piece_s=0.5, ticket=256, chip_rolls=True)
BLOCK_ERUPTER = Stick(rate_hs=0.336e9, piece_s=12.8)


class Mine:
    """Some sticks, one scheduler, and what was found for each pool."""

    def __init__(self, sticks: Mapping[int, Stick], seed: int) -> None:
        self.sticks = dict(sticks)
        self.clock = EventClock()
        self.scheduler = Scheduler(
            self.clock, lambda job: None, lambda device_id: self.sticks[device_id].rate_hs
        )
        self.found: list[tuple[float, int, float]] = []
        """Time, pool and difficulty."""
        self.barren: set[int] = set()
        """Pools for which no nonce is ever right."""
        self.hashed: defaultdict[int, float] = defaultdict(float)
        """Difficulty worked for each pool."""
        self._rng = random.Random(seed)
        self._serial = count()
        self._events: list[tuple[float, int, int, PoolJob | None]] = []
        for device_id, stick in self.sticks.items():
            self._at(self._rng.uniform(0, stick.piece_s), device_id, None)

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end_s = self.clock.now_s + seconds
        while self._events and self._events[0][0] < end_s:
            self.clock.now_s, _, device_id, job = heapq.heappop(self._events)
            if job is None:
                self._take(device_id)
            elif job.pool_id not in self.barren:
                ticket = self.sticks[device_id].ticket
                self.found.append((self.clock.now_s, job.pool_id, ticket))
                self.scheduler.found(device_id, job, ticket)
        self.clock.now_s = end_s

    def found_by_pool(self, from_s: float = 0.0, to_s: float = float("inf")) -> dict[int, float]:
        sums: defaultdict[int, float] = defaultdict(float)
        for at_s, pool, difficulty in self.found:
            if from_s <= at_s < to_s:
                sums[pool] += difficulty
        return sums

    def _take(self, device_id: int) -> None:
        stick, now_s = self.sticks[device_id], self.clock.now_s
        work = self.scheduler.next_work(device_id, stick.versions, chip_rolls=stick.chip_rolls)
        until_s = now_s + stick.piece_s
        if work is not None:
            self.hashed[work.job.pool_id] += stick.rate_hs * stick.piece_s / NONCES
            at_s = now_s
            while (at_s := at_s + self._rng.expovariate(stick.rate_hs / NONCES / stick.ticket)) < (
                until_s
            ):
                self._at(at_s + LATENCY_S, device_id, work.job)
        self._at(until_s, device_id, None)

    def _at(self, at_s: float, device_id: int, job: PoolJob | None) -> None:
        heapq.heappush(self._events, (at_s, next(self._serial), device_id, job))


def part(sums: Mapping[int, float], pool: int) -> float:
    """Return the part of a pool in all that was found."""
    return sums.get(pool, 0.0) / sum(sums.values())
