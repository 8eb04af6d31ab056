"""Each fault fails or warns in the checks that it belongs to, and in no other."""

import argparse
from collections.abc import Callable
from dataclasses import replace

import pytest

from luxminer_hil import stick_command
from luxminer_hil.acceptance.running import run_suite
from luxminer_hil.acceptance.sticks import OwnStick, find_driver
from luxminer_hil.acceptance.table import CHECKS
from luxminer_hil.chipsim.faults import KINDS, Direction, FaultKind
from tests.hil.conftest import FAULT_TABLE
from tests.hil.fault_table import (
    CASES_OF_OPTIONS,
    EFFORT,
    NO_FAULT_OPTIONS,
    PATIENTS,
    SPECIAL,
    USUAL,
    Patient,
    begins_s,
    cases_of,
    expected,
    raised,
    run_with,
    table,
)

NO_TIMES = dict.fromkeys((check.name for check in CHECKS), 0.0)
CASES = cases_of(PATIENTS[0], NO_TIMES)


def test_every_kind_of_fault_has_its_row_each_way() -> None:
    wanted = {
        (kind, direction)
        for kind, keys in KINDS.items()
        for direction in (Direction if "direction" in keys.optional else (None,))
    }
    faults = [case.fault for case in CASES.values() if case.fault is not None]
    assert {(fault.kind, fault.direction) for fault in faults} == wanted
    assert KINDS.keys() == set(FaultKind)


def test_every_option_of_a_virtual_stick_is_no_fault_or_has_its_row() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    stick_command.COMMAND.configure(parser)
    options = {action.dest for action in parser._actions}
    assert options == NO_FAULT_OPTIONS | CASES_OF_OPTIONS.keys()
    assert not NO_FAULT_OPTIONS & CASES_OF_OPTIONS.keys()
    assert set(CASES_OF_OPTIONS.values()) <= CASES.keys()


def test_every_row_says_where_it_is_seen() -> None:
    names = {check.name for check in CHECKS}
    assert USUAL.keys() == CASES.keys()
    assert {fault for _, fault in SPECIAL} <= CASES.keys()
    for seen in (*USUAL.values(), *SPECIAL.values()):
        assert seen.must | seen.may <= names
        assert seen.must or seen.why


def test_every_fault_is_seen_on_some_product() -> None:
    for fault in CASES:
        assert any(expected(patient, fault).must for patient in PATIENTS), fault


def test_every_check_is_some_faults_business() -> None:
    """But for what is about the stick's surroundings, and what every stick of a product shares."""
    rows = [expected(patient, fault) for patient in PATIENTS for fault in CASES]
    seen = {name for row in rows for name in row.must}
    assert {check.name for check in CHECKS} - seen == {"versions", "golden", "power"}


@pytest.mark.slow
@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: str(patient.model))
def test_a_fault_is_seen_where_it_belongs(
    patient: Patient, record_property: Callable[[str, object], None]
) -> None:
    rows = {"none": run_with(patient)}
    assert not raised(rows["none"]), table(rows)
    for fault, case in cases_of(patient, begins_s(rows["none"])).items():
        rows[fault] = run_with(patient, case)
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
