"""``luxminer-hil bench``: the acceptance suite on one stick, or on all sticks of a rig."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from luxminer.commands import CliCommand, ExitCode
from luxminer.config.schema import Config
from luxminer.device.listing import list_devices
from luxminer.device.registry import discover_drivers
from luxminer.errors import ConfigError
from luxminer_hil.acceptance.bench import Effort
from luxminer_hil.acceptance.engine import Result, Run
from luxminer_hil.acceptance.report import HTML, JUNIT, write_reports
from luxminer_hil.acceptance.rig import LIMITS, Rig, StickEntry, load_rig, make_stick
from luxminer_hil.acceptance.running import run_suite
from luxminer_hil.acceptance.sticks import OwnStick, find_driver
from luxminer_hil.acceptance.table import CHECKS, FIRST, Check, chosen
from luxminer_hil.acceptance.verdict import Verdict
from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.chipsim.faults import FaultPlan

__all__ = ["COMMAND"]


def _configure(parser: argparse.ArgumentParser) -> None:
    usual = Effort()
    parser.add_argument(
        "--port", default="", metavar="PORT", help="tty, URL or usb:1-1.3; without: a virtual stick"
    )
    parser.add_argument("--model", default="", metavar="NAME", help="of the stick (compac, ...)")
    parser.add_argument("--rig", type=Path, metavar="FILE", help="all sticks of a rig instead")
    parser.add_argument("--report", type=Path, metavar="DIR", help=f"for {JUNIT} and {HTML}")
    parser.add_argument("--only", action="append", metavar="CHECK", help="may be repeated")
    parser.add_argument("--list", action="store_true", help="print the table of checks")
    parser.add_argument("--chips", type=int, default=0, metavar="N", help="that it should have")
    parser.add_argument(
        "--scale", type=float, default=1.0, metavar="S", help="of a virtual stick at a port"
    )
    parser.add_argument("--serial", default="", metavar="S", help="for the report")
    parser.add_argument("--hub", default="", metavar="HUB", help="that uhubctl can switch (1-1)")
    parser.add_argument("--hub-port", type=int, default=0, metavar="N", help="of the stick there")
    parser.add_argument(
        "--soak", dest="soak_s", type=float, metavar="S", help=f"seconds ({usual.soak_s:g})"
    )
    parser.add_argument(
        "--nonces", type=int, metavar="N", help=f"in each measurement ({usual.nonces})"
    )
    parser.add_argument(
        "--longest",
        dest="longest_s",
        type=float,
        metavar="S",
        help=f"seconds of a measurement ({usual.longest_s:g})",
    )
    parser.add_argument("--points", type=int, metavar="N", help=f"clocks ({usual.points})")
    parser.add_argument("--max-mhz", type=float, metavar="MHZ", help="where the sweep begins")
    parser.add_argument(
        "--faults", type=Path, metavar="FILE", help="what goes wrong with a virtual stick"
    )
    parser.add_argument("--seed", type=int, default=1, help="of work and virtual stick (1)")


def _run(options: argparse.Namespace) -> int:
    if options.list:
        for check in CHECKS:
            print(f"{check.name:13}{check.what}\n{'':13}{check.bound}")
        return ExitCode.OK
    checks = _chosen(options.only)
    rig = _rig(options)
    runs = [_one(entry, rig, checks, options) for entry in rig.sticks]
    if all(run.of(FIRST).verdict is Verdict.FAILED for run in runs):
        return ExitCode.NO_HARDWARE
    failed = any(run.verdict is Verdict.FAILED for run in runs)
    return ExitCode.FAILED if failed else ExitCode.OK


def _chosen(names: Sequence[str] | None) -> tuple[Check, ...]:
    """Return the checks of these names and those they build on."""
    names = names or ()
    known = [check.name for check in CHECKS]
    for name in names:
        if name not in known:
            raise ConfigError(f'is "{name}"', key="--only", cure=f"use {', '.join(known)}")
    return chosen(names)


def _rig(options: argparse.Namespace) -> Rig:
    if options.rig is not None:
        if options.port or options.model:
            raise ConfigError("names the sticks already", key="--rig", cure="leave the port out")
        rig = load_rig(options.rig)
    else:
        rig = Rig(sticks=(_entry(options),), effort=Effort())
    given = {
        name: getattr(options, name)
        for name in ("soak_s", "nonces", "longest_s", "points", "max_mhz")
        if getattr(options, name) is not None
    }
    for name, value in (*given.items(), ("chips", options.chips), ("scale", options.scale)):
        low, high = LIMITS[name]
        if not low <= value <= high:
            key = "--" + name.removesuffix("_s").replace("_", "-")
            raise ConfigError(f"is {value:g}", key=key, cure=f"use {low:g} to {high:g}")
    return replace(rig, effort=replace(rig.effort, **given))


def _entry(options: argparse.Namespace) -> StickEntry:
    model, serial = options.model, options.serial
    if options.port and not model:
        model, seen = _seen_at(options.port)
        serial = serial or seen
    if not model:
        cure = "name the stick, and its port unless it is a virtual one"
        raise ConfigError("is missing", key="--model", cure=cure)
    return StickEntry(
        model=model,
        port=options.port,
        serial=serial,
        chips=options.chips,
        scale=options.scale,
        hub=options.hub,
        hub_port=options.hub_port,
    )


def _seen_at(port: str) -> tuple[str, str]:
    """Return model and serial of what USB says is at a port. Raises ConfigError."""
    drivers = discover_drivers()
    specs = [driver.spec for driver in drivers if driver.spec is not None]
    names = {model.title: model.name for spec in specs for model in spec.models}
    place = str(Path(port).resolve()) if port.startswith("/") else port
    for row in list_devices(Config(), drivers):
        if row.model in names and place in (row.tty, f"usb:{row.usb_path}"):
            return names[row.model], row.serial
    cure = f"USB does not say what is at {port}: give --model"
    raise ConfigError("is missing", key="--model", cure=cure)


def _one(entry: StickEntry, rig: Rig, checks: Sequence[Check], options: argparse.Namespace) -> Run:
    """Check one stick, print each verdict as it comes, and write the reports."""
    stick = make_stick(entry, seed=options.seed)
    if options.faults is not None:
        if entry.port:
            raise ConfigError("are for virtual sticks only", key="--faults")
        try:
            plan = FaultPlan.load(options.faults, options.seed)
        except SimulatorError as exc:
            raise ConfigError(exc.reason, key=f"--faults: {exc.key}", cure=exc.cure) from exc
        found = find_driver(entry.model)
        try:
            stick = OwnStick(found, chips=entry.chips, faults=plan.faults, seed=options.seed)
        except SimulatorError as exc:
            raise ConfigError(exc.reason, key=f"--{exc.key}", cure=exc.cure) from exc
    print(f"{entry.label}: {stick.model.title} at {stick.port}", flush=True)
    run, bench = run_suite(stick, rig.effort, checks=checks, tell=_tell, seed=options.seed)
    if options.report is not None:
        folder = options.report / entry.label if len(rig.sticks) > 1 else options.report
        write_reports(folder, run, bench, rig=rig.name)
        print(f"reports: {folder / HTML}, {folder / JUNIT}")
    print(f"{entry.label}: {run.verdict}", flush=True)
    return run


def _tell(result: Result) -> None:
    finding = result.finding
    print(f"  {result.check.name:13}{finding.verdict:8}{finding.figure}", flush=True)
    if finding.verdict in (Verdict.WARNED, Verdict.FAILED):
        print(f"  {'':21}bound: {result.check.bound}")
        for line in finding.details:
            print(f"  {'':21}{line}", flush=True)


COMMAND = CliCommand(
    name="bench",
    words="check a stick, virtual or real, and write a report",
    configure=_configure,
    run=_run,
)
