"""The engine: a broken check hides nothing, an absent stick ends it, reports hold what there is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from luxminer.errors import DeviceFault
from luxminer_hil.acceptance.bench import Bench, Effort
from luxminer_hil.acceptance.charts import ticks
from luxminer_hil.acceptance.engine import Result, Run, make_checks
from luxminer_hil.acceptance.identity import commit_of, identity
from luxminer_hil.acceptance.junit import junit_xml
from luxminer_hil.acceptance.page import html_page
from luxminer_hil.acceptance.plots import plots
from luxminer_hil.acceptance.plug import HubPlug
from luxminer_hil.acceptance.running import run_suite
from luxminer_hil.acceptance.sticks import OwnStick, RealStick, find_driver
from luxminer_hil.acceptance.table import CHECKS, Check
from luxminer_hil.acceptance.verdict import CheckFailed, Finding, NotRun, Verdict, worst
from tests.unit.acceptance.made_up import bench_of, measured, nonces

NASTY = "<script>alert('&')</script>\x00\x1b[31m"


def row(name: str, run: Callable[[Bench], Awaitable[Finding]], limit_s: float = 5.0) -> Check:
    return Check(name=name, what=NASTY, bound="<b>", run=run, limit_s=limit_s)


def giving(verdict: Verdict) -> Callable[[Bench], Awaitable[Finding]]:
    async def check(_bench: Bench) -> Finding:
        return Finding(verdict=verdict, figure=NASTY, details=(NASTY,))

    return check


def raising(error: Exception) -> Callable[[Bench], Awaitable[Finding]]:
    async def check(_bench: Bench) -> Finding:
        raise error

    return check


async def sleeping(_bench: Bench) -> Finding:
    await asyncio.sleep(3600)
    raise AssertionError


def run_of(*checks: Check) -> Run:
    stick = OwnStick(find_driver("compac"))
    return run_suite(stick, Effort(soak_s=10), checks=checks)[0]


def test_whatever_a_check_raises_becomes_a_verdict() -> None:
    run = run_of(
        row("a", raising(CheckFailed("too bad"))),
        row("b", raising(DeviceFault("gone"))),
        row("c", raising(NotRun("no point"))),
        row("d", raising(ZeroDivisionError("by zero"))),
        row("e", sleeping),
        row("f", giving(Verdict.PASSED)),
    )
    found = [(r.finding.verdict, r.finding.figure) for r in run.results]
    assert found[:3] == [
        (Verdict.FAILED, "too bad"),
        (Verdict.FAILED, "gone"),
        (Verdict.NOT_RUN, "no point"),
    ]
    assert found[3] == (Verdict.FAILED, "the check itself broke: ZeroDivisionError: by zero")
    assert found[4] == (Verdict.FAILED, "did not end within 15 s")
    assert found[5][0] is Verdict.PASSED
    assert run.verdict is Verdict.FAILED


def test_nothing_is_checked_on_a_stick_that_is_not_there() -> None:
    stick = RealStick("/dev/nothing-here", find_driver("compac"))
    run, _ = run_suite(stick, Effort())
    first, *rest = run.results
    assert first.finding.verdict is Verdict.FAILED
    assert "/dev/nothing-here" in first.finding.figure
    assert {result.finding.verdict for result in rest} == {Verdict.NOT_RUN}


def test_the_worst_verdict_counts() -> None:
    assert worst([Verdict.PASSED, Verdict.WARNED, Verdict.NOT_APPLICABLE]) is Verdict.WARNED
    assert worst([Verdict.NOT_APPLICABLE, Verdict.PASSED]) is Verdict.PASSED
    assert worst([]) is Verdict.NOT_RUN


def test_names_of_checks_are_unique_and_all_say_their_bound() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.what and check.bound for check in CHECKS)


def results(*verdicts: Verdict) -> Run:
    made = []
    for verdict in verdicts:
        finding = Finding(verdict=verdict, figure=NASTY, details=(NASTY,))
        check = row(verdict.value.replace("/", ""), giving(verdict))
        made.append(Result(check=check, finding=finding, started_s=0.0, seconds=1.25))
    return Run(results=tuple(made))


def test_junit_tells_failed_from_skipped_from_warned() -> None:
    document = junit_xml(results(*Verdict), {"model": "compac (x)", "commit": NASTY})
    suite = ElementTree.fromstring(document).find("testsuite")
    assert suite is not None
    counts = {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")}
    assert counts == {"tests": "5", "failures": "1", "skipped": "2", "errors": "0"}
    kinds = {
        case.get("name"): {child.tag for child in case} - {"properties"}
        for case in suite.findall("testcase")
    }
    assert kinds == {
        "pass": {"system-out"},
        "warn": {"system-out"},
        "fail": {"failure"},
        "na": {"skipped"},
        "not run": {"skipped"},
    }
    warned = next(case for case in suite.findall("testcase") if case.get("name") == "warn")
    assert (warned.findtext("system-out") or "").startswith("WARN:")
    assert suite.find("properties/property[@name='commit']") is not None


def test_the_page_escapes_all_and_needs_nothing_else() -> None:
    page = html_page(results(*Verdict), {"model": NASTY, "serial": NASTY}, ["<svg></svg>"])
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    for outside in ("http:", "https:", "src=", "@import", "url("):
        assert outside not in page


def test_plots_are_drawn_of_what_there_is() -> None:
    bench = bench_of("newpac")
    assert plots(bench) == []
    bench.baseline = measured(nonces(300, chips=2), chips=2)
    assert len(plots(bench)) == 3
    slow = replace(measured(nonces(90, chips=2), expected=100.0, chips=2), mhz=50.0)
    bench.sweep = [bench.baseline, slow]
    drawn = plots(bench)
    assert len(drawn) == 5
    for svg in drawn:
        ElementTree.fromstring(svg)
        assert "nan" not in svg
    bench.sweep = [slow]  # a Block Erupter has one clock
    assert len(plots(bench)) == 5


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (-0.6, 1.6, [-0.5, 0, 0.5, 1, 1.5]), (95, 105, [96, 98])],
)
def test_ticks_are_round(low: float, high: float, wanted: list[float]) -> None:
    assert ticks(low, high)[: len(wanted)] == wanted


def test_the_head_of_a_report_names_stick_and_commit(tmp_path: Path) -> None:
    about = identity(bench_of("compac"), rig="bench 3")
    assert about["rig"] == "bench 3"
    assert about["port"] == "/dev/null"
    assert "compac" in about["model"]
    git = tmp_path / ".git"
    (git / "refs").mkdir(parents=True)
    package = tmp_path / "a" / "b"
    package.mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/main\n")
    assert commit_of(package) == "unknown"
    (git / "packed-refs").write_text("# x\n" + "1" * 40 + " refs/main\n")
    assert commit_of(package) == "1" * 40
    (git / "refs" / "main").write_text("2" * 40)
    assert commit_of(package) == "2" * 40
    (git / "HEAD").write_text("3" * 40)
    assert commit_of(package) == "3" * 40
    (git / "HEAD").write_text("ref: ../../etc/passwd")
    assert commit_of(package) == "unknown"


async def test_a_hub_is_switched_as_uhubctl_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    program = tmp_path / "uhubctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    hub = HubPlug("1-1", 2)
    await hub.unplug()
    await hub.replug()
    assert log.read_text().splitlines() == ["-l 1-1 -p 2 -a off", "-l 1-1 -p 2 -a on"]
    program.write_text("#!/bin/sh\necho 'No compatible devices detected!'\nexit 1\n")
    with pytest.raises(CheckFailed, match="No compatible devices"):
        await hub.unplug()


async def test_a_stopped_run_leaves_its_stick_alone() -> None:
    stick = OwnStick(find_driver("compac"))
    bench = bench_of("compac", real=False)
    bench.stick = stick
    task = asyncio.create_task(make_checks(bench, CHECKS))
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.wait({task})
    assert not stick.stick.is_plugged
