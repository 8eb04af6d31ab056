"""Chips judged by what they find: sick ones, slow ones, ones that nobody can judge yet."""

from dataclasses import replace

import pytest

from luxminer.clock import Chores
from luxminer.config.schema.health import HealthConfig
from luxminer.control import CommandBus
from luxminer.control.sticks import RestartHealth, SetHealth
from luxminer.device.chip_health import ChipHealth
from luxminer.errors import CommandError
from luxminer.telemetry.model import ChipSnapshot
from tests.unit.device.states import state

EVERY_S = 2.0
"""A nonce of each chip at full speed."""


class Bench:
    """Two chips whose nonces the test counts, second by second."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.bus = CommandBus()
        nominal_hs = 2 * 2.0**32 / EVERY_S
        self.state = state(chips=2, mhz=150.0, nominal_hs=nominal_hs, brought_up_s=100.0)
        self.health = ChipHealth(
            HealthConfig(), lambda: [self.state], clock=self, bus=self.bus, chores=Chores()
        )
        self.health.look()

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return self.now_s + 1e9

    def count(self, *nonces: int) -> None:
        report = self.state.report
        assert report is not None
        chips = tuple(
            replace(chip, nonces=chip.nonces + more)
            for chip, more in zip(report.chips, nonces, strict=True)
        )
        self.state = replace(self.state, report=replace(report, chips=chips))

    def mine(self, for_s: int, *every_s: float) -> None:
        """Let each chip find a nonce every so many seconds, 0 for never."""
        for second in range(1, for_s + 1):
            self.count(*(int(bool(e) and second % e == 0) for e in every_s))
            self.now_s += 1.0
            self.health.look()

    @property
    def chips(self) -> tuple[ChipSnapshot, ...]:
        report = self.state.report
        assert report is not None
        shown = [
            ChipSnapshot(
                index=chip.index,
                frequency_mhz=chip.frequency_mhz,
                nonces=chip.nonces,
                hw_errors=0,
                duplicates=0,
            )
            for chip in report.chips
        ]
        return self.health.completed(0, shown)

    @property
    def verdicts(self) -> list[bool | None]:
        return [chip.healthy for chip in self.chips]


def test_a_verdict_takes_its_time_and_then_holds() -> None:
    bench = Bench()
    bench.mine(119, 2, 20)
    assert bench.verdicts == [None, None]
    bench.mine(1, 2, 20)
    assert bench.verdicts == [True, False]
    verdict = bench.chips[0].verdict
    assert verdict is not None
    assert (verdict.found, verdict.least) == (59, 12)
    assert verdict.expected == pytest.approx(60)
    assert verdict.wall_s == bench.wall()
    bench.mine(120, 2, 2)
    assert bench.verdicts == [True, True]


def test_chips_that_are_to_find_little_are_watched_for_longer() -> None:
    bench = Bench()
    report = bench.state.report
    assert report is not None
    bench.state = replace(bench.state, report=replace(report, nominal_hs=report.nominal_hs / 10))
    bench.mine(399, 20, 0)
    assert bench.verdicts == [None, None]
    bench.mine(2, 20, 0)
    assert bench.verdicts == [True, False]


async def test_the_owner_sets_how_and_lets_them_be_judged_anew() -> None:
    bench = Bench()
    await bench.bus.send(SetHealth(readings=60, factor=1.0))
    bench.mine(60, 2, 4)
    assert bench.verdicts == [True, False]
    await bench.bus.send(RestartHealth(device_id=0, chip=1))
    assert bench.verdicts == [True, None]
    await bench.bus.send(RestartHealth(device_id=0))
    assert bench.verdicts == [None, None]
    with pytest.raises(CommandError, match="no chip 2"):
        await bench.bus.send(RestartHealth(device_id=0, chip=2))


def test_spans_of_ten_minutes_and_rates() -> None:
    bench = Bench()
    bench.mine(600, 2, 10)
    bench.mine(300, 2, 0)
    first, second = bench.chips
    assert [sum(chip.nonces_10m) for chip in (first, second)] == [450, 60]
    assert first.nonces_10m == pytest.approx((150, 300), abs=1)
    assert second.nonces_10m == pytest.approx((0, 60), abs=1)
    assert first.rates_hs == pytest.approx([2.0**31] * 3, rel=1 / 28)
    assert second.rates_hs[0] == 0
    assert second.rates_hs[2] == pytest.approx(60 / 900 * 2**32)
    bench.mine(4000, 2, 0)
    assert len(bench.chips[0].nonces_10m) == 6
    assert sum(bench.chips[1].nonces_10m) == 0


def test_a_new_start_and_a_pause_begin_anew() -> None:
    bench = Bench()
    bench.mine(120, 2, 2)
    bench.state = replace(bench.state, brought_up_s=None)
    bench.health.look()
    assert bench.verdicts == [None, None]
    bench.state = replace(bench.state, brought_up_s=bench.now_s)
    bench.health.look()
    assert bench.verdicts == [None, None]
    bench.mine(119, 2, 2)
    bench.now_s += 3600
    bench.health.look()
    assert bench.verdicts == [None, None], "nothing is expected of the hour that nobody watched"
