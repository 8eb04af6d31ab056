"""Tunes sticks while they mine: one search per stick, all at once, beside everything else.

It sees what the sticks publish and gives the orders that their owner could give, as trials that
leave the owner's target alone. An order of the owner for a stick ends its search. Whatever goes
wrong here is logged, ends the search of that stick, and the stick mines on at its target.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from luxminer.clock import Clock, beat
from luxminer.config.schema import TuningConfig
from luxminer.control import CommandBus, SetProfile, StartTuning, StopTuning
from luxminer.device.state import DeviceState
from luxminer.device.wishes import Wish
from luxminer.errors import CommandError
from luxminer.logs import RateLimit
from luxminer.telemetry.model import NonceCounts, TunerSettings, TuningResult, TuningSnapshot
from luxminer.tuning.course import NO_COURSE, Course
from luxminer.tuning.keeper import SAVE_S, Keeper
from luxminer.tuning.measurement import Measurement, Sample
from luxminer.tuning.profile import Profile, can_run
from luxminer.tuning.results import Result, Stage
from luxminer.tuning.search import (
    MAX_MEASUREMENT_S,
    Goal,
    Search,
    Setting,
    Verdict,
    space_of,
)

__all__ = ["Pace", "Sticks", "Tuner"]

log = logging.getLogger(__name__)

MAX_REFUSALS = 3
"""Times in a row that a stick may refuse a setting."""

MAX_DOUBTS = 2
"""Times that a setting is told again as protection may have meant the one before."""

MAX_DEAD = 2
"""Settings in a row at which a stick never came up: that is no matter of the setting then."""


class Sticks(Protocol):
    """The device manager, as far as it is needed."""

    def device_states(self) -> tuple[DeviceState, ...]: ...
    async def set_profile(self, device_id: int, wish: Wish, *, keep_order: bool) -> None: ...
    async def try_out(self, device_id: int, wish: Wish, orders: int) -> float: ...
    async def end_trial(self, device_id: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times in seconds; tests have shorter ones."""

    tick_s: float = 1.0
    settle_s: float = 10.0
    """From when the clock is there until nonces are counted."""
    longest_s: float = MAX_MEASUREMENT_S


@dataclass(slots=True, kw_only=True)
class _Run:
    """The search on one stick."""

    device_id: int
    identity: str
    model: str
    orders: int
    goal: Goal
    search: Search
    earlier: Result | None
    course: Course
    measurement: Measurement | None = None
    refusals: int = 0
    doubts: int = 0
    dead: int = 0


class Tuner:
    """Owns the searches and the profile. `run` is its task.

    ``counts`` are the counters of a stick's nonces; ``has_work`` tells whether there is any to do.
    """

    def __init__(
        self,
        config: TuningConfig,
        profile: Profile,
        keeper: Keeper,
        sticks: Sticks,
        *,
        clock: Clock,
        counts: Callable[[int], NonceCounts],
        has_work: Callable[[], bool],
        bus: CommandBus,
        pace: Pace | None = None,
    ) -> None:
        self.is_enabled = config.enabled
        """Sticks without a result are tuned unasked."""
        self.settings = TunerSettings(
            goal=config.goal, max_hw_error_percent=config.max_hw_error_percent
        )
        self.errors = 0
        """Of its own or of a driver, beyond what can be expected."""
        self._config = config
        self._profile = profile
        self._keeper = keeper
        self._results = keeper.results
        self._sticks = sticks
        self._clock = clock
        self._counts = counts
        self._has_work = has_work
        self._pace = pace or Pace()
        self._runs: dict[int, _Run] = {}
        self._asked: set[int] = set()
        self._wanted = asyncio.Event()
        self._done: set[int] = set()
        """Sticks that are left alone until somebody asks."""
        self._limit = RateLimit()
        bus.register(SetProfile, self._set_profile)
        bus.register(StartTuning, self._start)
        bus.register(StopTuning, self._stop)

    # Life ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tune until cancelled."""
        while True:
            await self._rest()
            try:
                await self._look_at_all()
                await self._keeper.save_when_due(self._clock.monotonic())
            except Exception:
                self.errors += 1
                if self._limit.admit("tuner", self._clock.monotonic()) is not None:
                    log.exception("tuning failed, and tries again; mining goes on")

    async def _look_at_all(self) -> None:
        for state in self._sticks.device_states():
            try:
                await self._look_at(state, self._clock.monotonic())
            except Exception:
                log.exception("device %d: its tuning failed, it mines on without", state.id)
                await self._drop(state.id)

    @property
    def _has_to_look(self) -> bool:
        is_asked = self.is_enabled or self._asked or self._runs
        return bool(is_asked) or self._results.has_open

    async def _rest(self) -> None:
        """Wait for the next look; where nothing is to be tuned, until somebody asks."""
        if self._has_to_look:
            await beat(self._pace.tick_s)
            return
        self._wanted.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(SAVE_S):
                await self._wanted.wait()

    async def _drop(self, device_id: int) -> None:
        """Leave a stick alone whose search went wrong."""
        self.errors += 1
        run = self._runs.pop(device_id, None)
        if run is not None:
            self._results.close(run.identity)
        self._asked.discard(device_id)
        self._done.add(device_id)
        try:
            await self._sticks.end_trial(device_id)
        except Exception:
            log.exception("device %d: goes back to its target with its next start", device_id)

    async def _look_at(self, state: DeviceState, now_s: float) -> None:
        run = self._runs.get(state.id)
        if run is None:
            if not self._should_begin(state):
                return
            run = self._runs[state.id] = self._begin(state)
        if state.orders != run.orders:
            await self._end(state, run, Stage.STOPPED, "its owner has set it")
            return
        sample = self._sample(state, now_s)
        if run.measurement is None:
            await self._tell(run, sample)
            return
        evidence = run.measurement.take(sample)
        if run.measurement.has_strayed:
            await self._tell(run, sample)
            return
        if evidence is None:
            return
        if run.measurement.is_doubtful and run.doubts < MAX_DOUBTS:
            run.doubts += 1
            await self._tell(run, sample)
            return
        setting, verdict = run.measurement.setting, run.search.judge(evidence)
        if verdict is not Verdict.GO_ON:
            log.info(
                "device %d: tuning: %s %s: %s",
                *(state.id, setting, verdict.value, evidence),
            )
            was_dead = evidence.has_failed and not run.measurement.has_come_up
            if verdict is Verdict.FAILED and not was_dead:
                run.course = run.course.after_failure(setting)
            await self._judged(run, sample, was_dead=was_dead)

    async def _judged(self, run: _Run, sample: Sample, *, was_dead: bool) -> None:
        """Go on from a setting that is decided."""
        run.dead = run.dead + 1 if was_dead else 0
        run.doubts = 0
        run.measurement = None
        if run.dead >= MAX_DEAD or (run.dead and run.search.setting is None):
            await self._end(sample.state, run, Stage.STOPPED, "it does not come up any more")
        elif run.search.setting is None:
            await self._end(sample.state, run, Stage.FINAL, "nothing is left to try")
        else:
            await self._tell(run, sample)

    async def _tell(self, run: _Run, sample: Sample) -> None:
        """Run the stick at what is to be measured next; end where nothing of that is reachable."""
        while (setting := run.search.setting) is not None:
            is_written = await self._is_written_down(run, setting)
            if self._runs.get(run.device_id) is not run:
                return
            if not is_written:
                await self._end(sample.state, run, Stage.STOPPED, "the disk takes no results")
                return
            try:
                wish = Wish(mhz=setting.mhz, core_mv=setting.core_mv)
                mhz = await self._sticks.try_out(run.device_id, wish, run.orders)
            except CommandError as exc:
                await self._refused(run, sample, exc)
                return
            if self._runs.get(run.device_id) is not run:
                return
            run.refusals = 0
            if run.search.reaches(mhz):
                run.measurement = Measurement(setting, sample, self._pace.settle_s)
                return
        await self._end(sample.state, run, Stage.FINAL, "nothing is left to try")

    async def _is_written_down(self, run: _Run, setting: Setting) -> bool:
        """Let the disk know what is about to be tried, in case the machine dies of it."""
        if run.course.trial == setting:
            return True
        run.course = replace(run.course, trial=setting)
        self._results.put(run.identity, self._result(run, Stage.UNDER_WAY))
        return await self._keeper.write()

    async def _refused(self, run: _Run, sample: Sample, exc: CommandError) -> None:
        run.measurement = None
        run.refusals += 1
        is_over = exc.reason != "superseded" and run.refusals >= MAX_REFUSALS
        if is_over and self._runs.get(run.device_id) is run:
            await self._end(sample.state, run, Stage.STOPPED, str(exc))

    def _sample(self, state: DeviceState, now_s: float) -> Sample:
        counts = self._counts(state.id)
        return Sample(
            now_s=now_s,
            state=state,
            work=counts.diff1_work,
            hw_errors=counts.hw_errors,
            has_work=self._has_work(),
        )

    # Begin and end -------------------------------------------------------------------------------

    def _should_begin(self, state: DeviceState) -> bool:
        is_up = state.present and state.enabled and state.brought_up_s is not None
        if not is_up or state.report is None or state.step_mhz <= 0:
            return False
        if state.id in self._asked:
            return True
        if state.id in self._done or state.has_order:
            return False
        result = self._results.get(state.identity, state.model)
        if result is not None and result.stage is not Stage.FINAL:
            return result.stage is Stage.UNDER_WAY
        return self.is_enabled and not self._is_what_is_wanted(result, state)

    def _is_what_is_wanted(self, result: Result | None, state: DeviceState) -> bool:
        return (
            result is not None
            and can_run(state, result.setting)
            and result.goal is self._goal_of(state)
            and result.max_hw_error_percent == self._config.max_hw_error_percent
        )

    def _goal_of(self, state: DeviceState) -> Goal:
        """Return what is best for a stick: without a measured input it is the rate."""
        is_measured = state.report is not None and state.report.power_w is not None
        return Goal(self._config.goal) if is_measured else Goal.RATE

    def _begin(self, state: DeviceState) -> _Run:
        """Start at the earlier result where there is one, else at the target."""
        self._asked.discard(state.id)
        assert state.report is not None
        core = state.core if state.report.core_mv is not None else None
        voltages = {}
        if core is not None:
            voltages = {
                "default_mv": core.default_mv,
                "min_mv": core.min_mv,
                "max_mv": core.max_mv,
                "step_mv": core.step_mv,
            }
        space = space_of(
            min_mhz=state.min_mhz,
            max_mhz=state.max_mhz,
            step_mhz=state.step_mhz,
            default_mhz=state.default_mhz,
            **voltages,
        )
        earlier = self._results.get(state.identity, state.model)
        start = Setting(mhz=state.target_mhz, core_mv=state.report.core_mv)
        if earlier is not None and can_run(state, earlier.setting):
            start = earlier.setting
            if start.core_mv is None:  # no controller answered then
                start = replace(start, core_mv=state.report.core_mv)
        goal = self._goal_of(state)
        course = self._course(earlier)
        limit_part = self._config.max_hw_error_percent / 100
        run = _Run(
            device_id=state.id,
            identity=state.identity,
            model=state.model,
            orders=state.orders,
            goal=goal,
            search=Search(space, goal, limit_part, start, self._pace.longest_s, course.failed),
            earlier=earlier,
            course=course,
        )
        log.info(
            "device %d: tuning for the best %s with at most %g %% wrong nonces, from %s on",
            *(state.id, goal.value, self._config.max_hw_error_percent, run.search.setting),
        )
        return run

    def _course(self, earlier: Result | None) -> Course:
        """Return how far an earlier search has come; with another limit it begins anew."""
        percent = self._config.max_hw_error_percent
        course = earlier.course if earlier is not None else NO_COURSE
        if course.max_hw_error_percent != percent:
            return Course(max_hw_error_percent=percent)
        return course

    def _result(self, run: _Run, stage: Stage) -> Result:
        """Return what the search has found, or had before."""
        best, earlier = run.search.best, run.earlier
        course = run.course if stage is Stage.UNDER_WAY else NO_COURSE
        if best is None and earlier is not None:
            return replace(earlier, stage=stage, course=course)
        setting = best.setting if best is not None else run.search.setting
        assert setting is not None, "a search that is over without a result has none"
        return Result(
            model=run.model,
            goal=run.goal,
            max_hw_error_percent=self._config.max_hw_error_percent,
            setting=setting,
            rate_hs=best.rate_hs if best is not None else 0.0,
            wrong_part=best.wrong_part if best is not None else 0.0,
            power_w=best.power_w if best is not None else None,
            stage=stage,
            wall_s=self._clock.wall(),
            course=course,
        )

    async def _end(self, state: DeviceState, run: _Run, stage: Stage, why: str) -> None:
        """Book what was found, and let the stick go where it belongs now."""
        del self._runs[run.device_id]
        self._done.add(run.device_id)
        best, earlier = run.search.best, run.earlier
        if best is not None:
            result = self._result(run, stage)
            self._results.put(run.identity, result)
            words = f"{best.setting} with {best.wrong_part:.2%} wrong nonces"
            log.info("device %d: tuning is over, as %s; best is %s", state.id, why, words)
        elif stage is Stage.FINAL or earlier is None:
            self._results.forget(run.identity)
            words = "look at its cooling and supply, or allow more in [tuning] max_hw_error_percent"
            log.warning("device %d: tuning has found nothing, as %s; %s", state.id, why, words)
        else:
            was_open = earlier.stage is Stage.UNDER_WAY
            self._results.put(run.identity, self._result(run, stage) if was_open else earlier)
            log.info("device %d: tuning is over, as %s; nothing better was found", state.id, why)
        try:
            await self._sticks.set_profile(state.id, self._profile.wish_of(state), keep_order=True)
            await self._sticks.end_trial(state.id)
        except CommandError as exc:
            log.warning("device %d: goes back with its next start: %s", state.id, exc)

    # Commands ------------------------------------------------------------------------------------

    async def _set_profile(self, command: SetProfile) -> object:
        self._profile.set(command.profile)
        log.info("profile %s", command.profile)
        late = []
        for state in self._sticks.device_states():
            try:
                await self._sticks.set_profile(
                    state.id, self._profile.wish_of(state), keep_order=False
                )
            except CommandError as exc:
                log.warning("device %d: takes the profile with its next start: %s", state.id, exc)
                late.append(state.id)
        return tuple(late)

    async def _start(self, command: StartTuning) -> object:
        states = self._named(command.device_id)
        if command.device_id is None:
            self.is_enabled = True
            self._done.clear()
            states = tuple(state for state in states if not self._has_final(state))
        elif states[0].step_mhz <= 0:
            reason = f"nothing sets the clock of a {states[0].model}"
            raise CommandError("unsupported", reason)
        ids = tuple(state.id for state in states if state.id not in self._runs)
        self._asked.update(ids)
        self._wanted.set()
        return ids

    def _has_final(self, state: DeviceState) -> bool:
        result = self._results.get(state.identity, state.model)
        is_final = result is not None and result.stage is Stage.FINAL
        return state.step_mhz <= 0 or (is_final and self._is_what_is_wanted(result, state))

    async def _stop(self, command: StopTuning) -> object:
        states = self._named(command.device_id)
        if command.device_id is None:
            self.is_enabled = False
        stopped = []
        for state in states:
            self._asked.discard(state.id)
            run = self._runs.get(state.id)
            if run is not None:
                stopped.append(state.id)
                await self._end(state, run, Stage.STOPPED, "it was stopped")
        if command.device_id is None:
            self._results.stop_all()
        return tuple(stopped)

    def _named(self, device_id: int | None) -> tuple[DeviceState, ...]:
        """Return one stick, or all. Raises CommandError ``unknown-device``."""
        states = self._sticks.device_states()
        found = tuple(state for state in states if device_id in (None, state.id))
        if not found and device_id is not None:
            known = f"known: 0 to {len(states) - 1}" if states else "no stick was ever seen"
            raise CommandError("unknown-device", f"no device {device_id}; {known}")
        return found

    # Telemetry -----------------------------------------------------------------------------------

    def snapshot(self, state: DeviceState) -> TuningSnapshot | None:
        """Return how it is with a stick; None where nothing sets its clock."""
        if state.step_mhz <= 0:
            return None
        run = self._runs.get(state.id)
        result = self._results.get(state.identity, state.model)
        return TuningSnapshot(
            is_tuning=run is not None,
            progress=_progress(run) if run is not None else "",
            measured=run.search.measured if run is not None else 0,
            result=_shown(result) if result is not None and result.is_verified else None,
        )


def _progress(run: _Run) -> str:
    if run.measurement is None:
        return "waits for the stick"
    return f"{run.measurement.setting}: {run.measurement.phase}"


def _shown(result: Result) -> TuningResult:
    return TuningResult(
        frequency_mhz=result.setting.mhz,
        core_mv=result.setting.core_mv,
        rate_hs=result.rate_hs,
        hw_error_percent=result.wrong_part * 100,
        power_w=result.power_w,
        goal=result.goal.value,
        max_hw_error_percent=result.max_hw_error_percent,
        stage=result.stage.value,
        wall_s=result.wall_s,
    )
