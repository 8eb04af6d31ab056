"""What one stick does at one setting, counted from when the setting is in force. No I/O, no clock.

::

    waiting for the stick -> settling -> counting -> evidence with every sample
        ^------ unplugged, switched off, started anew ------+

Only time in which there was work counts. A stick that fails at a setting it ran at, that cannot be
started at it, or whose protection lowers the clock, has failed the setting.
"""

from dataclasses import dataclass
from fractions import Fraction

from luxminer.device.contract import DeviceReport
from luxminer.device.state import DeviceState
from luxminer.mining.hashrate import HASHES_PER_DIFFICULTY
from luxminer.tuning.search import SAME_MHZ, Evidence, Setting

__all__ = ["MAX_SETTLING_S", "MAX_STARTS", "Measurement", "Sample"]

MAX_STARTS = 3
"""Times that a start may fail at a setting before that is the setting's fault."""

MAX_SETTLING_S = 600.0
"""For a stick that is up to get where it was told; a ramp from end to end takes 5 minutes."""

EARLY_CLAIMS = 50
EARLY_S = 15.0
"""Protection that steps in before so many nonces, or so soon, may have judged by those of the
setting before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is known of a stick at one moment; counters only grow."""

    now_s: float
    state: DeviceState
    work: Fraction
    """Sum of the difficulties of its right nonces."""
    hw_errors: int
    has_work: bool


class Measurement:
    """Made when the stick has been told ``setting``; `take` is fed with what follows."""

    def __init__(self, setting: Setting, first: Sample, settle_s: float) -> None:
        """``settle_s`` lets heat and voltage follow once the clock is there."""
        self.setting = setting
        self.phase = "waits for the stick"
        """In words, for people."""
        self.has_come_up = first.state.brought_up_s is not None
        """The stick has run at the setting, or was to change to it while it ran."""
        self.is_doubtful = False
        """Protection has stepped in, perhaps for what was before: worth a second try."""
        self.has_strayed = False
        """The stick was started since it was told, and its dividers give another clock: only
        telling it while it is up tells which."""
        self._settle_s = settle_s
        self._first = first
        self._faults = first.state.faults
        self._start_over()
        self._run_s = first.state.brought_up_s
        self._told_s = first.now_s

    def _start_over(self) -> None:
        self._settled_s: float | None = None
        self._last: Sample | None = None
        self._elapsed_s = 0.0
        self._expected = 0.0
        self._right = 0.0
        self._wrong = 0
        self._joule: float | None = 0.0

    def take(self, sample: Sample) -> Evidence | None:
        """Return all counts so far, None as long as nothing is counted."""
        state, report = sample.state, sample.state.report
        if not state.present or not state.enabled:
            self._start_over()
            self.has_come_up = False
            self._faults = state.faults
            self.phase = "waits for the stick"
            return None
        if state.faults > self._faults:
            faults = state.faults - self._faults
            if self.has_come_up or faults >= MAX_STARTS:
                return self._evidence(report, has_failed=True)
        if state.brought_up_s is None or report is None:
            self._start_over()
            self.phase = "waits for the stick"
            return None
        if state.brought_up_s != self._run_s:
            self._start_over()
            self._run_s = state.brought_up_s
            self._told_s = sample.now_s
        self.has_come_up = True
        if report.limit_mhz is not None:
            self.is_doubtful = self._is_early(sample, report)
            return self._evidence(report, has_failed=True)
        if not self._is_in_force(report):
            self._start_over()
            is_new = state.brought_up_s != self._first.state.brought_up_s
            self.has_strayed = is_new and not self._is_target(report)
            self.phase = f"changes from {report.frequency_mhz:g} MHz"
            has_failed = sample.now_s - self._told_s > MAX_SETTLING_S
            return self._evidence(report, has_failed=True) if has_failed else None
        if self._settled_s is None:
            self._settled_s = sample.now_s
        if sample.now_s - self._settled_s < self._settle_s:
            self.phase = "settles"
            return None
        before, self._last = self._last, sample
        if before is not None and before.has_work and sample.has_work:
            self._count(before, sample, report)
        words = f"{self._right:.0f} right of {self._expected:.0f} expected, {self._wrong} wrong"
        self.phase = words if sample.has_work else "waits for work"
        return self._evidence(report) if self._elapsed_s else None

    def _is_early(self, sample: Sample, report: DeviceReport) -> bool:
        right = float(sample.work - self._first.work) / report.ticket_difficulty
        claims = right + sample.hw_errors - self._first.hw_errors
        return claims < EARLY_CLAIMS or sample.now_s - self._first.now_s < EARLY_S

    def _is_target(self, report: DeviceReport) -> bool:
        return abs(report.target_mhz - self.setting.mhz) < SAME_MHZ

    def _is_in_force(self, report: DeviceReport) -> bool:
        core_mv = self.setting.core_mv
        return (
            self._is_target(report)
            and abs(report.frequency_mhz - report.target_mhz) < SAME_MHZ
            and not report.is_ramping
            and (core_mv is None or report.core_mv == core_mv)
        )

    def _count(self, before: Sample, sample: Sample, report: DeviceReport) -> None:
        passed_s = sample.now_s - before.now_s
        ticket = report.ticket_difficulty
        self._elapsed_s += passed_s
        self._expected += passed_s * report.nominal_hs / (ticket * HASHES_PER_DIFFICULTY)
        self._right += float(sample.work - before.work) / ticket
        self._wrong += sample.hw_errors - before.hw_errors
        if self._joule is not None:
            power_w = report.power_w
            self._joule = None if power_w is None else self._joule + power_w * passed_s

    def _evidence(self, report: DeviceReport | None, *, has_failed: bool = False) -> Evidence:
        is_measured = self._joule is not None and self._elapsed_s > 0
        return Evidence(
            elapsed_s=self._elapsed_s,
            expected=self._expected,
            right=self._right,
            wrong=self._wrong,
            nominal_hs=report.nominal_hs if report is not None else 0.0,
            power_w=(self._joule or 0.0) / self._elapsed_s if is_measured else None,
            has_failed=has_failed,
        )
