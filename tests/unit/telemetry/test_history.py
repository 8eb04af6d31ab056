"""What the miner did in spans of time, against counters and a clock of the test."""

import asyncio

import pytest

from luxminer.clock import Chores
from luxminer.telemetry.history import KEPT_S, Counters, History, Levels

HOUR_S = 1_700_000_000 // 86400 * 86400
"""A full day."""


class Bench:
    """A miner of 1 GH/s and 5 W, with a share each second."""

    def __init__(self, start_s: float = HOUR_S) -> None:
        self.now_s = 0.0
        self.wall_s = start_s
        self.temperature_c: float | None = None
        self.history = History(self, Chores(), counters=self._counters, levels=self._levels)

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return self.wall_s + self.now_s

    def _counters(self) -> Counters:
        return Counters(
            hashes=self.now_s * 1e9, accepted=int(self.now_s), rejected=0, stale=0, hw_errors=0
        )

    def _levels(self) -> Levels:
        return Levels(power_w=5.0, temperature_c=self.temperature_c)

    def run(self, seconds: float, step_s: float = 1.0) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.history.look()
            self.now_s += step_s
        self.history.look()


def test_a_minute_is_there_when_it_is_complete() -> None:
    bench = Bench()
    bench.run(59)
    assert bench.history.buckets(60, 0, partial=False) == ()
    bench.run(1)
    (minute,) = bench.history.buckets(60, 0, partial=False)
    assert (minute.end_wall_s, minute.seconds, minute.accepted) == (HOUR_S + 60, 60, 60)
    assert minute.rate_hs == pytest.approx(1e9)
    assert minute.power_w == pytest.approx(5.0)
    assert minute.temperature_c is None


def test_larger_spans_are_made_of_the_minutes() -> None:
    bench = Bench()
    bench.run(2 * 3600, step_s=5)
    assert len(bench.history.buckets(60, 0, partial=False)) == 120
    fives = bench.history.buckets(300, 0, partial=False)
    assert [each.end_wall_s for each in fives] == [HOUR_S + n * 300 for n in range(1, 25)]
    hours = bench.history.buckets(3600, 0, partial=False)
    assert [(hour.seconds, hour.accepted) for hour in hours] == [(3600, 3600)] * 2
    assert len(bench.history.buckets(60, HOUR_S + 7000, partial=False)) == 4


def test_the_span_under_way_is_shown_when_it_is_asked_for() -> None:
    bench = Bench()
    bench.run(90)
    for size_s, seconds in ((60, 30), (300, 90), (86400, 90)):
        shown = bench.history.buckets(size_s, bench.wall() + 1, partial=True)
        assert [(each.seconds, each.accepted) for each in shown] == [(seconds, seconds)]
        assert shown[0].rate_hs == pytest.approx(1e9)
    before = bench.history.buckets(60, 0, partial=True)
    assert bench.history.buckets(60, 0, partial=True) == before, "to look changes nothing"


def test_a_first_minute_that_was_cut_says_how_much_of_it_there_was() -> None:
    bench = Bench(HOUR_S + 45)
    bench.run(15)
    (minute,) = bench.history.buckets(60, 0, partial=False)
    assert minute.seconds == 15
    assert minute.rate_hs == pytest.approx(1e9)


def test_the_highest_temperature_counts() -> None:
    bench = Bench()
    bench.temperature_c = 40.0
    bench.run(30)
    bench.temperature_c = 61.5
    bench.run(10)
    bench.temperature_c = None
    bench.run(20)
    (minute,) = bench.history.buckets(60, 0, partial=False)
    assert minute.temperature_c == 61.5


def test_the_oldest_go() -> None:
    bench = Bench()
    bench.run(7 * 3600, step_s=30)
    minutes = bench.history.buckets(60, 0, partial=False)
    assert len(minutes) == KEPT_S[60] // 60
    assert minutes[-1].end_wall_s == HOUR_S + 7 * 3600


def test_nothing_is_lost_or_counted_twice_when_the_clock_is_set() -> None:
    bench = Bench()
    bench.run(100)
    bench.wall_s += 86400 * 3
    bench.run(100)
    bench.wall_s -= 86400 * 5
    bench.run(100)
    shown = bench.history.buckets(60, 0, partial=True)
    assert sum(each.accepted for each in shown) == 300
    assert sum(each.seconds for each in shown) == 300


async def test_it_looks_by_itself_until_it_ends() -> None:
    bench = Bench()
    chores = Chores(interval_s=0.01, slack_s=0.0)
    looks = 0

    def counters() -> Counters:
        nonlocal looks
        looks += 1
        return Counters(hashes=0.0, accepted=0, rejected=0, stale=0, hw_errors=0)

    history = History(
        bench,
        chores,
        counters=counters,
        levels=lambda: Levels(power_w=0.0, temperature_c=None),
    )
    await history.load()
    await asyncio.sleep(0.05)
    await history.end()
    assert looks
