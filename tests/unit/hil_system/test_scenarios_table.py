"""The table of scenarios, what comes of them, and the engine that runs them."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from luxminer.device.identity import UsbPort
from luxminer.device.registry import discover_drivers, match
from luxminer_hil.system.__main__ import run, run_all
from luxminer_hil.system.machine import HUB, MAX_STICKS
from luxminer_hil.system.report import Checks, as_table, write
from luxminer_hil.system.rig import Bench, Rig
from luxminer_hil.system.scenarios import OTHERS, SCENARIOS
from luxminer_hil.usbsim.descriptors import Identity


def test_names_are_unique_and_all_fit_the_hub() -> None:
    assert len({each.name for each in SCENARIOS}) == len(SCENARIOS)
    for each in SCENARIOS:
        assert len(each.sticks) + len(each.foreign) <= MAX_STICKS


@pytest.mark.parametrize("other", OTHERS, ids=lambda each: repr(each.product[:20]))
def test_none_of_the_other_bridges_is_a_stick(other: Identity) -> None:
    usb = UsbPort(
        vendor_id=other.vendor_id,
        product_id=other.product_id,
        manufacturer=other.manufacturer,
        product=other.product,
        serial=other.serial,
        usb_path=f"{HUB}.1",
        interface=0,
        tty="/dev/ttyUSB0",
    )
    found = match(discover_drivers(), usb)
    assert found is None or not found.certain


def test_a_bound_decides() -> None:
    checks = Checks("one")
    checks.within("early", 1.0, 1.0)
    checks.within("late", 1.01, 1.0)
    checks.that("so", passed=True, figure="two\nlines")
    checks.that("not so", passed=False)
    checks.note("how long", 99.0)
    assert [row.passed for row in checks.rows] == [True, False, True, False, True]
    table = as_table(checks.rows)
    assert "3 passed, 2 failed" in table
    assert "lines" not in table
    late = next(line for line in table.splitlines() if "late" in line)
    assert "1.01 s" in late
    assert "at most 1 s" in late
    assert late.endswith("FAIL")


def test_results_are_kept_whole(tmp_path: Path) -> None:
    checks = Checks("one")
    checks.that("so", passed=True, figure="x" * 500)
    write(checks.rows, tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())[0]["figure"] == "x" * 500
    assert max(map(len, (tmp_path / "results.txt").read_text().splitlines())) < 200


async def test_what_ends_a_scenario_is_a_row_and_the_next_one_runs(tmp_path: Path) -> None:
    async def break_down(rig: Rig) -> None:
        rig.check.that("began", passed=True)
        raise ZeroDivisionError("by nought")

    async def do_well(rig: Rig) -> None:
        rig.check.that("went well", passed=True)

    first, second = SCENARIOS[:2]
    bench = Bench(images=tmp_path, results=tmp_path)
    rows = await run_all(
        bench,
        [replace(first, run=break_down, sticks=()), replace(second, run=do_well, sticks=())],
    )
    verdicts = [(row.scenario, row.what, row.passed) for row in rows]
    assert (first.name, "began", True) in verdicts
    assert (first.name, "runs to its end", False) in verdicts
    assert (second.name, "went well", True) in verdicts
    assert json.loads((tmp_path / "results.json").read_text())


async def test_a_scenario_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(rig: Rig) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr("luxminer_hil.system.__main__.SCENARIO_S", 0.2)
    bench = Bench(images=tmp_path, results=tmp_path)
    rows = await run(bench, replace(SCENARIOS[0], run=hang, sticks=()))
    assert [row.passed for row in rows if row.what == "runs to its end"] == [False]
