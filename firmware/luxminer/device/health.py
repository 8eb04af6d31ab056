"""How long a stick may find nothing, and how long to wait before trying again. No I/O, no clock."""

import random
from dataclasses import dataclass

from luxminer.errors import ChipsMissing, ProbeMismatch

__all__ = [
    "HASHES_PER_DIFFICULTY",
    "NonceWatch",
    "Timing",
    "backoff_s",
    "likely_cause",
    "lower_limit",
]

HASHES_PER_DIFFICULTY = 2.0**32

SICK_AFTER = 20.0
"""Missed nonces: chance explains this once in 5e8 tries.

Ref: docs/sources.md, "Sticks" (cgminer), the same factor.
"""

FAILED_AFTER = 60.0
"""Missed nonces after which a stick is started anew."""

LOWER_AFTER = 3
"""Failures in a row of a stick that came up, from which on it starts at a lower clock; after heat
it does so at once."""

STEP_PART = 0.05
"""Of the target: so much lower after each. The same measure as drivers take while they run."""

LOWEST_PART = 0.5
"""Of the target: not lower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Times of a supervisor in seconds; tests have shorter ones."""

    retry_min_s: float = 1.0
    """Pause after the first failure; doubles with each further one."""
    retry_max_s: float = 30.0
    quarantine_s: float = 60.0
    """Pause after something answered that is not the expected device."""
    give_up_s: float = 300.0
    """Pause after the last rung of the ladder: only a person can help, or time."""
    open_s: float = 10.0
    """For the driver to take charge of an open port."""
    bring_up_s: float = 60.0
    """For the first report with a chip."""
    settle_s: float = 10.0
    """After bring-up nothing is judged for this long."""
    stable_s: float = 60.0
    """After running this long earlier failures are forgotten."""
    udev_s: float = 3.0
    """udev gives a new tty its group a moment after it appeared."""
    udev_retry_s: float = 0.25
    quiet_s: float = 1.0
    """For a driver to leave its chips quiet."""
    force_s: float = 0.4
    """For a driver to end whose port was taken away."""
    order_s: float = 5.0
    """For a driver to carry out an order."""


def backoff_s(failures: int, timing: Timing, rng: random.Random) -> float:
    """Return the pause after so many failures in a row: 1, 2, 4 ... 30 s less up to a quarter.

    The random part keeps sticks that failed together from all starting together.
    """
    assert failures > 0, failures
    longest_s = min(timing.retry_min_s * 2.0 ** min(failures - 1, 30), timing.retry_max_s)
    return longest_s * rng.uniform(0.75, 1.0)


def lower_limit(limit_mhz: float | None, target_mhz: float, min_mhz: float) -> float | None:
    """Return the limit of a stick that was too hot or failed again; None: there is no lower one."""
    lowest_mhz = max(LOWEST_PART * target_mhz, min_mhz)
    before_mhz = target_mhz if limit_mhz is None else limit_mhz
    after_mhz = min(max(before_mhz - STEP_PART * target_mhz, lowest_mhz), before_mhz)
    return after_mhz if after_mhz < target_mhz else None


def likely_cause(failure: BaseException, *, came_up: bool) -> str:
    """Return in words what a stick that keeps failing most likely suffers from."""
    if isinstance(failure, ChipsMissing):
        return "a dead chip, or a supply too weak for all"
    if came_up:
        return "a supply or hub too weak for its clock, its cooling, or a failing chip"
    if isinstance(failure, ProbeMismatch):
        return "no power, a bad cable, or a stick of another model"
    return "no power, a bad cable, or a dead chip"


class NonceWatch:
    """Counts the nonces that should have come since the last right one.

    With ``n`` expected, chance lets none come with probability e^-n.
    """

    __slots__ = ("_expected", "_per_s", "_since_s", "_started_s", "interval_s")

    def __init__(self, started_s: float) -> None:
        self._started_s = started_s
        self._since_s = started_s
        self._expected = 0.0
        self._per_s = 0.0
        self.interval_s = float("inf")
        """Mean time between two nonces at the last rate above zero."""

    def set_rate(self, hashes_per_s: float, ticket_difficulty: float, now_s: float) -> None:
        """Expect nonces at this rate from now on; 0 while there is no work."""
        self._advance(now_s)
        self._per_s = hashes_per_s / (ticket_difficulty * HASHES_PER_DIFFICULTY)
        if self._per_s > 0:
            self.interval_s = 1 / self._per_s

    def found(self, now_s: float) -> None:
        self._expected = 0.0
        self._since_s = max(now_s, self._started_s)

    def missed(self, now_s: float) -> float:
        """Return how many should have come since the last one."""
        self._advance(now_s)
        return self._expected

    def _advance(self, now_s: float) -> None:
        if now_s > self._since_s:
            self._expected += self._per_s * (now_s - self._since_s)
            self._since_s = now_s
