"""Duties of the same interval meet, at moments that come one after the other."""

import asyncio
from itertools import pairwise

import pytest

from luxminer.clock import Bell, Chores, beat
from tests.unit.drivers.warp import warped


@pytest.mark.parametrize("interval_s", [0.1, 0.2, 0.3, 0.7, 1.0, 60.0])
def test_a_beat_comes_once_in_each_interval(interval_s: float) -> None:
    @warped
    async def run() -> None:
        loop = asyncio.get_running_loop()
        times = []
        for _ in range(1000):
            await beat(interval_s)
            times.append(loop.time())
        gaps = [after - before for before, after in pairwise(times)]
        assert gaps == pytest.approx([interval_s] * 999)

    run()


async def test_a_bell_wakes_at_its_time_or_when_rung() -> None:
    loop, bell = asyncio.get_running_loop(), Bell()
    due_s = loop.time() + 0.02
    assert not await bell.wait_until(due_s)
    assert loop.time() >= due_s
    loop.call_later(0.01, bell.ring)
    assert await bell.wait_until(loop.time() + 60)


async def test_a_bell_that_nobody_waits_for_is_not_heard_later() -> None:
    bell = Bell()
    bell.ring()
    assert not await bell.wait_until(asyncio.get_running_loop().time() + 0.01)


def test_chores_are_done_by_a_nudge_when_due_and_by_a_timer_when_nobody_nudges() -> None:
    @warped
    async def run() -> None:
        loop, done = asyncio.get_running_loop(), []
        chores = Chores(1.0, 0.5)
        start_s = loop.time()

        def chore() -> None:
            done.append(loop.time() - start_s)

        chores.add(chore)
        chores.nudge()
        assert not done, "not due yet"
        await asyncio.sleep(1.1)
        chores.nudge()
        chores.nudge()
        assert done == pytest.approx([1.1])
        await asyncio.sleep(1.0)
        assert len(done) == 1, "somebody may still nudge"
        await asyncio.sleep(2.2)
        assert done == pytest.approx([1.1, 2.6, 4.1])
        chores.remove(chore)
        chores.nudge()
        await asyncio.sleep(10)
        assert len(done) == 3

    run()


def test_a_chore_that_fails_is_logged_and_keeps_no_other_from_its_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @warped
    async def run() -> None:
        def failing() -> None:
            raise ZeroDivisionError

        done = []
        chores = Chores(1.0, 0.0)
        chores.add(failing)
        chores.add(lambda: done.append(1))
        await asyncio.sleep(3.5)
        assert len(done) == 3

    run()
    assert "ZeroDivisionError" in caplog.text


def test_a_chore_may_nudge_and_one_that_was_removed_meanwhile_is_not_done() -> None:
    @warped
    async def run() -> None:
        chores, done = Chores(1.0, 0.0), []

        def last() -> None:
            done.append("last")

        def first() -> None:
            done.append("first")
            chores.nudge()
            if len(done) > 2:
                chores.remove(last)

        chores.add(first)
        chores.add(last)
        await asyncio.sleep(2.5)
        assert done == ["first", "last", "first"]

    run()


def test_a_chore_may_come_less_often() -> None:
    @warped
    async def run() -> None:
        chores, often, seldom = Chores(1.0, 0.5), [], []
        chores.add(lambda: often.append(1))
        chores.add(lambda: seldom.append(1), every_s=5.0)
        await asyncio.sleep(60)
        assert len(often) > 35
        assert 9 <= len(seldom) <= 14

    run()
