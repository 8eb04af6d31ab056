"""The search for the best setting of one stick. No I/O, no clock.

One measurement at a time is asked for (`Search.setting`), told what the dividers make of it
(`Search.reaches`) and fed with counts until it is decided (`Search.judge`). Two sequential
probability ratio tests decide it: wrong nonces among all, against the owner's limit, and right
nonces against what the clock should bring::

    wrong part    at most GOOD_PART of the limit is refused with probability FALSE_ALARM at most,
                  at least BAD_PART of it passes with probability FALSE_PASS at most
    right nonces  the same for SOUND_PART and SLOW_PART of what is expected

In between either may happen. A false alarm ends a climb far too early, so it has to be rarer. What
has passed both is *verified*.

At one core voltage the clock climbs in coarse steps, or sinks when the start fails, and then halves
the way between the highest that passed and the lowest that failed. The voltage climbs as long as it
pays, else sinks as long as it pays; then its finest steps beside the best are tried.

Ref: A. Wald, Sequential Tests of Statistical Hypotheses, 1945.
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

__all__ = [
    "BAD_PART",
    "CORE_PART",
    "FALSE_ALARM",
    "FALSE_PASS",
    "GOOD_PART",
    "MAX_MEASUREMENTS",
    "MAX_MEASUREMENT_S",
    "SAME_MHZ",
    "Evidence",
    "Goal",
    "Search",
    "Setting",
    "Space",
    "Verdict",
    "Verified",
    "judge",
    "space_of",
]

FALSE_ALARM = 1e-4
FALSE_PASS = 1e-2

FAIL_FROM = math.log((1 - FALSE_PASS) / FALSE_ALARM)
PASS_TO = math.log(FALSE_PASS / (1 - FALSE_ALARM))
"""Of the logarithm of the likelihood ratio, bad against good."""

GOOD_PART = 0.5
BAD_PART = 1.5
"""Of the limit of wrong nonces."""

SOUND_PART = 0.98
SLOW_PART = 0.88
"""Of the right nonces that a stick at its limit of wrong ones should find."""

MAX_MEASUREMENT_S = 1800.0
"""What is not decided by then is decided for what is more likely ..."""

MIN_RIGHT = 30
"""... unless fewer right nonces than this were found, which is no proof of anything."""

MAX_MEASUREMENTS = 48
"""The search ends with what it has found by then."""

MAX_HOPS = 4
"""Times in a row that dividers may make another clock of one that they gave themselves."""

SAME_MHZ = 0.01
"""Clocks that are closer are one."""

COARSE_PART = 0.1
"""Of the default clock: a coarse step."""

CORE_PART = 0.1
"""Of the default core voltage: as far as it is changed. Own choice, as no maker names a range."""

COARSE_CORE_STEPS = 2

SAME_PART = 0.005
"""Scores that are closer are the same; the lower voltage and then the lower clock is better."""


class Goal(StrEnum):
    """What is best."""

    RATE = "rate"
    EFFICIENCY = "efficiency"
    """Rate per watt of measured input power."""


class Verdict(StrEnum):
    GO_ON = "go on"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What can be set. ``core_mv`` is None where nothing sets the core voltage."""

    mhz: float
    core_mv: int | None = None

    def __str__(self) -> str:
        core = f" at {self.core_mv} mV" if self.core_mv is not None else ""
        return f"{self.mhz:g} MHz{core}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Settings to choose among. Both lists rise by the finest step of the model.

    Dividers may make the same of two clocks; the search finds out, and takes them for one.
    """

    clocks_mhz: tuple[float, ...]
    cores_mv: tuple[int | None, ...]
    coarse_steps: int
    """Fine steps of the clock in a coarse one."""


def space_of(
    *,
    min_mhz: float,
    max_mhz: float,
    step_mhz: float,
    default_mhz: float,
    default_mv: int | None = None,
    min_mv: int = 0,
    max_mv: int = 0,
    step_mv: int = 1,
) -> Space:
    """Return all clocks of a model, and its core voltages near the default one."""
    low, high = math.ceil(min_mhz / step_mhz), math.floor(max_mhz / step_mhz)
    cores: tuple[int | None, ...] = (None,)
    if default_mv is not None:
        reach = math.floor(default_mv * CORE_PART / step_mv)
        wishes = (default_mv + step * step_mv for step in range(-reach, reach + 1))
        cores = tuple(wish for wish in wishes if min_mv <= wish <= max_mv)
    return Space(
        clocks_mhz=tuple(step * step_mhz for step in range(low, high + 1)),
        cores_mv=cores,
        coarse_steps=max(1, round(default_mhz * COARSE_PART / step_mhz)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was counted at a setting since it was in force."""

    elapsed_s: float
    expected: float
    """Nonces that the clock should have brought in that time."""
    right: float
    wrong: int
    nominal_hs: float
    """Rate that the clock should bring."""
    power_w: float | None = None
    """Measured at the input, on average; None where nothing measures it."""
    has_failed: bool = False
    """The stick has failed meanwhile, or protection has lowered its clock."""

    def __str__(self) -> str:
        if self.has_failed:
            return "the stick has failed, or protection has slowed it down"
        found = f"{self.right:.0f} right of {self.expected:.0f} expected"
        return f"{found}, {self.wrong} wrong in {self.elapsed_s:.0f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A setting that has passed."""

    setting: Setting
    rate_hs: float
    """What the clock brings, less the part of wrong nonces. That it brings as much was tested; a
    rate counted in the same time would be less certain than a step of the clock is wide."""
    wrong_part: float
    power_w: float | None

    def score(self, goal: Goal) -> float:
        if goal is Goal.RATE:
            return self.rate_hs
        return self.rate_hs / self.power_w if self.power_w else 0.0

    def is_better_than(self, other: "Verified", goal: Goal) -> bool:
        mine, theirs = self.score(goal), other.score(goal)
        if abs(mine - theirs) > SAME_PART * max(mine, theirs):
            return mine > theirs
        return _cost(self.setting) < _cost(other.setting)


def _cost(setting: Setting) -> tuple[int, float]:
    return setting.core_mv or 0, setting.mhz


def judge(evidence: Evidence, limit_part: float, longest_s: float = MAX_MEASUREMENT_S) -> Verdict:
    """Decide on a measurement; ``limit_part`` is the limit of wrong nonces, 0 to 1, exclusive."""
    if evidence.has_failed:
        return Verdict.FAILED
    right, wrong = evidence.right, evidence.wrong
    good, bad = GOOD_PART * limit_part, min(BAD_PART * limit_part, (1 + limit_part) / 2)
    too_wrong = wrong * math.log(bad / good) + right * math.log((1 - bad) / (1 - good))
    owed = evidence.expected * (1 - limit_part)
    too_slow = right * math.log(SLOW_PART / SOUND_PART) + owed * (SOUND_PART - SLOW_PART)
    if max(too_wrong, too_slow) >= FAIL_FROM:
        return Verdict.FAILED
    if max(too_wrong, too_slow) <= PASS_TO:
        return Verdict.PASSED
    if evidence.elapsed_s < longest_s:
        return Verdict.GO_ON
    is_likely = right >= MIN_RIGHT and max(too_wrong, too_slow) < 0
    return Verdict.PASSED if is_likely else Verdict.FAILED


Plan = Generator[Setting, bool, None]


class Search:
    """One search, from its first setting to its end."""

    def __init__(
        self,
        space: Space,
        goal: Goal,
        limit_part: float,
        start: Setting,
        longest_s: float = MAX_MEASUREMENT_S,
        failed: Sequence[Setting] = (),
    ) -> None:
        """``start`` is taken to the nearest setting of ``space``.

        What is ``failed`` already is not tried, nor are faster clocks at the same voltage.
        """
        self.goal = goal
        self._space = space
        self._limit_part = limit_part
        self._longest_s = longest_s
        self._failed = tuple(failed)
        self._decided: dict[Setting, bool] = {}
        """Whether it has passed, by what the dividers give."""
        self._hops = 0
        self.best: Verified | None = None
        """Best of what has passed so far."""
        self.measured = 0
        self._plan = self._walk(start)
        self.setting: Setting | None = None
        """What is to be measured; None when the search is over."""
        self._go_on(None)

    def reaches(self, mhz: float) -> bool:
        """Take note of the clock that the dividers give for `setting`; True when they give it.

        Else `setting` is another one that has to be told: that very clock, or the next to measure
        where that is decided already or cannot be run at, or None.
        """
        assert self.setting is not None, "the search is over"
        if abs(mhz - self.setting.mhz) < SAME_MHZ:
            return True
        given = replace(self.setting, mhz=mhz)
        low, high = self._space.clocks_mhz[0], self._space.clocks_mhz[-1]
        self._hops += 1
        known = self._known(given)
        if known is not None:
            self._go_on(known)
        elif not low <= mhz <= high or self._hops > MAX_HOPS:
            self._go_on(False)
        else:
            self.setting = given
        return False

    def judge(self, evidence: Evidence) -> Verdict:
        """Take all counts of the present setting; unless it goes on, `setting` is the next one."""
        assert self.setting is not None, "the search is over"
        verdict = judge(evidence, self._limit_part, self._longest_s)
        if verdict is Verdict.GO_ON:
            return verdict
        has_passed = verdict is Verdict.PASSED
        if has_passed:
            self._keep(self.setting, evidence)
        self._decided[self.setting] = has_passed
        self.measured += 1
        self._go_on(has_passed)
        return verdict

    def _go_on(self, has_passed: bool | None) -> None:
        """Find the next setting that is not decided yet; None begins."""
        self.setting = None
        self._hops = 0
        while self.measured < MAX_MEASUREMENTS:
            try:
                setting = next(self._plan) if has_passed is None else self._plan.send(has_passed)
            except StopIteration:
                break
            has_passed = self._known(setting)
            if has_passed is None:
                self.setting = setting
                return
        self._plan.close()

    def _known(self, setting: Setting) -> bool | None:
        """Return whether a setting has passed, None when that is not known."""
        for failed in self._failed:
            if failed.core_mv == setting.core_mv and setting.mhz > failed.mhz - SAME_MHZ:
                return False
        return self._decided.get(setting)

    def _keep(self, setting: Setting, evidence: Evidence) -> None:
        wrong_part = evidence.wrong / (evidence.wrong + evidence.right)
        found = Verified(
            setting=setting,
            rate_hs=evidence.nominal_hs * (1 - wrong_part),
            wrong_part=wrong_part,
            power_w=evidence.power_w,
        )
        if self.best is None or found.is_better_than(self.best, self.goal):
            self.best = found

    def _walk(self, start: Setting) -> Plan:
        cores = self._space.cores_mv
        clock = _nearest(self._space.clocks_mhz, start.mhz)
        core = _nearest([each or 0 for each in cores], start.core_mv or 0)
        tried = {core}
        yield from self._climb(core, clock)
        for direction in (COARSE_CORE_STEPS, -COARSE_CORE_STEPS):
            is_worth_it = True
            while is_worth_it:
                before = self.best
                core = self._core_of_best(core) + direction
                if core in tried or not 0 <= core < len(cores):
                    break
                tried.add(core)
                yield from self._climb(core, self._clock_of_best(clock))
                is_worth_it = self.best is not before or self.best is None
        at_best = self._core_of_best(core)
        for core in (at_best + 1, at_best - 1):
            if core not in tried and 0 <= core < len(cores):
                yield from self._climb(core, self._clock_of_best(clock))

    def _climb(self, core: int, clock: int) -> Plan:
        """Find the highest clock that passes at one core voltage, from position ``clock`` on."""
        clocks, coarse = self._space.clocks_mhz, self._space.coarse_steps
        core_mv = self._space.cores_mv[core]
        passed, failed = -1, len(clocks)
        while passed < clock < failed:
            if (yield Setting(mhz=clocks[clock], core_mv=core_mv)):
                passed = clock
            else:
                failed = clock
            if failed == len(clocks):
                clock = min(passed + coarse, len(clocks) - 1)
            elif passed < 0:
                clock = max(failed - coarse, 0)
            else:
                clock = (passed + failed) // 2

    def _core_of_best(self, otherwise: int) -> int:
        if self.best is None:
            return otherwise
        return self._space.cores_mv.index(self.best.setting.core_mv)

    def _clock_of_best(self, otherwise: int) -> int:
        if self.best is None:
            return otherwise
        return _nearest(self._space.clocks_mhz, self.best.setting.mhz)


def _nearest(values: Sequence[float], wish: float) -> int:
    return min(range(len(values)), key=lambda index: abs(values[index] - wish))
