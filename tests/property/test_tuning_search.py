"""The search ends, stays in its limits and finds the edge of a stick within one finest step."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from luxminer.tuning.search import (
    BAD_PART,
    GOOD_PART,
    MAX_MEASUREMENTS,
    Evidence,
    Goal,
    Search,
    Setting,
    Space,
    Verdict,
    space_of,
)
from tests.unit.tuning.stick_twin import HASHES_PER_CLOCK, StickTwin

LIMIT = 0.02
STEP_MHZ = 6.25


def space(*, has_core: bool) -> Space:
    core = {"default_mv": 300, "min_mv": 100, "max_mv": 500, "step_mv": 5} if has_core else {}
    return space_of(min_mhz=100.0, max_mhz=800.0, step_mhz=STEP_MHZ, default_mhz=300.0, **core)


def run(search: Search, twin: StickTwin, choices: Space) -> None:
    while search.setting is not None:
        assert search.setting.mhz in choices.clocks_mhz
        assert search.setting.core_mv in choices.cores_mv
        assert search.reaches(search.setting.mhz)
        twin.measure(search)
    assert search.measured <= MAX_MEASUREMENTS


def is_at_edge(search: Search, twin: StickTwin, core_mv: int | None = None) -> bool:
    """Tell whether the result is the last step before the edge, which the tests see in a band."""
    assert search.best is not None
    low = twin.clock_of(GOOD_PART * LIMIT, core_mv)
    high = twin.clock_of(BAD_PART * LIMIT, core_mv)
    return low - 2 * STEP_MHZ < search.best.setting.mhz < high


@given(
    edge_mhz=st.floats(140, 780),
    start_mhz=st.floats(100, 800),
)
def test_the_edge_is_found_within_one_step(edge_mhz: float, start_mhz: float) -> None:
    choices = space(has_core=False)
    twin = StickTwin(edge_mhz=edge_mhz)
    search = Search(choices, Goal.RATE, LIMIT, Setting(mhz=start_mhz))
    run(search, twin, choices)
    assert search.best is not None
    assert is_at_edge(search, twin)
    assert search.best.rate_hs <= search.best.setting.mhz * 1e6 * HASHES_PER_CLOCK


def test_chance_seldom_leads_it_astray() -> None:
    choices = space(has_core=False)
    missed = []
    for seed in range(200):
        random = Random(seed)
        twin = StickTwin(random=random, edge_mhz=random.uniform(140, 780))
        search = Search(choices, Goal.RATE, LIMIT, Setting(mhz=300.0))
        run(search, twin, choices)
        if not is_at_edge(search, twin):
            missed.append(seed)
    assert len(missed) <= 4, f"seeds {missed}"


@given(edge_mhz=st.floats(200, 600), mhz_per_mv=st.floats(1.5, 4))
def test_more_voltage_is_used_where_it_brings_more(edge_mhz: float, mhz_per_mv: float) -> None:
    choices = space(has_core=True)
    twin = StickTwin(edge_mhz=edge_mhz, mhz_per_mv=mhz_per_mv)
    search = Search(choices, Goal.RATE, LIMIT, Setting(mhz=300.0, core_mv=300))
    run(search, twin, choices)
    assert search.best is not None
    # 5 mV less may bring the same step of the clock, and is better then.
    assert search.best.setting.core_mv in (320, 325, 330)
    assert is_at_edge(search, twin, core_mv=330)


@given(edge_mhz=st.floats(300, 600), mhz_per_mv=st.floats(0.1, 3))
def test_efficiency_is_at_least_that_of_every_voltage_tried(
    edge_mhz: float, mhz_per_mv: float
) -> None:
    choices = space(has_core=True)
    twin = StickTwin(edge_mhz=edge_mhz, mhz_per_mv=mhz_per_mv)
    search = Search(choices, Goal.EFFICIENCY, LIMIT, Setting(mhz=300.0, core_mv=300))
    run(search, twin, choices)
    assert search.best is not None

    def efficiency(core_mv: int) -> float:
        mhz = (twin.clock_of(GOOD_PART * LIMIT, core_mv) // STEP_MHZ - 1) * STEP_MHZ
        return mhz / twin.power_w(Setting(mhz=mhz, core_mv=core_mv))

    at = search.best.setting
    found = at.mhz / twin.power_w(at)
    # Efficiency has one top over the voltage, so beside the best both sides are worse.
    for core_mv in (270, 285, 300, 315, 330):
        assert found > efficiency(core_mv) * 0.98, (at, core_mv)


@given(
    edge_mhz=st.floats(200, 900),
    start_mhz=st.floats(100, 800),
    gaps=st.lists(st.tuples(st.floats(100, 800), st.floats(0, 40)), max_size=8),
    pull_mhz=st.sampled_from([0.0, 0.0, 2.5]),
)
def test_only_clocks_that_the_dividers_give_are_measured(
    edge_mhz: float, start_mhz: float, gaps: list[tuple[float, float]], pull_mhz: float
) -> None:
    """Dividers round up over gaps, and may give a clock that is none of theirs when it is told."""

    def given_mhz(mhz: float) -> float:
        for low_mhz, width_mhz in gaps:
            if low_mhz <= mhz < min(low_mhz + width_mhz, 800):
                return min(low_mhz + width_mhz, 800.0)
        return mhz + pull_mhz if 300 < mhz < 306 else mhz

    choices = space(has_core=False)
    twin = StickTwin(edge_mhz=edge_mhz)
    search = Search(choices, Goal.RATE, LIMIT, Setting(mhz=start_mhz))
    seen = set()
    told = 0
    while search.setting is not None:
        told += 1
        assert told < 1000
        setting = search.setting
        assert 100 <= setting.mhz <= 800
        if search.reaches(given_mhz(setting.mhz)):
            assert setting not in seen, "nothing is measured twice"
            assert given_mhz(setting.mhz) == setting.mhz
            seen.add(setting)
            twin.measure(search)
    reachable = {given_mhz(mhz) for mhz in choices.clocks_mhz}
    good = twin.clock_of(GOOD_PART * LIMIT)
    sure = [mhz for mhz in reachable if mhz < good and given_mhz(mhz) == mhz]
    if sure and search.measured < MAX_MEASUREMENTS:
        assert search.best is not None
        assert search.best.setting.mhz >= max(sure) - 2 * STEP_MHZ


@given(edge_mhz=st.floats(140, 780), start_mhz=st.floats(100, 800), failed_mhz=st.floats(90, 800))
def test_what_failed_before_is_a_limit(
    edge_mhz: float, start_mhz: float, failed_mhz: float
) -> None:
    choices = space(has_core=False)
    twin = StickTwin(edge_mhz=edge_mhz)
    failed = (Setting(mhz=failed_mhz), Setting(mhz=1.0, core_mv=300))
    search = Search(choices, Goal.RATE, LIMIT, Setting(mhz=start_mhz), failed=failed)
    while search.setting is not None:
        assert search.setting.mhz < failed_mhz
        twin.measure(search)
    good = min(twin.clock_of(GOOD_PART * LIMIT), failed_mhz)
    if good - 2 * STEP_MHZ > 100:
        assert search.best is not None
        assert search.best.setting.mhz > good - 2 * STEP_MHZ
    elif failed_mhz < 100:
        assert search.measured == 0


@given(mhz=st.floats(-1e3, 1e4))
def test_dividers_without_any_sense_end_the_search(mhz: float) -> None:
    search = Search(space(has_core=True), Goal.RATE, LIMIT, Setting(mhz=300.0, core_mv=300))
    for told in range(1000):
        if search.setting is None:
            break
        search.reaches(mhz if told % 2 else search.setting.mhz + 6.25)
    else:
        raise AssertionError(search.setting)
    assert search.measured == 0


@given(plateau_mhz=st.floats(200, 500))
def test_a_plateau_is_no_gain(plateau_mhz: float) -> None:
    choices = space(has_core=False)
    twin = StickTwin(edge_mhz=2000, plateau_mhz=plateau_mhz)
    search = Search(choices, Goal.RATE, LIMIT, Setting(mhz=300.0))
    run(search, twin, choices)
    assert search.best is not None
    assert plateau_mhz - 2 * STEP_MHZ < search.best.setting.mhz < plateau_mhz / 0.86 + STEP_MHZ


@given(edge_mhz=st.floats(-500, 60))
def test_a_stick_that_never_passes_ends_without_a_result(edge_mhz: float) -> None:
    choices = space(has_core=True)
    twin = StickTwin(edge_mhz=edge_mhz)
    search = Search(choices, Goal.RATE, LIMIT, Setting(mhz=300.0, core_mv=300))
    run(search, twin, choices)
    assert search.best is None


@given(verdicts=st.lists(st.booleans(), min_size=200, max_size=200), has_core=st.booleans())
def test_every_course_of_verdicts_ends(verdicts: list[bool], has_core: bool) -> None:
    choices = space(has_core=has_core)
    search = Search(choices, Goal.RATE, LIMIT, Setting(mhz=1.0, core_mv=1000))
    seen: set[Setting] = set()
    for passes in verdicts:
        if search.setting is None:
            break
        assert search.setting.mhz in choices.clocks_mhz
        assert search.setting.core_mv in choices.cores_mv
        assert search.setting not in seen, "nothing is measured twice"
        seen.add(search.setting)
        evidence = Evidence(
            elapsed_s=1.0,
            expected=1e5,
            right=1e5 if passes else 0,
            wrong=0,
            nominal_hs=search.setting.mhz * 1e6,
        )
        verdict = search.judge(evidence)
        assert verdict is (Verdict.PASSED if passes else Verdict.FAILED)
    assert search.setting is None
    assert search.measured <= MAX_MEASUREMENTS
