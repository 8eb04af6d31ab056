"""Checks on measurements that are made up: each verdict at its bound."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from luxminer_hil.acceptance.bench import Bench
from luxminer_hil.acceptance.checks import handling, nonces, presence, speed
from luxminer_hil.acceptance.checks.rating import rate, rate_part
from luxminer_hil.acceptance.verdict import Finding, NotRun, Verdict
from tests.unit.acceptance.made_up import bench_of, measured
from tests.unit.acceptance.made_up import nonces as made_up

Check = Callable[[Bench], Awaitable[Finding]]


@pytest.mark.parametrize(
    ("count", "expected", "verdict"),
    [
        (1000, 1000.0, Verdict.PASSED),
        (940, 1000.0, Verdict.PASSED),  # chance does that
        (870, 1000.0, Verdict.WARNED),
        (800, 1000.0, Verdict.FAILED),
        (1300, 1000.0, Verdict.FAILED),
        (97_000, 100_000.0, Verdict.PASSED),  # less than 5 % are missing, whatever chance says
        (94_000, 100_000.0, Verdict.WARNED),
        (106_000, 100_000.0, Verdict.FAILED),
        (1, 10.0, Verdict.PASSED),
        (0, 10.0, Verdict.WARNED),
        (0, 30.0, Verdict.FAILED),
        (0, 0.5, Verdict.PASSED),
    ],
)
def test_a_rate_is_judged_by_chance_and_by_part(
    count: int, expected: float, verdict: Verdict
) -> None:
    assert rate(count, expected, expected) is verdict


def test_cores_that_never_wait_may_be_faster_than_an_allowance() -> None:
    assert rate(1280, 1000.0, 1280.0) is Verdict.PASSED
    assert rate(1500, 1000.0, 1280.0) is Verdict.FAILED


@pytest.mark.parametrize(
    ("hits", "trials", "verdict"),
    [
        (0, 0, Verdict.PASSED),
        (1, 10, Verdict.PASSED),
        (40, 1000, Verdict.WARNED),
        (100, 1000, Verdict.FAILED),
        (19, 1000, Verdict.PASSED),
    ],
)
def test_a_part_is_judged_where_chance_does_not_explain_it(
    hits: int, trials: int, verdict: Verdict
) -> None:
    assert rate_part(hits, trials, 0.02, 0.05) is verdict


async def test_an_easy_nonce_of_a_real_stick_fails_the_ticket() -> None:
    found = made_up(100)
    assert (await nonces.ticket(bench_of("compac", measured(found)))).verdict is Verdict.PASSED
    found[3] = replace(found[3], difficulty=0.7)
    finding = await nonces.ticket(bench_of("compac", measured(found)))
    assert finding.verdict is Verdict.FAILED
    assert "1 are easier" in finding.details[0]


async def test_a_mask_that_is_too_hard_fails_the_ticket() -> None:
    found = [replace(nonce, difficulty=nonce.difficulty * 2) for nonce in made_up(100)]
    finding = await nonces.ticket(bench_of("compac", measured(found)))
    assert finding.verdict is Verdict.FAILED


async def test_chips_that_miss_tasks_answer_late_and_too_few() -> None:
    found = made_up(200)
    by_chance = [replace(nonce, task=nonce.nonce % 200) for nonce in found]
    bench = bench_of("newpac", replace(measured(by_chance), tasks=200))
    finding = await nonces.tasks(bench)
    assert finding.verdict is Verdict.PASSED, finding
    late = [replace(n, late_s=0.2 if at % 5 == 0 else 0.0) for at, n in enumerate(by_chance)]
    bench = bench_of("newpac", replace(measured(late), tasks=200))
    assert (await nonces.tasks(bench)).verdict is Verdict.FAILED
    bench.answer_s = 0.3  # everything comes late over this line
    assert (await nonces.tasks(bench)).verdict is Verdict.PASSED
    half = [replace(nonce, task=nonce.nonce % 200 // 2) for nonce in found]
    bench = bench_of("newpac", replace(measured(half), tasks=200))
    finding = await nonces.tasks(bench)
    assert finding.verdict is Verdict.FAILED
    assert "of 200 tasks have nonces, 126.4 should" in finding.figure


async def test_too_few_nonces_are_said_to_be_too_few() -> None:
    assert (await nonces.ticket(bench_of("compac", measured(made_up(3))))).verdict is Verdict.WARNED


async def test_duplicates_are_counted() -> None:
    found = [replace(n, is_duplicate=at % 10 == 0) for at, n in enumerate(made_up(500))]
    finding = await nonces.duplicates(bench_of("compac", measured(found)))
    assert finding.verdict is Verdict.FAILED
    assert finding.figure.startswith("50 of 500")


async def test_a_chip_below_its_share_fails_the_distribution() -> None:
    even = made_up(600, chips=2)
    assert (await nonces.distribution(bench_of("2pac", measured(even, chips=2)))).verdict == "pass"
    lame = [nonce for at, nonce in enumerate(even) if nonce.chip == 0 or at % 2]
    finding = await nonces.distribution(bench_of("2pac", measured(lame, chips=2)))
    assert finding.verdict is Verdict.FAILED


def of_core(core: int, rest: int) -> int:
    """Return a nonce (header number) of a core of a BM1362."""
    return int.from_bytes((core << 25 | rest).to_bytes(4, "big"), "little")


async def test_a_dead_core_is_named() -> None:
    """It costs a hundredth of the rate: only counting each core shows it."""
    numbers = [of_core(at % 100, at * 7919 % (1 << 25)) for at in range(3000)]
    bench = bench_of("compaca1", measured(made_up(3000, numbers=numbers)))
    assert (await nonces.cores(bench)).verdict is Verdict.PASSED
    numbers = [number for at, number in enumerate(numbers) if at % 100 != 5]
    bench = bench_of("compaca1", measured(made_up(len(numbers), numbers=numbers)))
    finding = await nonces.cores(bench)
    assert finding.verdict is Verdict.WARNED
    assert finding.details == ("core 5 of chip 0",)


async def test_lost_bytes_fail_the_line() -> None:
    bench = bench_of("compac", replace(measured(made_up(10)), bytes_discarded=60))
    assert (await presence.line(bench)).verdict is Verdict.FAILED


async def test_gaps_fail_the_soak_in_the_window_they_are_in() -> None:
    found = [nonce for nonce in made_up(1000) if not 20 <= nonce.at_s < 40]
    counts = speed.windows(measured(found), 10)
    assert counts[2] == counts[3] == 0
    assert min(counts[:2] + counts[4:]) > 50


@pytest.mark.parametrize(
    "check",
    [
        nonces.ticket,
        nonces.tasks,
        nonces.duplicates,
        nonces.distribution,
        nonces.versions,
        presence.line,
        handling.golden,
    ],
)
async def test_without_a_measurement_nothing_is_judged(check: Check) -> None:
    with pytest.raises(NotRun, match="no measurement"):
        await check(bench_of("newpac"))


async def test_without_a_sweep_there_is_no_error_curve() -> None:
    with pytest.raises(NotRun, match="no sweep"):
        await speed.errors(bench_of("compac"))


async def test_a_stick_that_nobody_can_pull_is_not_pulled() -> None:
    bench = bench_of("compac")
    finding = await handling.replug(bench)
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert "uhubctl" in finding.figure
