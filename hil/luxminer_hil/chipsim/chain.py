"""The chips of a stick in a row: who obeys a frame, who answers, who may hash next."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from random import Random
from typing import Protocol

from luxminer.hashing import scan
from luxminer_hil.chipsim.chip import Chip, ChipKind, Found, Slice
from luxminer_hil.chipsim.faults import NONCE_BITS, FaultKind, FaultPlan
from luxminer_hil.chipsim.wire import BadFrame, Command, Frame, FrameKind, Task

__all__ = ["Chain"]

READS = frozenset({FrameKind.READ_CHIP_ID, FrameKind.READ_PLL, FrameKind.READ_REGISTER})

MAX_NONCE_BYTES = 512
"""Nonces that wait for the line; a chip that finds faster than the line carries loses some."""
MAX_ANSWER_BYTES = 8192
"""The same for all replies: the longest chain can be counted twice in a row."""


def is_harder(piece: Slice, nonce: int, times: float) -> bool:
    """Say whether a nonce of a slice is so many times harder than that asks for."""
    if times == 1.0:
        return True
    target = int.from_bytes(piece.target_le, "little") / Fraction(times)
    target_le = int(target).to_bytes(len(piece.target_le), "little")
    return bool(scan(piece.midstate, piece.tail, nonce, 1, target_le, 1))


class Reply(Protocol):
    """Puts bytes on the line to the host, unless more than ``limit`` bytes wait there already."""

    def __call__(self, data: bytes, limit: int) -> None: ...


class Chain:
    """The chips, in the order in which the line passes through them.

    ``clock`` gives seconds; times of faults count from `fit`.
    """

    def __init__(
        self,
        faults: FaultPlan,
        clock: Callable[[], float],
        reply: Reply,
        wrong_part: Callable[[float], float] = lambda _mhz: 0.0,
        random: Random | None = None,
    ) -> None:
        """``wrong_part`` says how many of its nonces a chip gets wrong at a clock, 0 to 1."""
        self.chips: list[Chip] = []
        self.frames: Counter[str] = Counter()
        """Frames obeyed, by `FrameKind`."""
        self.bad_frames: Counter[str] = Counter()
        """Frames not obeyed, by `BadReason`."""
        self.addresses_ignored = 0
        self.wrong = 0
        """Nonces that chips driven too hard got wrong."""
        self._wrong_part = wrong_part
        self._random = random or Random(0)
        self._faults = faults
        self._clock = clock
        self._reply = reply
        self._started_s = 0.0

    def fit(self, kind: ChipKind, count: int, scale: Fraction, skip: int | None = None) -> None:
        """Put ``count`` freshly powered chips of a kind in place. ``skip``: see `VirtualStick`."""
        self._started_s = now_s = self._clock()
        self.chips = [kind.chip(index, count, scale, now_s) for index in range(count)]
        for chip in self.chips:
            chip.skip = skip

    @property
    def baudrate(self) -> int:
        """Rate of the line, which is that of the chip nearest to the host."""
        return self.chips[0].baudrate

    @property
    def is_searching(self) -> bool:
        return any(chip.is_searching for chip in self.chips)

    @property
    def owes(self) -> bool:
        """Whether a chip may hash more already."""
        return any(chip.owes_nonce for chip in self.chips)

    @property
    def running_mhz(self) -> float:
        """Sum of the clocks of the chips that hash."""
        return sum(chip.mhz for chip in self.chips if chip.is_locked and chip.is_searching)

    @property
    def mean_mhz(self) -> float:
        """Of all chips that hash and those that do not."""
        return self.running_mhz / len(self.chips)

    def power_on(self) -> None:
        """Let all chips begin anew."""
        now_s = self._clock()
        for chip in self.chips:
            chip.power_on(now_s)

    # --- Frames --------------------------------------------------------------------------------

    def obey(self, frames: Iterable[Frame]) -> None:
        """Obey frames, up to one that changes the rate of the line."""
        baudrate = self.baudrate
        for frame in frames:
            if isinstance(frame, BadFrame):
                self.bad_frames[frame.reason] += 1
                continue
            self.frames[frame.kind] += 1
            alive = [c for c in self.chips if not self._faults.is_dead(c.index, self._age_s())]
            if isinstance(frame, Task):
                self._take(frame, alive)
            else:
                self._command(frame, alive)
            if self.baudrate != baudrate:
                return

    def _take(self, task: Task, alive: list[Chip]) -> None:
        for chip in alive:
            if self._faults.is_zombie(chip.index, self._age_s()):
                self._faults.counts[FaultKind.ZOMBIE] += 1
                continue
            for reply in chip.take(task, self._clock()):
                self._reply(reply, MAX_NONCE_BYTES)

    def _command(self, command: Command, alive: list[Chip]) -> None:
        if command.kind is FrameKind.CHAIN_INACTIVE:
            for chip in alive:
                chip.deactivate()
        elif command.kind is FrameKind.SET_ADDRESS:
            assert command.address is not None
            free = next((chip for chip in alive if not chip.has_address), None)
            if free is None:
                self.addresses_ignored += 1
            else:
                free.set_address(command.address)
        else:
            self._register_command(command, alive)

    def _register_command(self, command: Command, alive: list[Chip]) -> None:
        for chip in self.chips:
            if command.address not in (None, chip.address):
                continue
            if chip not in alive:
                self._faults.counts[FaultKind.DEAD] += command.kind in READS
                continue
            reply = chip.obey(command, self._clock())
            if reply is not None:
                self._reply(reply, MAX_ANSWER_BYTES)

    # --- Hashing -------------------------------------------------------------------------------

    def settle(self, *, is_on: bool) -> None:
        """Account for the time up to now, in which chips were on or not."""
        now_s = self._clock()
        age_s = self._age_s()
        for chip in self.chips:
            is_broken = self._faults.is_dead(chip.index, age_s) or self._faults.is_zombie(
                chip.index, age_s
            )
            chip.settle(now_s, hashes=is_on and not is_broken)

    def next_batch(self, turn: int, size: int) -> list[tuple[Chip, Slice]]:
        """Share one batch among the chips that may hash, beginning with another one each time."""
        left = size
        batch = []
        for number in range(len(self.chips)):
            chip = self.chips[(turn + number) % len(self.chips)]
            waiting = len(self.chips) - number
            for piece in chip.next_slices(max(-(-left // waiting), 0)):
                left -= piece.count
                batch.append((chip, piece))
        return batch

    def report(self, chip: Chip, piece: Slice, nonces: Sequence[int]) -> None:
        """Send what a chip says of the nonces found in a slice, and book the slice."""
        if not nonces:
            chip.finish(piece, 0)
            return
        said = 0
        now_s = self._age_s()
        for nonce in nonces:
            if self._faults.is_dead_core(chip.index, chip.core_of(nonce), now_s):
                self._faults.counts[FaultKind.DEAD_CORE] += 1
                continue
            if not is_harder(piece, nonce, self._faults.times_harder(chip.index, now_s)):
                self._faults.counts[FaultKind.HARD_TICKET] += 1
                continue
            heard = self._erred(chip, self._faults.nonce(nonce, chip.index, now_s))
            reply = chip.reply(Found(piece, nonce, heard))
            if reply is not None:
                for _ in range(2 if self._faults.is_twice(chip.index, now_s) else 1):
                    self._reply(reply, MAX_NONCE_BYTES)
                said += 1
        chip.finish(piece, said)

    def _erred(self, chip: Chip, nonce: int) -> int:
        """Return what a chip says that may be driven too hard."""
        part = self._wrong_part(chip.mhz)
        if part and self._random.random() < part:
            self.wrong += 1
            return nonce ^ 1 << self._random.randrange(NONCE_BITS)
        return nonce

    def _age_s(self) -> float:
        return self._clock() - self._started_s
