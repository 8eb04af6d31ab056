"""Sticks pass their acceptance: those of a rig, or a healthy virtual one of every product."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from luxminer_hil.acceptance.bench import Effort
from luxminer_hil.acceptance.report import HTML, JUNIT, write_reports
from luxminer_hil.acceptance.rig import Rig, StickEntry, make_stick
from luxminer_hil.acceptance.running import run_suite
from luxminer_hil.acceptance.table import CHECKS
from luxminer_hil.acceptance.verdict import Verdict
from luxminer_hil.chipsim.products import MODELS
from tests.hil.conftest import rig_of

pytestmark = pytest.mark.slow

SHORT = Effort(nonces=66, longest_s=400.0, points=2, lowest_part=0.9, soak_s=20.0, restarts=2)
"""Short forms of what takes time; 400 s are 30 nonces of a Block Erupter."""

VIRTUAL = Rig(
    name="virtual", sticks=tuple(StickEntry(model=name) for name in sorted(MODELS)), effort=SHORT
)

NOT_FOR = {
    "registers": {"blockerupter", "u1", "u2"},
    "distribution": {"blockerupter", "u1", "u2", "compac", "compacf", "compaca1", "compaca2"},
    "versions": {"blockerupter", "u1", "u2", "compac", "2pac", "terminus"},
    "cores": set(MODELS),  # a few seconds bring too few nonces for each core
    "power": set(MODELS),
}
"""Check -> virtual products on which there is nothing to look at; it must be made on the others."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "entry" in metafunc.fixturenames:
        rig = rig_of(metafunc.config) or VIRTUAL
        entries = [(entry, rig) for entry in rig.sticks]
        ids = [entry.label for entry in rig.sticks]
        metafunc.parametrize(("entry", "rig"), entries, ids=ids)


def test_a_stick_passes(
    entry: StickEntry, rig: Rig, report: Path, record_property: Callable[[str, object], None]
) -> None:
    run, bench = run_suite(make_stick(entry), rig.effort)
    folder = report / entry.label
    write_reports(folder, run, bench, rig=rig.name)
    for result in run.results:
        print(f"{result.check.name:13}{result.finding.verdict:8}{result.finding.figure}")
        record_property(result.check.name, f"{result.finding.verdict}: {result.finding.figure}")
    print(f"reports: {folder}")
    assert [result.check.name for result in run.results] == [check.name for check in CHECKS]
    bad = [
        f"{result.check.name}: {result.finding.figure} {result.finding.details}"
        for result in run.results
        if result.finding.verdict in (Verdict.FAILED, Verdict.NOT_RUN)
    ]
    assert not bad, bad
    if not entry.port:
        for result in run.results:
            is_for_it = entry.model not in NOT_FOR.get(result.check.name, set())
            wanted = Verdict.PASSED if is_for_it else Verdict.NOT_APPLICABLE
            assert result.finding.verdict is wanted, result

    cases = ElementTree.parse(folder / JUNIT).findall(".//testcase")
    assert len(cases) == len(CHECKS)
    assert (folder / HTML).read_text().count("<svg") >= 4
