"""Each fault that a virtual stick can have, and the checks that must see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from luxminer_hil.acceptance.bench import Effort
from luxminer_hil.acceptance.engine import Run
from luxminer_hil.acceptance.running import run_suite
from luxminer_hil.acceptance.sticks import OwnStick, find_driver
from luxminer_hil.acceptance.verdict import Verdict
from luxminer_hil.chipsim.faults import Direction, Fault, FaultKind

EFFORT = Effort(longest_s=300.0, points=2, lowest_part=0.8, restarts=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A product that the faults are tried on."""

    model: str
    chips: int
    soak_s: float
    """Long enough for its driver to miss chips that have restarted."""
    usual_mhz: float
    nonces: int


PATIENTS = (
    Patient(model="2pac", chips=2, soak_s=100.0, usual_mhz=100.0, nonces=160),
    Patient(model="newpac", chips=2, soak_s=25.0, usual_mhz=100.0, nonces=100),
    Patient(model="compaca1", chips=2, soak_s=60.0, usual_mhz=300.0, nonces=100),
)

IN_SOAK_S = 12.0
"""After its begin, when the clock is where it should be."""

SHIFT_S = 0.3
"""Later than chips answer, and soon enough for job ids not to be in use again."""

TO_HOST, TO_STICK = Direction.TO_HOST, Direction.TO_STICK


def faults_of(patient: Patient, soak_s: float) -> dict[str, Fault]:
    """Return a fault of each kind; ``soak_s`` is when the soak of a healthy stick begins."""
    middle_s = soak_s + IN_SOAK_S
    return {
        "drop": Fault(kind=FaultKind.DROP, direction=TO_HOST, probability=0.01),
        "flip": Fault(kind=FaultKind.FLIP, direction=TO_HOST, probability=0.015),
        "flip to stick": Fault(kind=FaultKind.FLIP, direction=TO_STICK, probability=0.002),
        "duplicate": Fault(kind=FaultKind.DUPLICATE, direction=TO_HOST, probability=0.01),
        "split": Fault(kind=FaultKind.SPLIT, direction=TO_HOST, probability=0.06, delay_s=0.4),
        "delay": Fault(kind=FaultKind.DELAY, direction=TO_HOST, probability=1.0, delay_s=SHIFT_S),
        "corrupt_nonce": Fault(kind=FaultKind.CORRUPT_NONCE, probability=0.12),
        "duplicate_nonce": Fault(kind=FaultKind.DUPLICATE_NONCE, probability=0.1),
        "dead": Fault(kind=FaultKind.DEAD, chip=1),
        "zombie": Fault(kind=FaultKind.ZOMBIE, chip=1),
        "brown_out": Fault(kind=FaultKind.BROWN_OUT, from_s=middle_s),
        "weak_supply": Fault(kind=FaultKind.WEAK_SUPPLY, above_mhz=patient.usual_mhz * 0.9),
        "unplug": Fault(kind=FaultKind.UNPLUG, from_s=middle_s, duration_s=5.0),
        "never there": Fault(kind=FaultKind.UNPLUG, from_s=0.0),
    }


ELSEWHERE = {
    FaultKind.DEAD_CORE: "takes 22 nonces of each core to see: made up in tests/unit/acceptance",
    FaultKind.USB_RESET: "memory has no USB: tests/unit/usbsim",
    FaultKind.STALL_CONTROL: "memory has no USB: tests/unit/usbsim",
}
"""Kinds that are not in the table, and why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Checks that must not pass with a fault, and others that it may touch, with the reason."""

    must: frozenset[str]
    may: frozenset[str] = frozenset()
    why: str = ""


def seen(must: str, may: str = "", why: str = "") -> Seen:
    return Seen(frozenset(must.split()), frozenset(may.split()), why)


DAMAGED = "registers"
"""What damages bytes damages answers of registers, too."""

USUAL: Mapping[str, Seen] = {
    "drop": seen("line", DAMAGED),
    "flip": seen("line", DAMAGED),
    "flip to stick": seen("", "recovery", "check sums let chips ignore it, also during bring-up"),
    "duplicate": seen("line", DAMAGED),
    "split": seen("line", DAMAGED),
    "delay": seen("registers"),
    "corrupt_nonce": seen("errors"),
    "duplicate_nonce": seen("duplicates"),
    "dead": seen("chips"),
    "zombie": seen("distribution sweep soak"),
    "brown_out": seen("soak"),
    "weak_supply": seen(
        "clock sweep recovery replug soak", "", "its chips restart wherever they mine"
    ),
    "unplug": seen("soak"),
    "never there": seen("identify"),
}

SPECIAL: Mapping[tuple[str, str], Seen] = {
    ("2pac", "flip"): seen("errors", "line registers", "its nonces have no check sum"),
    ("2pac", "flip to stick"): seen("ticket", "errors", "its tasks have no check sum"),
    ("compaca1", "delay"): seen(
        "registers", "versions", "without rolling it gets 100 tasks a second, and ids are few"
    ),
    ("newpac", "dead"): seen("identify", "", "its driver refuses one chip of two"),
}
"""Where a product shows a fault in its own way."""


def expected(patient: Patient, fault: str) -> Seen:
    return SPECIAL.get((patient.model, fault), USUAL[fault])


def run_with(patient: Patient, *faults: Fault) -> Run:
    stick = OwnStick(find_driver(patient.model), chips=patient.chips, faults=faults, seed=3)
    effort = replace(EFFORT, soak_s=patient.soak_s, nonces=patient.nonces)
    run, _ = run_suite(stick, effort, seed=3)
    return run


def raised(run: Run) -> set[str]:
    """Return the checks that did not pass."""
    bad = (Verdict.WARNED, Verdict.FAILED)
    return {result.check.name for result in run.results if result.finding.verdict in bad}


def soak_begin_s(run: Run) -> float:
    return next(result.started_s for result in run.results if result.check.name == "soak")


def table(rows: Mapping[str, Run]) -> str:
    """Return faults by checks: `.` pass, W warn, F fail, `-` not applicable or not run."""
    signs = {"pass": ".", "warn": "W", "fail": "F", "n/a": "-", "not run": "-"}
    names: Sequence[str] = [result.check.name for result in next(iter(rows.values())).results]
    width = max(map(len, rows)) + 2
    lines = [" " * width + " ".join(names)]
    for fault, run in rows.items():
        cells = (
            signs[result.finding.verdict].center(len(name))
            for name, result in zip(names, run.results, strict=True)
        )
        lines.append(fault.ljust(width) + " ".join(cells))
    return "\n".join(lines)
