"""A search that kills the service, or the whole machine, goes on below what killed it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.config.schema import TuningConfig
from luxminer.device.wishes import Wish
from luxminer.tuning.course import Course
from luxminer.tuning.keeper import Keeper
from luxminer.tuning.results import FILE_NAME, Result, Results, Stage
from luxminer.tuning.search import Setting
from tests.unit.drivers.warp import warped
from tests.unit.tuning.at_once import AtOnce
from tests.unit.tuning.scripted import MODEL, ScriptedStick
from tests.unit.tuning.stick_twin import StickTwin
from tests.unit.tuning.test_tuner import Bench

NAME = "A"
SETTINGS = st.builds(
    Setting,
    mhz=st.sampled_from([100.0, 150.0, 200.0, 250.0]),
    core_mv=st.none() | st.sampled_from([300, 310]),
)


@given(st.lists(SETTINGS, max_size=30))
def test_of_what_failed_the_slowest_clock_of_each_voltage_is_kept(settings: list[Setting]) -> None:
    course = Course()
    for setting in settings:
        course = course.after_failure(setting)
    slowest: dict[int | None, float] = {}
    for setting in settings:
        slowest[setting.core_mv] = min(setting.mhz, slowest.get(setting.core_mv, 1e9))
    assert {each.core_mv: each.mhz for each in course.failed} == slowest


@given(st.lists(st.none() | SETTINGS, max_size=200))
def test_the_second_death_at_a_setting_is_a_failure(trials: list[Setting | None]) -> None:
    course, deaths = Course(), dict[Setting, int]()
    for trial in trials:
        course = replace(course, trial=trial).after_death()
        assert course.trial is None
        if trial is None:
            continue
        deaths[trial] = deaths.get(trial, 0) + 1
        has_failed = any(
            each.core_mv == trial.core_mv and each.mhz <= trial.mhz for each in course.failed
        )
        assert trial in course.suspects
        assert has_failed == any(
            count > 1 and each.core_mv == trial.core_mv and each.mhz <= trial.mhz
            for each, count in deaths.items()
        )


class Life:
    """One life of the service over a state directory that outlives it."""

    def __init__(self, state_dir: Path, twin: StickTwin, config: TuningConfig, mhz: float) -> None:
        self.path = state_dir / FILE_NAME
        self.stick = ScriptedStick(0, twin, serial=NAME, frequency_mhz=mhz)
        self.stick.down_s = self.stick.seen_s = asyncio.get_running_loop().time()
        self.keeper = Keeper(state_dir)
        self.tried: list[Setting] = []
        self.unknown: list[Setting] = []
        """Settings of which the disk did not know when they were tried."""
        self._config = config

    @asynccontextmanager
    async def lived(self) -> AsyncIterator[None]:
        """Tune, then die without any last word."""
        asyncio.get_running_loop().set_default_executor(AtOnce())
        await self.keeper.load()
        self.bench = Bench(self.stick, config=self._config, keeper=self.keeper)
        self.bench.sticks.watch = self._watch
        async with self.bench.running():
            yield
        assert self.unknown == []

    def _watch(self, wish: Wish) -> None:
        """Look at what the disk knows of a setting when that is tried."""
        assert wish.mhz is not None
        setting = Setting(mhz=wish.mhz, core_mv=wish.core_mv)
        self.tried.append(setting)
        saved = self.saved
        if saved is None or (saved.course.trial, saved.stage) != (setting, Stage.UNDER_WAY):
            self.unknown.append(setting)

    async def until(self, condition: Callable[["Life"], bool]) -> None:
        for _ in range(8 * 3600):
            if condition(self):
                return
            await asyncio.sleep(1)
        raise AssertionError(self.tried)

    @property
    def is_over(self) -> bool:
        return self.saved is not None and self.saved.stage is not Stage.UNDER_WAY

    @property
    def saved(self) -> Result | None:
        if not self.path.is_file():
            return None
        return Results.decode(self.path.read_bytes()).get(NAME, MODEL.title)


CONFIG = TuningConfig(enabled=True)
SOUND = StickTwin(edge_mhz=2000.0)


@warped
async def test_a_clock_that_takes_the_machine_down_is_tried_twice_and_then_not_again(
    tmp_path: Path,
) -> None:
    deadly_mhz = 214.0
    deaths: list[float] = []
    for _ in range(30):
        life = Life(tmp_path, SOUND, CONFIG, 150.0)
        async with life.lived():
            await life.until(lambda life: life.stick.mhz >= deadly_mhz or life.is_over)
        if life.stick.mhz < deadly_mhz:
            break
        deaths.append(life.tried[-1].mhz)
    assert life.saved is not None
    assert (life.saved.setting.mhz, life.saved.stage) == (212.5, Stage.FINAL)
    assert life.saved.course == Course(), "a new search would begin anew"
    assert deaths
    assert {deaths.count(mhz) for mhz in deaths} == {2}, deaths


@warped
async def test_a_first_clock_that_takes_the_machine_down_is_not_the_end(tmp_path: Path) -> None:
    tried = []
    for _ in range(3):
        life = Life(tmp_path, SOUND, CONFIG, 200.0)
        async with life.lived():
            await life.until(lambda life: bool(life.tried))
        tried.append(life.tried[0].mhz)
    assert tried == [200, 200, 181.25]


@warped
async def test_what_failed_is_remembered_when_the_service_is_killed(tmp_path: Path) -> None:
    twin = StickTwin(edge_mhz=190.0)
    first = Life(tmp_path, twin, CONFIG, 200.0)
    async with first.lived():
        await first.until(lambda life: len(life.tried) >= 2)
    assert first.saved is not None
    assert first.saved.course.failed == (Setting(mhz=200.0),)
    second = Life(tmp_path, twin, CONFIG, 200.0)
    async with second.lived():
        await second.until(lambda life: len(life.tried) >= 4)
    assert second.tried[0] == first.tried[1]
    assert all(setting.mhz < 200 for setting in second.tried)
    laxer = Life(tmp_path, twin, replace(CONFIG, max_hw_error_percent=10.0), 200.0)
    async with laxer.lived():
        assert laxer.keeper.results.get(NAME, MODEL.title) is not None
        await laxer.until(lambda life: bool(life.tried))
        assert laxer.saved is not None
        assert laxer.saved.course.failed == ()
        assert laxer.saved.course.max_hw_error_percent == 10


@warped
async def test_an_end_in_order_is_no_death(tmp_path: Path) -> None:
    for _ in range(4):
        life = Life(tmp_path, SOUND, CONFIG, 200.0)
        async with life.lived():
            await life.until(lambda life: bool(life.tried))
        await life.keeper.end()
        assert life.tried[0].mhz == 200
        assert life.saved is not None
        assert life.saved.course == Course(max_hw_error_percent=2.0)


@warped
async def test_each_setting_costs_one_write(tmp_path: Path) -> None:
    life = Life(tmp_path, StickTwin(edge_mhz=240.0), CONFIG, 150.0)
    files = set()
    async with life.lived():
        while not life.is_over:
            await asyncio.sleep(1)
            if life.path.exists():
                files.add(life.path.stat().st_mtime_ns)
    assert len(life.tried) == len(set(life.tried))
    assert len(files) <= len(life.tried) + 1, "and one for the result"


@pytest.mark.parametrize("is_there_before", [False, True])
@warped
async def test_nothing_is_tried_that_the_disk_does_not_know(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, is_there_before: bool
) -> None:
    life = Life(tmp_path / "state", SOUND, CONFIG, 150.0)
    if is_there_before:
        (tmp_path / "state").write_text("in the way")
    async with life.lived():
        if not is_there_before:
            (tmp_path / "state").write_text("in the way")
        await asyncio.sleep(60)
        assert life.tried == []
        assert not life.bench.seen().is_tuning
        assert life.stick.told == [(150.0, None)]
        assert life.bench.tuner.errors == 0
    assert "the disk takes no results" in caplog.text


@warped
async def test_an_error_of_the_tuner_is_no_death_of_the_service(tmp_path: Path) -> None:
    life = Life(tmp_path, SOUND, CONFIG, 150.0)
    async with life.lived():
        await life.until(lambda life: bool(life.tried))
        life.stick.bug = ZeroDivisionError("made up")
        await asyncio.sleep(1800)
        assert life.bench.tuner.errors == 1
        await asyncio.sleep(120)
    assert life.saved is not None
    assert life.saved.course.trial is None
