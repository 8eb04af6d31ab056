"""``python -m luxminer_hil.system``: runs the scenarios, prints and keeps what comes of them."""

import argparse
import asyncio
import logging
import shutil
import sys
import time
from pathlib import Path

from luxminer.commands import ExitCode
from luxminer_hil.system.report import Checks, Row, as_table, write
from luxminer_hil.system.rig import SEED, Bench, put_up
from luxminer_hil.system.scenarios import SCENARIOS, Scenario

log = logging.getLogger(__name__)

SCENARIO_S = 300.0
IMAGES = ("Image", "initrd", "root.ext4", "luxminer.ext4")


async def run(bench: Bench, scenario: Scenario) -> list[Row]:
    """Run one scenario; whatever ends it early is one of its rows."""
    checks = Checks(scenario.name)
    started_s = time.monotonic()
    try:
        async with asyncio.timeout(SCENARIO_S):
            async with put_up(bench, checks, scenario.sticks, scenario.foreign) as rig:
                await scenario.run(rig)
    except Exception as exc:
        log.exception("%s ends early", scenario.name)
        checks.failed(f"{type(exc).__name__}: {exc}")
    checks.note("whole scenario", time.monotonic() - started_s)
    return checks.rows


async def run_all(bench: Bench, scenarios: list[Scenario]) -> list[Row]:
    """Run them one after the other; the results are written after each."""
    rows: list[Row] = []
    for scenario in scenarios:
        print(f"{scenario.name}: {scenario.words}", flush=True)
        rows += await run(bench, scenario)
        write(rows, bench.results)
    return rows


def main() -> int:
    """Return 0 when all passed, 1 when something failed, 2 when it could not be run."""
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="luxminer_hil.system", description=__doc__)
    parser.add_argument("--images", type=Path, default=Path("build/system"), help="see build.sh")
    parser.add_argument("--results", type=Path, default=Path("build/system/results"))
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    options = parser.parse_args()
    missing = [name for name in IMAGES if not (options.images / name).exists()]
    if missing:
        print(f"not run: no {missing[0]} in {options.images}; run hil/guest/build.sh first")
        return ExitCode.USAGE
    chosen = [each for each in SCENARIOS if options.only is None or each.name in options.only]
    for each in chosen:
        shutil.rmtree(options.results / each.name, ignore_errors=True)
    options.results.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=options.results / "bench.log", filemode="w", level=logging.INFO)
    bench = Bench(images=options.images.resolve(), results=options.results.resolve())
    rows = asyncio.run(run_all(bench, chosen))
    print(f"\n{as_table(rows)}\nseed {SEED}; logs: {options.results}")
    return ExitCode.OK if all(row.passed for row in rows) else ExitCode.FAILED


if __name__ == "__main__":
    sys.exit(main())
