"""Duties of the same interval meet, at moments that come one after the other."""

import asyncio
from itertools import pairwise

import pytest

from luxminer.clock import beat
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
