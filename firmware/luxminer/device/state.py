"""The state of one stick as its supervisor knows it, for everybody who only reads."""

from dataclasses import dataclass, replace

from luxminer.device.contract import ChipReport, CoreRange, DeviceReport
from luxminer.device.wishes import Wish
from luxminer.telemetry.model import DeviceStatus, IllnessSnapshot

__all__ = ["DeviceState", "add_reports"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """One row: who the stick is, how it is, and what its driver last said."""

    id: int
    """ASC number: order of first detection."""
    name_id: int
    """Number among the sticks with the same ``code``."""
    identity: str
    """Lasting name: the serial number, with the place where two sticks have the same one; the
    place where there is none."""
    code: str
    model: str
    """``GekkoScience Compac``."""
    driver: str
    chip: str
    serial: str
    path: str
    usb_path: str
    status: DeviceStatus
    problem: str
    """Why it is not Alive, or what is wrong although it is, with the cure; else empty."""
    enabled: bool
    """The owner's wish; says nothing about health."""
    present: bool
    scale: float
    min_mhz: float
    max_mhz: float
    step_mhz: float
    """Finest step of its clock; 0 where that cannot be set."""
    default_mhz: float
    """Clock from the configuration, else that of its model."""
    target_mhz: float
    """Clock that the owner wants."""
    core: CoreRange | None
    """Core voltages of its model; None where nothing sets it."""
    target_core_mv: int | None
    """Core voltage that the owner wants; None for the default of its model."""
    has_order: bool
    """The target is an order of the owner for this stick, not of the profile or configuration."""
    orders: int
    """Such orders so far."""
    trial: Wish | None
    """What the tuner runs it at instead of the target; None when it does not."""
    report: DeviceReport | None
    """Last report of the driver, None before the first. Counters are sums over all times the stick
    was brought up; the rest is of the last time, also after it ended."""
    brought_up_s: float | None
    """Monotonic time since which it runs; None when it is not up."""
    gone_wall_s: float | None
    """When it was pulled; None while it is present or was never there."""
    was_open: bool
    """Its port could be opened at least once."""
    attempts: int
    """Times that opening it was tried."""
    faults: int
    """Times that it failed: faults, mismatches, errors of its driver, ports that did not open."""
    resets: int
    """Times that it was started anew after a fault or by order; chip resets are in the report."""
    illness: IllnessSnapshot
    chips: int = 0
    """Of its model; 0 where only counting tells."""
    hashes_per_clock: float = 0.0
    """Of one chip; 0 where that is not known."""
    joules_per_gh: float = 0.0
    """Estimate for its model; 0 where there is none."""


def add_reports(before: DeviceReport | None, now: DeviceReport) -> DeviceReport:
    """Return ``now`` with the counters of ``before`` added, so that they never fall."""
    if before is None:
        return now
    old_chips = {chip.index: chip for chip in before.chips}
    return replace(
        now,
        chips=tuple(_add_chips(old_chips.get(chip.index), chip) for chip in now.chips),
        tasks_sent=before.tasks_sent + now.tasks_sent,
        busy_tasks_sent=before.busy_tasks_sent + now.busy_tasks_sent,
        busy_nonces=before.busy_nonces + now.busy_nonces,
        bytes_discarded=before.bytes_discarded + now.bytes_discarded,
        resets=before.resets + now.resets,
    )


def _add_chips(before: ChipReport | None, now: ChipReport) -> ChipReport:
    if before is None:
        return now
    return replace(
        now,
        nonces=before.nonces + now.nonces,
        hw_errors=before.hw_errors + now.hw_errors,
        duplicates=before.duplicates + now.duplicates,
    )
