"""Each fault that a virtual stick can have, and the checks that must see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
    cores_s: float
    """Long enough for each of its cores to have nonces enough, where these tell of cores."""
    usual_mhz: float
    nonces: int
    stable_part: float
    """Of its usual clock: it errs, but not so much that its driver slows it down."""
    lost_part: float
    """Of the bytes sent to it: long tasks need fewer bad ones to be lost."""
    flips_from: str = "clock"
    """Check that they begin with: chips that have missed a frame of their bring-up show all."""


PATIENTS = (
    Patient(
        model="2pac",
        chips=2,
        soak_s=200.0,
        cores_s=100.0,
        usual_mhz=100.0,
        nonces=160,
        stable_part=0.955,
        lost_part=0.002,
        flips_from="identify",
    ),
    Patient(
        model="newpac",
        chips=2,
        soak_s=25.0,
        cores_s=1100.0,
        usual_mhz=100.0,
        nonces=100,
        stable_part=0.95,
        lost_part=0.002,
    ),
    Patient(
        model="compaca1",
        chips=2,
        soak_s=60.0,
        cores_s=700.0,
        usual_mhz=300.0,
        nonces=100,
        stable_part=0.975,
        lost_part=0.005,
    ),
)

IN_SOAK_S = 12.0
"""After its begin, when the clock is where it should be."""

SHIFT_S = 0.3
"""Later than chips answer, and soon enough for job ids not to be in use again."""

TO_HOST, TO_STICK = Direction.TO_HOST, Direction.TO_STICK


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is wrong with a stick: a fault, or how it is made."""

    fault: Fault | None = None
    chips: int = 0
    """More than it should have, or fewer if negative."""
    stable_mhz: float | None = None
    soak_s: float = 0.0
    """Instead of the patient's own."""


def case(kind: FaultKind, soak_s: float = 0.0, **values: Any) -> Case:
    return Case(fault=Fault(kind=kind, **values), soak_s=soak_s)


def cases_of(patient: Patient, begins_s: Mapping[str, float]) -> dict[str, Case]:
    """Return a case of each kind; ``begins_s`` is when each check of a healthy stick begins."""
    middle_s = begins_s["soak"] + IN_SOAK_S
    up: dict[str, Any] = {
        "direction": TO_STICK,
        "from_s": begins_s["clock"],
        "until_s": begins_s["recovery"],
    }
    flips = {**up, "from_s": begins_s[patient.flips_from]}
    late = {**up, "until_s": begins_s["sweep"], "delay_s": SHIFT_S}
    return {
        "drop": case(FaultKind.DROP, direction=TO_HOST, probability=0.01),
        "drop to stick": case(FaultKind.DROP, **up, probability=patient.lost_part),
        "flip": case(FaultKind.FLIP, direction=TO_HOST, probability=0.015),
        "flip to stick": case(FaultKind.FLIP, **flips, probability=patient.lost_part),
        "duplicate": case(FaultKind.DUPLICATE, direction=TO_HOST, probability=0.01),
        "duplicate to stick": case(FaultKind.DUPLICATE, **up, probability=patient.lost_part),
        "split": case(FaultKind.SPLIT, direction=TO_HOST, probability=0.06, delay_s=0.4),
        "split to stick": case(FaultKind.SPLIT, **late, probability=0.2),
        "delay": case(FaultKind.DELAY, direction=TO_HOST, probability=1.0, delay_s=SHIFT_S),
        "delay to stick": case(FaultKind.DELAY, **late, probability=1.0),
        "corrupt_nonce": case(FaultKind.CORRUPT_NONCE, probability=0.12),
        "duplicate_nonce": case(FaultKind.DUPLICATE_NONCE, probability=0.1),
        "dead": case(FaultKind.DEAD, chip=1),
        "dead_core": case(FaultKind.DEAD_CORE, soak_s=patient.cores_s, chip=1, core=5),
        "hard_ticket": case(FaultKind.HARD_TICKET, times=2.0),
        "zombie": case(FaultKind.ZOMBIE, chip=1),
        "brown_out": case(FaultKind.BROWN_OUT, from_s=middle_s),
        "weak_supply": case(FaultKind.WEAK_SUPPLY, above_mhz=patient.usual_mhz * 0.9),
        "unplug": case(FaultKind.UNPLUG, from_s=middle_s, duration_s=5.0),
        "never there": case(FaultKind.UNPLUG, from_s=0.0),
        "usb_reset": case(FaultKind.USB_RESET, from_s=middle_s),
        "stall_control": case(FaultKind.STALL_CONTROL),
        "stall at last": case(FaultKind.STALL_CONTROL, from_s=begins_s["recovery"]),
        "one chip less": Case(chips=-1),
        "one chip more": Case(chips=1),
        "beyond stable": Case(stable_mhz=patient.usual_mhz * patient.stable_part),
    }


NO_FAULT_OPTIONS = frozenset(
    ("model", "chip", "link", "usbip", "serial", "telemetry_link", "scale", "skip", "seed", "stats")
)
"""Options of a virtual stick that make nothing wrong with it."""

CASES_OF_OPTIONS = {
    "faults": "flip",
    "fault": "flip",
    "chips": "one chip less",
    "stable_mhz": "beyond stable",
}
"""Other options -> a case that they are for."""


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

ORDERS_LOST = "an order not to roll versions, or for a clock, may be among what is lost"

USUAL: Mapping[str, Seen] = {
    "drop": seen("line", DAMAGED),
    "drop to stick": seen("tasks", "registers", "questions are lost, too"),
    "flip": seen("line", DAMAGED),
    "flip to stick": seen("tasks", "registers", "questions are lost, too"),
    "duplicate": seen("line", DAMAGED),
    "duplicate to stick": seen("tasks", "registers", "questions are lost, too"),
    "split": seen("line", "registers tasks", "the answers of which half comes later are late"),
    "split to stick": seen("tasks", "registers", "what comes in two parts is no frame"),
    "delay": seen("registers"),
    "delay to stick": seen("registers"),
    "corrupt_nonce": seen("errors"),
    "duplicate_nonce": seen("duplicates"),
    "dead": seen("chips"),
    "dead_core": seen("cores"),
    "hard_ticket": seen("ticket sweep soak", "", "half of the nonces do not come"),
    "zombie": seen("distribution sweep soak"),
    "brown_out": seen("soak"),
    "weak_supply": seen(
        "clock sweep recovery replug soak", "", "its chips restart wherever they mine"
    ),
    "unplug": seen("soak"),
    "never there": seen("identify"),
    "usb_reset": seen("soak"),
    "stall_control": seen("identify"),
    "stall at last": seen("recovery replug soak", "", "it cannot be opened again"),
    "one chip less": seen("chips"),
    "one chip more": seen("chips"),
    "beyond stable": seen("errors"),
}

SPECIAL: Mapping[tuple[str, str], Seen] = {
    ("2pac", "flip"): seen("errors", "line registers", "its nonces have no check sum"),
    ("2pac", "flip to stick"): seen("errors", "ticket", "its tasks have no check sum"),
    ("compaca1", "drop to stick"): seen("tasks", "registers versions", ORDERS_LOST),
    ("compaca1", "flip to stick"): seen("tasks", "registers versions sweep", ORDERS_LOST),
    ("compaca1", "duplicate to stick"): seen("tasks", "registers versions", ORDERS_LOST),
    ("compaca1", "dead"): seen("chips", "golden", "the nonces of the blocks are of that chip"),
    ("compaca1", "zombie"): seen(
        "distribution sweep soak", "golden", "the nonces of the blocks are of that chip"
    ),
    ("compaca1", "delay"): seen(
        "registers", "versions", "without rolling it gets 100 tasks a second, and ids are few"
    ),
    ("newpac", "dead"): seen("identify", "", "its driver refuses one chip of two"),
    ("newpac", "one chip less"): seen("identify", "", "its driver refuses one chip of two"),
    ("2pac", "dead_core"): seen("", "", "no source tells which core has found a nonce"),
}
"""Where a product shows a fault in its own way."""


def expected(patient: Patient, fault: str) -> Seen:
    return SPECIAL.get((patient.model, fault), USUAL[fault])


def run_with(patient: Patient, case: Case | None = None) -> Run:
    wrong = case or Case()
    stick = OwnStick(
        find_driver(patient.model),
        chips=patient.chips,
        real_chips=patient.chips + wrong.chips,
        faults=[wrong.fault] if wrong.fault is not None else [],
        stable_mhz=wrong.stable_mhz,
        seed=3,
    )
    soak_s = wrong.soak_s or patient.soak_s
    run, _ = run_suite(stick, replace(EFFORT, soak_s=soak_s, nonces=patient.nonces), seed=3)
    return run


def raised(run: Run) -> set[str]:
    """Return the checks that did not pass."""
    bad = (Verdict.WARNED, Verdict.FAILED)
    return {result.check.name for result in run.results if result.finding.verdict in bad}


def begins_s(run: Run) -> dict[str, float]:
    """Return when each check began."""
    return {result.check.name: result.started_s for result in run.results}


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
