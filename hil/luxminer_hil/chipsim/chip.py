"""What every virtual chip is: its place in the chain, its search, and an exact account of it.

Owns no thread and no timer: `settle` tells it that time has passed, `next_slices` what it may hash
now, `finish` what came out. It never gets more hashes than its clock gives; what the machine was
too slow for is counted as missed, not made up. Families add registers, tasks and replies.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from luxminer_hil.chipsim.spaces import Space
from luxminer_hil.chipsim.wire import Command, Parser, Task

__all__ = [
    "DIFFICULTY_1_TARGET",
    "MAX_OWED_S",
    "Chip",
    "ChipCounters",
    "ChipKind",
    "Found",
    "Lane",
    "Search",
    "Slice",
    "ticket_target",
]

DIFFICULTY_1_TARGET = 0xFFFF << 208
"""The usual measure of pools and hosts. A real chip counts zero bits: 15 ppm more."""

MAX_TARGET = (1 << 256) - 1

TICK_S = 0.05
"""Well below the time that hosts give a task on most sticks."""

MAX_SLICES = 512
"""Pieces of a search handed out at once; it keeps the event loop free of long calls."""

MAX_OWED_S = 0.25
"""Hashing that may be caught up on; what is older is missed."""


def ticket_target(ticket_difficulty: int, scale: Fraction) -> int:
    """Return the largest hash (as a number) that a chip of that ticket and scale reports."""
    difficulty = ticket_difficulty * scale
    return min(DIFFICULTY_1_TARGET * difficulty.denominator // difficulty.numerator, MAX_TARGET)


class Lane(NamedTuple):
    """One of the midstates that each nonce is tried with."""

    midstate: bytes
    number: int = 0
    """Place among the midstates of the task, or sub-core."""
    version_bits: int = 0
    """What the chip put into the version, as its replies say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A task as a chip goes about it."""

    task: Task
    job_id: int
    tail: bytes
    """Header bytes 64 to 75."""
    lanes: Callable[[int], Sequence[Lane]]
    """Epoch -> lanes, ``width`` of them."""
    width: int
    space: Space


@dataclass(slots=True, kw_only=True)
class Slice:
    """A piece of a search: ``count`` nonces from ``first`` on, counted big-endian.

    Not frozen: thousands are made every second, and frozen ones take three times as long.
    """

    midstate: bytes
    tail: bytes
    first: int
    count: int
    target_le: bytes
    job_id: int
    lane: int = 0
    version_bits: int = 0
    task: Task | None = None


class Found(NamedTuple):
    """A nonce of a slice whose hash is low enough."""

    piece: Slice
    nonce: int
    """Counted big-endian."""
    said: int
    """What the chip says instead, if it is to err."""


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


class Chip(ABC):
    """State of one chip. Times are seconds of any monotonic clock, the same in all calls."""

    def __init__(self, index: int, scale: Fraction, now_s: float) -> None:
        self.index = index
        self.hashed = 0
        self.nonces = 0
        self.scale = scale
        self.skip: int | None = None
        """Nonces of a task that are passed over at its begin; None lets each task begin with
        another core, so that a scaled chip, which gets to few of them in a task, uses all."""
        self.turn = 0
        """Tasks begun: with which core the next one begins, unless nonces are skipped."""
        self._missed = 0.0
        self._lag_s = 0.0
        self._dry_s = 0.0
        self._settled_s = now_s
        self._forget()
        self._power_on()

    def power_on(self, now_s: float) -> None:
        """Forget everything, as after a power cut."""
        self.settle(now_s, hashes=False)
        self._forget()
        self._power_on()

    def _forget(self) -> None:
        self.address = 0
        self.has_address = False
        self.mhz = 0.0
        self.is_locked = False
        self.rate_hs = 0.0
        self._search: Search | None = None
        self._target_le = bytes(32)
        self._position = 0
        self._owed = 0.0

    # --- Of the family -------------------------------------------------------------------------

    @abstractmethod
    def _power_on(self) -> None:
        """Set the registers to their power-on values."""

    max_mhz: float
    """Highest clock that the chip locks to."""

    @property
    @abstractmethod
    def baudrate(self) -> int:
        """Rate at which the chip hears and speaks."""

    @abstractmethod
    def take(self, task: Task, now_s: float) -> Sequence[bytes]:
        """Search ``task`` from now on; the former one is dropped at once.

        Returns what the chip answers without a search.
        """

    @abstractmethod
    def obey(self, command: Command, now_s: float) -> bytes | None:
        """Obey a command for this chip, other than about addresses; return its reply."""

    @abstractmethod
    def reply(self, found: Found) -> bytes | None:
        """Return the report of what was found; None when the chip keeps it."""

    @property
    @abstractmethod
    def core_numbers(self) -> int:
        """How many numbers of cores there are, from 0 on."""

    @abstractmethod
    def core_of(self, nonce: int) -> int:
        """Return the core that finds a nonce, counted big-endian."""

    # --- Addresses -----------------------------------------------------------------------------

    def deactivate(self) -> None:
        """Obey CHAIN_INACTIVE."""
        self.address = 0
        self.has_address = False

    def set_address(self, address: int) -> None:
        self.address = address
        self.has_address = True

    # --- Search and account --------------------------------------------------------------------

    @property
    def is_searching(self) -> bool:
        """A task is there and its range has not ended."""
        return self._search is not None and self._position < self._search.space.total

    @property
    def owed(self) -> int:
        """Hashes that the clock has given and that were not taken yet."""
        return int(self._owed)

    @property
    def owes_nonce(self) -> bool:
        """Whether one more nonce could be tried now with all its midstates."""
        return self._search is not None and self.owed >= self._search.width

    def _begin(self, search: Search | None) -> None:
        """Go about another search; the time up to now must be settled."""
        self._search = search
        self._position = 0 if search is None else self._first_position(search.space)

    def _first_position(self, space: Space) -> int:
        return min(self.skip or 0, space.total)

    def settle(self, now_s: float, *, hashes: bool = True) -> None:
        """Account for the time up to now.

        ``hashes`` is False for a time in which the chip, or the stick, was off or broken.
        """
        passed_s = max(now_s - self._settled_s, 0.0)
        self._settled_s = now_s
        if self._search is None or not hashes:
            return
        if not self.is_searching:
            self._dry_s += passed_s
            return
        # What was owed at a faster clock stays owed. A nonce has to wait for all its midstates.
        limit = max(self._owed, self.rate_hs * MAX_OWED_S + self._search.width - 1)
        self._owed += self.rate_hs * passed_s
        excess = self._owed - limit
        if excess > 0.0:
            self._owed = limit
            self._missed += excess
            self._lag_s += excess / self.rate_hs

    def next_slices(self, limit: int) -> list[Slice]:
        """Return about ``limit`` hashes to do now, at most; they count as done in `finish`."""
        search = self._search
        if search is None:
            return []
        total = search.space.total
        pieces: list[Slice] = []
        left = min(max(limit, search.width), self.owed)
        while self._position < total and len(pieces) < MAX_SLICES and left >= search.width:
            place = search.space.place(self._position)
            count = min(left // search.width, place.length)
            pieces += [
                Slice(
                    midstate=lane.midstate,
                    tail=search.tail,
                    first=place.first,
                    count=count,
                    target_le=self._target_le,
                    job_id=search.job_id,
                    lane=lane.number,
                    version_bits=lane.version_bits,
                    task=search.task,
                )
                for lane in search.lanes(place.epoch)
            ]
            left -= count * search.width
            self._owed -= count * search.width
            self._position += count
            if search.space.repeats and self._position == total:
                self._position = 0
        if self._position == total:
            # The clock ran on after the last nonce of the range: that time was idle.
            self._dry_s += self._owed / self.rate_hs if self.rate_hs else 0.0
            self._owed = 0.0
        return pieces

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipKind:
    """A family as a stick sees it."""

    name: str
    parser: Callable[[], Parser]
    chip: Callable[[int, int, Fraction, float], Chip]
    """Place in the chain, length of the chain, scale, now."""
    tick_s: float = TICK_S
    """How often chips that this machine keeps up with are given their next hashes."""
