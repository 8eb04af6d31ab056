"""Each fault fails or warns in the checks that it belongs to, and in no other."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from luxminer_hil.acceptance.running import run_suite
from luxminer_hil.acceptance.sticks import OwnStick, find_driver
from luxminer_hil.acceptance.table import CHECKS
from luxminer_hil.chipsim.faults import FaultKind
from tests.hil.conftest import FAULT_TABLE
from tests.hil.fault_table import (
    EFFORT,
    ELSEWHERE,
    PATIENTS,
    Patient,
    expected,
    faults_of,
    raised,
    run_with,
    soak_begin_s,
    table,
)


def test_every_kind_of_fault_has_its_row() -> None:
    rows = {fault.kind for fault in faults_of(PATIENTS[0], 0.0).values()}
    assert rows | set(ELSEWHERE) == set(FaultKind)
    assert not rows & set(ELSEWHERE)


def test_every_check_is_some_faults_business() -> None:
    """But for what is about the stick's surroundings, and what every stick of a product shares."""
    rows = [expected(each, fault) for each in PATIENTS for fault in faults_of(each, 0.0)]
    seen = {name for row in rows for name in row.must}
    assert {check.name for check in CHECKS} - seen == {"versions", "golden", "cores", "power"}


@pytest.mark.slow
@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: str(patient.model))
def test_a_fault_is_seen_where_it_belongs(
    patient: Patient, record_property: Callable[[str, object], None]
) -> None:
    rows = {"none": run_with(patient)}
    assert not raised(rows["none"]), table(rows)
    for fault, injected in faults_of(patient, soak_begin_s(rows["none"])).items():
        rows[fault] = run_with(patient, injected)
    record_property(FAULT_TABLE, f"{patient.model}, {patient.chips} chips\n{table(rows)}")
    for fault in rows:
        if fault == "none":
            continue
        row, found = expected(patient, fault), raised(rows[fault])
        assert row.must <= found, (fault, row.must - found, table(rows))
        assert found <= row.must | row.may, (fault, found - row.must - row.may, table(rows))


@pytest.mark.slow
def test_a_clock_beyond_what_chips_bear_shows_in_the_errors_alone() -> None:
    stick = OwnStick(find_driver("2pac"), seed=3, stable_mhz=127.0)
    effort = replace(EFFORT, points=3, max_mhz=131.25)
    checks = [c for c in CHECKS if c.name in ("identify", "clock", "sweep", "errors")]
    run, bench = run_suite(stick, effort, checks=checks)
    assert raised(run) == {"errors"}, run
    first, *others = bench.sweep
    assert first.errors > 10
    assert sum(measured.errors for measured in others) == 0
