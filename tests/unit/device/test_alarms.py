"""Events about sticks, from what their states say."""

from dataclasses import replace

from luxminer.clock import Chores, SystemClock
from luxminer.device.alarms import StickAlarms
from luxminer.device.state import DeviceState
from luxminer.telemetry.events import EventLog
from luxminer.telemetry.model import DeviceStatus, Illness, IllnessSnapshot
from tests.unit.device.states import state


class Bench:
    def __init__(self) -> None:
        self.state = state(chips=2, mhz=150.0, nominal_hs=1e9, brought_up_s=5.0)
        self.events = EventLog(SystemClock())
        self.alarms = StickAlarms(lambda: [self.state], events=self.events, chores=Chores())

    def seen(self, now: DeviceState) -> dict[str, str]:
        self.state = now
        self.alarms.look()
        self.alarms.look()
        return {event.code: event.text for event in self.events.snapshot()}


def ill(what: Illness, times: int = 1) -> IllnessSnapshot:
    return IllnessSnapshot(counts={what: times}, last=what, last_wall_s=1.0)


def test_a_stick_that_is_well_is_no_event() -> None:
    bench = Bench()
    assert bench.seen(replace(bench.state, chips=2)) == {}
    assert bench.seen(replace(bench.state, chips=0)) == {}


def test_a_pulled_stick_until_it_is_back() -> None:
    bench = Bench()
    well = bench.state
    gone = replace(well, present=False, brought_up_s=None, gone_wall_s=9.0, problem="A: unplugged")
    assert bench.seen(gone) == {"BOARD_NOT_DETECTED": "A: unplugged"}
    assert bench.seen(well) == {}


def test_a_stick_that_does_not_start_until_it_does() -> None:
    bench = Bench()
    well = bench.state
    down = replace(
        well,
        brought_up_s=None,
        status=DeviceStatus.NO_START,
        illness=ill(Illness.FAIL_INIT),
        problem="A: no chip answers",
    )
    assert bench.seen(down) == {"BOARD_ASIC_INIT_FAILURE": "A: no chip answers"}
    trying = replace(down, status=DeviceStatus.INITIALISING, problem="A: being brought up")
    assert bench.seen(trying) == {"BOARD_ASIC_INIT_FAILURE": "A: no chip answers"}
    assert bench.seen(replace(well, illness=down.illness)) == {}


def test_chips_that_lack() -> None:
    bench = Bench()
    found = bench.seen(replace(bench.state, chips=6))
    assert list(found) == ["BOARD_ASIC_ENUMERATION_FAILURE"]
    assert "2 of 6 chips answer" in found["BOARD_ASIC_ENUMERATION_FAILURE"]
    assert bench.seen(replace(bench.state, chips=2)) == {}


def test_a_start_for_silence_is_told_each_time() -> None:
    bench = Bench()
    for times in (1, 2):
        now = replace(bench.state, illness=ill(Illness.DEAD_IDLE, times))
        assert "REBOOT_NOT_HASHING" in bench.seen(now)
        (event,) = bench.events.snapshot()
        assert event.count == times
