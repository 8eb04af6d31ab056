"""In which order a chip tries nonces and versions.

A *space* numbers the nonces of a task, and says for each number where it stands. Nonces are read
big-endian: a chip's address and its cores are upper bits of that reading.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

__all__ = ["NONCES", "Place", "Range", "RollingSpace", "Space", "StripedSpace"]

NONCES = 1 << 32

RUN = 64
"""Nonces in a row before another core has its turn, where cores share a chip's nonces. Real cores
work at the same time; so their nonces come mixed, and a search is still worth its call."""

FEWEST_RUNS = 16
"""A scaled-down chip has few nonces for all its versions: they are spread over so many at least."""


class Place(NamedTuple):
    """``length`` nonces from ``first`` on can be tried in a row, in round ``epoch`` of versions."""

    epoch: int
    first: int
    length: int


class Space(Protocol):
    """The nonces of a task; each is tried with every midstate of its epoch."""

    @property
    def total(self) -> int:
        """How many nonces there are."""
        ...

    @property
    def repeats(self) -> bool:
        """Whether the chip begins again after the last one; else it idles."""
        ...

    def place(self, position: int) -> Place:
        """Return where number ``position`` stands."""
        ...


@dataclass(frozen=True, slots=True)
class Range:
    """``total`` nonces in a row."""

    first: int
    total: int
    repeats: bool = False

    def place(self, position: int) -> Place:
        return Place(0, self.first + position, self.total - position)

    def number_of(self, nonce: int) -> int | None:
        """Return the number under which a nonce stands; None when it is somebody else's."""
        return nonce - self.first if 0 <= nonce - self.first < self.total else None


@dataclass(frozen=True, slots=True)
class StripedSpace:
    """The same ``span`` nonces from ``first`` on in each window of the nonces.

    The chip's address is below the bits that number the windows; the uppermost are the core.
    """

    first: int
    span: int
    window: int
    repeats: bool = False
    turn: int = 0
    """Window that is the first in each row: see `Chip.turn`."""

    @property
    def total(self) -> int:
        return NONCES // self.window * self.span

    def place(self, position: int) -> Place:
        run, inside = divmod(position, RUN)
        row, window = divmod(run, NONCES // self.window)
        window = (window + self.turn) % (NONCES // self.window)
        offset = row * RUN + inside
        count = min(RUN - inside, self.span - row * RUN - inside)
        return Place(0, window * self.window + self.first + offset, count)

    def number_of(self, nonce: int) -> int | None:
        """Return the number under which a nonce stands; None when it is somebody else's."""
        window, inside = divmod(nonce, self.window)
        offset = inside - self.first
        if not 0 <= offset < self.span:
            return None
        count = NONCES // self.window
        row, rest = divmod(offset, RUN)
        number = (row * count + (window - self.turn) % count) * RUN + rest
        return number if number < self.total and self.place(number).first == nonce else None


@dataclass(frozen=True)
class RollingSpace:
    """Version after version, a batch of them at a time, over and over.

    In every epoch each core goes through the same few nonces with another batch of versions.

    ``budget`` is how many nonces an epoch lets all cores try together; scaled down, it may be
    below 1, and then some epochs get a run of nonces and others none.

    ``skip`` nonces are passed over in every epoch, counted as in a `StripedSpace`: a run of each
    core, and then the next run of each.
    """

    first: int
    window: int
    cores: int
    epochs: int
    budget: float
    skip: int = 0

    repeats = True

    @cached_property
    def total(self) -> int:
        if self.budget <= 0.0:
            return 0
        return max(round(self.budget * self.epochs), 1)

    @cached_property
    def _run(self) -> int:
        whole = -(-round(self.budget) // self.cores)
        return max(whole, min(RUN, -(-self.total // FEWEST_RUNS)), 1)

    @cached_property
    def _runs(self) -> int:
        return -(-self.total // self._run)

    def place(self, position: int) -> Place:
        run, inside = divmod(position, self._run)
        runs, rest = divmod(self.skip, RUN)
        row, first_core = divmod(runs, self.cores)
        offset = (self.first + row * RUN + rest + inside) % self.window
        count = min(self._run - inside, self.total - position, self.window - offset)
        core = (first_core + run) % self.cores
        return Place(run * self.epochs // self._runs, core * self.window + offset, count)

    def skip_to(self, nonce: int, span: int) -> int | None:
        """Return the ``skip`` with which an epoch begins at a nonce.

        ``span`` is how many nonces of each core are this chip's. None for a nonce of another chip,
        or one that no core has.
        """
        core, inside = divmod(nonce, self.window)
        offset = inside - self.first
        if core >= self.cores or not 0 <= offset < span:
            return None
        row, rest = divmod(offset, RUN)
        return (row * self.cores + core) * RUN + rest
