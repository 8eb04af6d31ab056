"""One virtual BM1384: registers, its slice of the nonces, and an exact account of its hashing.

Owns no thread and no timer: `settle` tells it that time has passed, `next_slice` what it may hash
now, `finish` what came out. It never gets more hashes than its clock gives; what the machine was
too slow for is counted as missed, not made up.

Unproven: that a chip starts at its address in the first nonce byte (later chips do, and hosts read
the chip's index from there); that a range of 0 is the whole space (one host sends it, and gets
answers); that the chip idles at the end of its range; that a clock out of the documented range
does not lock and then nothing is hashed.
"""

from dataclasses import dataclass
from fractions import Fraction

import luxminer_drivers.bm1384.facts as facts
from luxminer_hil.chipsim.wire import Task, pll_mhz

__all__ = [
    "DIFFICULTY_1_TARGET",
    "MAX_OWED_S",
    "ChipCounters",
    "ChipModel",
    "Slice",
    "ticket_target",
]

DIFFICULTY_1_TARGET = 0xFFFF << 208
"""The usual measure of pools and hosts. A real chip counts zero bits: 15 ppm more."""

MAX_TARGET = (1 << 256) - 1

MAX_OWED_S = 0.25
"""Hashing that may be caught up on; what is older is missed."""

NONCES = 1 << 32

ADDRESS_SHIFT = 24
"""A chip's address is the first byte of its first nonce."""

POWER_ON_PLL = 0x0782
"""Dividers of `facts.POWER_ON_MHZ`."""


def ticket_target(ticket_difficulty: int, scale: Fraction) -> int:
    """Return the largest hash (as a number) that a chip of that ticket and scale reports."""
    difficulty = ticket_difficulty * scale
    return min(DIFFICULTY_1_TARGET * difficulty.denominator // difficulty.numerator, MAX_TARGET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A piece of a search: ``count`` nonces from ``first`` on, counted big-endian."""

    midstate: bytes
    tail: bytes
    first: int
    count: int
    target_le: bytes
    job_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipCounters:
    """What a chip did since the stick was made; power cuts do not clear it."""

    index: int
    address: int
    mhz: float
    rate_hs: float
    hashed: int
    missed: int
    """Hashes that the clock gave and this machine was too slow for."""
    lag_s: float
    """The same as time."""
    nonces: int
    dry_s: float
    """Time spent idle because the range of the task had ended."""


class ChipModel:
    """State of one chip. Times are seconds of any monotonic clock, the same in all calls."""

    def __init__(self, index: int, scale: Fraction, now_s: float) -> None:
        self.index = index
        self.hashed = 0
        self.nonces = 0
        self._scale = scale
        self._missed = 0.0
        self._lag_s = 0.0
        self._dry_s = 0.0
        self._settled_s = now_s
        self._power_on()

    def power_on(self, now_s: float) -> None:
        """Forget everything, as after a power cut."""
        self.settle(now_s, hashes=False)
        self._power_on()

    def _power_on(self) -> None:
        self.address = 0
        self.has_address = False
        self._task: Task | None = None
        self._target_le = b""
        self._position = self._end = 0
        self._owed = 0.0
        self._set_pll(POWER_ON_PLL)

    def _set_pll(self, pll: int) -> None:
        self.pll = pll
        self.mhz = pll_mhz(pll)
        self.is_locked = facts.MIN_MHZ <= self.mhz <= facts.MAX_MHZ
        rate_hs = facts.CORES * Fraction(self.mhz) * 1_000_000 * self._scale
        self.rate_hs = float(rate_hs) if self.is_locked else 0.0

    @property
    def is_searching(self) -> bool:
        """A task is there and its range has not ended."""
        return self._position < self._end

    @property
    def owed(self) -> int:
        """Hashes that the clock has given and that were not taken yet."""
        return int(self._owed)

    def deactivate(self) -> None:
        """Obey CHAIN_INACTIVE."""
        self.address = 0
        self.has_address = False

    def set_address(self, address: int) -> None:
        self.address = address
        self.has_address = True

    def write_pll(self, pll: int, now_s: float) -> None:
        self.settle(now_s)
        self._set_pll(pll)

    def take(self, task: Task, now_s: float) -> None:
        """Search ``task`` from now on; the former one is dropped at once."""
        self.settle(now_s)
        self._task = task
        self._position = self.address << ADDRESS_SHIFT
        self._end = min(self._position + (task.nonce_range or NONCES), NONCES)
        target = ticket_target(task.ticket_difficulty, self._scale)
        self._target_le = target.to_bytes(32, "little")

    def settle(self, now_s: float, *, hashes: bool = True) -> None:
        """Account for the time up to now.

        ``hashes`` is False for a time in which the chip, or the stick, was off or broken.
        """
        passed_s = max(now_s - self._settled_s, 0.0)
        self._settled_s = now_s
        if self._task is None or not hashes:
            return
        if not self.is_searching:
            self._dry_s += passed_s
            return
        # What was owed at a faster clock stays owed.
        limit = max(self._owed, self.rate_hs * MAX_OWED_S)
        self._owed += self.rate_hs * passed_s
        excess = self._owed - limit
        if excess > 0.0:
            self._owed = limit
            self._missed += excess
            self._lag_s += excess / self.rate_hs

    def next_slice(self, limit: int) -> Slice | None:
        """Return up to ``limit`` hashes to do now; they count as done in `finish`."""
        count = min(limit, self.owed, self._end - self._position)
        if count <= 0 or self._task is None:
            return None
        piece = Slice(
            midstate=self._task.midstate,
            tail=self._task.tail,
            first=self._position,
            count=count,
            target_le=self._target_le,
            job_id=self._task.job_id,
        )
        self._owed -= count
        self._position += count
        if not self.is_searching:
            # The clock ran on after the last nonce of the range: that time was idle.
            self._dry_s += self._owed / self.rate_hs if self.rate_hs else 0.0
            self._owed = 0.0
        return piece

    def finish(self, piece: Slice, nonces: int) -> None:
        """Book a slice that was hashed and the nonces reported from it."""
        self.hashed += piece.count
        self.nonces += nonces

    def counters(self) -> ChipCounters:
        return ChipCounters(
            index=self.index,
            address=self.address,
            mhz=self.mhz,
            rate_hs=self.rate_hs,
            hashed=self.hashed,
            missed=round(self._missed),
            lag_s=self._lag_s,
            nonces=self.nonces,
            dry_s=self._dry_s,
        )
