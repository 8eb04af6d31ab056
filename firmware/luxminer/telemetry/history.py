"""Keeps what the miner did in buckets that begin at full minutes and hours, in memory.

Counters are looked at once a minute, power and temperature more often; nothing is done for a nonce.
Larger buckets are made of the minutes.

Ref: LUXminer API (metrics: sizes, and how long they are kept).
"""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from luxminer.clock import Chores, Clock
from luxminer.telemetry.model import Bucket

__all__ = ["KEPT_S", "SAMPLE_S", "Counters", "History", "Levels"]

KEPT_S = {60: 6 * 3600, 300: 7 * 86400, 3600: 30 * 86400, 86400: 90 * 86400}
"""Length of a bucket to how long it is kept."""
SAMPLE_S = 10.0
"""Between two looks at power and temperature."""
MINUTE_S = 60
COLD = float("-inf")
"""Temperature where nothing measured it."""
WIDTH = 9
"""Numbers of a bucket in a row: its end, seconds, hashes, joules, temperature, four counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Only grow."""

    hashes: float
    accepted: int
    rejected: int
    stale: int
    hw_errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    power_w: float
    temperature_c: float | None


class _Sum:
    """A bucket under way."""

    def __init__(self) -> None:
        self.seconds = self.hashes = self.joules = 0.0
        self.temperature_c = COLD
        self.counts = [0, 0, 0, 0]

    def add(self, other: "_Sum") -> None:
        self.seconds += other.seconds
        self.hashes += other.hashes
        self.joules += other.joules
        self.temperature_c = max(self.temperature_c, other.temperature_c)
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]

    def numbers(self, end_wall_s: float) -> list[float]:
        measured = [end_wall_s, self.seconds, self.hashes, self.joules, self.temperature_c]
        return [*measured, *self.counts]


class _Ring:
    """Buckets of one size, the newest last; the oldest go when there are too many."""

    def __init__(self, size_s: int) -> None:
        self.size_s = size_s
        self.under_way = _Sum()
        self._most = KEPT_S[size_s] // size_s
        self._rows = array("d")

    def close(self, end_wall_s: float) -> None:
        done, self.under_way = self.under_way, _Sum()
        if done.seconds > 0:
            self._rows.extend(done.numbers(end_wall_s))
            del self._rows[: max(0, len(self._rows) - self._most * WIDTH)]

    def buckets(self, since_wall_s: float) -> list[Bucket]:
        starts = range(0, len(self._rows), WIDTH)
        return [
            _bucket(self._rows[start : start + WIDTH])
            for start in starts
            if self._rows[start] > since_wall_s
        ]


def _bucket(row: Sequence[float]) -> Bucket:
    end_wall_s, seconds, hashes, joules, temperature_c, *counts = row
    accepted, rejected, stale, hw_errors = map(int, counts)
    return Bucket(
        end_wall_s=end_wall_s,
        seconds=seconds,
        rate_hs=hashes / seconds,
        power_w=joules / seconds,
        temperature_c=None if temperature_c == COLD else temperature_c,
        accepted=accepted,
        rejected=rejected,
        stale=stale,
        hw_errors=hw_errors,
    )


class History:
    """Looks at the miner from `load` to `end`."""

    def __init__(
        self,
        clock: Clock,
        chores: Chores,
        *,
        counters: Callable[[], Counters],
        levels: Callable[[], Levels],
    ) -> None:
        self._chores = chores
        self._clock = clock
        self._counters = counters
        self._levels = levels
        self._rings = {size_s: _Ring(size_s) for size_s in KEPT_S}
        self._last_s: float | None = None
        self._minute = 0
        self._before = Counters(hashes=0.0, accepted=0, rejected=0, stale=0, hw_errors=0)

    async def load(self) -> None:
        self._chores.add(self.look)

    async def end(self) -> None:
        self._chores.remove(self.look)

    def look(self) -> None:
        """Take a sample when one is due, and close what is complete."""
        now_s, minute = self._clock.monotonic(), int(self._clock.wall() // MINUTE_S)
        if self._last_s is None:
            self._last_s, self._minute, self._before = now_s, minute, self._counters()
        elif minute != self._minute:
            self._sample(now_s, self._rings[MINUTE_S].under_way)
            self._close(minute)
        elif now_s - self._last_s >= SAMPLE_S:
            self._sample(now_s, self._rings[MINUTE_S].under_way)

    def _sample(self, now_s: float, into: _Sum) -> None:
        """Book the time since the last look, as it is now."""
        assert self._last_s is not None
        levels = self._levels()
        into.seconds += now_s - self._last_s
        into.joules += levels.power_w * (now_s - self._last_s)
        if levels.temperature_c is not None:
            into.temperature_c = max(into.temperature_c, levels.temperature_c)
        self._last_s = now_s

    def _count(self, into: _Sum) -> Counters:
        before, now = self._before, self._counters()
        into.hashes = now.hashes - before.hashes
        into.counts = [
            now.accepted - before.accepted,
            now.rejected - before.rejected,
            now.stale - before.stale,
            now.hw_errors - before.hw_errors,
        ]
        return now

    def _close(self, minute: int) -> None:
        """Close each bucket whose end is not after the beginning of a minute.

        Where the clock was set, what was under way belongs to the time before.
        """
        done = self._rings[MINUTE_S].under_way
        self._before = self._count(done)
        for size_s, ring in self._rings.items():
            if size_s != MINUTE_S:
                ring.under_way.add(done)
            number = self._minute * MINUTE_S // size_s
            if minute * MINUTE_S // size_s != number:
                ring.close((number + 1) * size_s)
        self._minute = minute

    def buckets(self, size_s: int, since_wall_s: float, *, partial: bool) -> tuple[Bucket, ...]:
        """Return those that end after a time, the oldest first, and then the one under way."""
        ring = self._rings[size_s]
        found = ring.buckets(since_wall_s)
        if partial and self._last_s is not None:
            now = _Sum()
            if size_s != MINUTE_S:
                now.add(ring.under_way)
            minute, since_s = _Sum(), self._last_s
            minute.add(self._rings[MINUTE_S].under_way)
            self._sample(self._clock.monotonic(), minute)
            self._last_s = since_s
            self._count(minute)
            now.add(minute)
            if now.seconds > 0:
                found.append(_bucket(now.numbers(self._clock.wall())))
        return tuple(found)
