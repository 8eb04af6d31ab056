"""BM1362, BM1368 and BM1370: whole headers, whose version the chip rolls.

A core goes through its nonces with one batch of versions, one version to each sub-core, for as
long as the hash counting number says; then comes the next batch, and after the last version all
begins again: a host that sends no new task in time gets every nonce twice.

With fewer versions than sub-cores these share the nonces of their core among them: they number
upper bits of the nonce, and the chip's address stands as many bits lower. Source: the layout that
GPTechinno/bm13xx-rs gives for chips that do not roll; for a few versions it is a guess.

Unproven: that nothing is hashed before the hash counting number was written; that a changed clock
or mask goes on with the share of the versions that was reached; clock at power-on.

Ref: docs/sources.md, Sticks.
"""

from collections.abc import Sequence

import luxminer_drivers.bm13xx.facts as shared
import luxminer_drivers.bm1362.facts as bm1362
import luxminer_drivers.bm1370.facts as bm1370
from luxminer.hashing import midstate
from luxminer_drivers.bm13xx.facts import BitField, Family
from luxminer_drivers.bm1362.facts import Register
from luxminer_hil.chipsim import wire
from luxminer_hil.chipsim.chip import ChipKind, Found, Lane, Search
from luxminer_hil.chipsim.families.framed import FramedParser, HeaderTask
from luxminer_hil.chipsim.families.registers import Design, RegisterChip, bits_of
from luxminer_hil.chipsim.spaces import RUN, RollingSpace, Space

__all__ = ["BM1362", "BM1368", "BM1370", "RollingChip", "design", "kind_of"]

POWER_ON_PLL = 0x50D20265
"""62.5 MHz, the first clock of a capture (mj). Unproven."""

VERSION_AUTO = BitField("roll the version", 31, 1)
"""Of VERSION_ROLLING."""

REPORT_NONCES = 0xB0000000
"""Bits that every host sets in MISC_CONTROL, and that are clear at power-on."""

TICK_S = 0.01
"""Without versions to roll, a host sends a task every 15 ms or so, and it lasts twice as long."""

HEADER_START = 64
"""Header bytes that a midstate covers."""


def design(family: Family, chip_id: bytes) -> Design:
    """Return the registers of one of these chips. Reset values without a source are 0."""
    power_on = dict.fromkeys((int(register) for register in Register), 0)
    power_on |= {
        Register.CHIP_ID: int.from_bytes(chip_id[:4], "big"),
        Register.PLL: POWER_ON_PLL,
        Register.MISC_CONTROL: bm1362.MISC_RESET,
        Register.UART: bm1362.UART_RESET,
    }
    return Design(
        family=family,
        power_on=power_on,
        uart_register=Register.UART,
        uart_divider=bm1362.UART_DIVIDER,
        min_mhz=50.0,
    )


class RollingChip(RegisterChip):
    """State of one chip that rolls versions."""

    def _power_on(self) -> None:
        self._is_version_written = False
        super()._power_on()

    @property
    def reply_length(self) -> int:
        short, long = self.family.register_lengths
        return long if self._is_version_written else short

    @property
    def reports(self) -> bool:
        return self.registers[Register.MISC_CONTROL] & REPORT_NONCES == REPORT_NONCES

    @property
    def rolled_bits(self) -> tuple[int, ...]:
        """Values of the version bits that the chip may set, lowest first."""
        register = self.registers[Register.VERSION_ROLLING]
        if not bits_of(register, VERSION_AUTO):
            return ()
        mask = bits_of(register, shared.VERSION_REGISTER_MASK)
        return tuple(1 << bit for bit in range(shared.VERSION_BITS) if mask >> bit & 1)

    @property
    def groups(self) -> int:
        """Parts of a core that go through different nonces, each with all versions of a batch."""
        return max(self.family.versions_per_batch >> len(self.rolled_bits), 1)

    @property
    def window(self) -> int:
        """Nonces of such a part."""
        return (1 << (self._address_shift + 8)) // self.groups

    def write(self, register: int, value: int, now_s: float) -> None:
        super().write(register, value, now_s)
        if register == Register.VERSION_ROLLING:
            self._is_version_written = True
        if register in (Register.VERSION_ROLLING, Register.HASH_COUNT, Register.PLL):
            self._respace()

    def take(self, task: wire.Task, now_s: float) -> Sequence[bytes]:
        assert isinstance(task, HeaderTask)
        self.settle(now_s)
        self.turn += 1
        self._begin(self.search_of(task))
        return ()

    def _first_position(self, space: Space) -> int:
        del space  # which itself passes over what is skipped, in every epoch
        return 0

    @property
    def nonces_of_core(self) -> int:
        """Nonces that a part of a core has for each version, where versions are not rolled."""
        return self.span // self.family.versions_per_batch

    def skip_to(self, nonce: int) -> int | None:
        """Return the ``skip`` with which a task of one version begins at a nonce.

        None for a nonce that is another chip's, or that no core has.
        """
        groups, window = self.family.versions_per_batch, 1 << (self._address_shift + 8)
        space = RollingSpace(
            first=self.first_nonce // groups,
            window=window // groups,
            cores=self.family.cores,
            epochs=1,
            budget=1.0,
        )
        return space.skip_to(nonce, self.nonces_of_core)

    def _respace(self) -> None:
        """Go on with the same task at the same share of its versions."""
        former = self._search
        if former is None:
            return
        assert isinstance(former.task, HeaderTask)
        now = self.search_of(former.task)
        if former.space.total:
            self._position = self._position * now.space.total // former.space.total
        self._search = now

    def search_of(self, task: HeaderTask) -> Search:
        """Return how the chip goes about a task with the registers that it has."""
        bits = self.rolled_bits
        width = self.family.versions_per_batch // self.groups
        searchers = self.family.cores // width
        ticks = self.registers[Register.HASH_COUNT]
        each = ticks * self.mhz / shared.CRYSTAL_MHZ * float(self.scale)
        space = RollingSpace(
            first=self.first_nonce // self.groups,
            window=self.window,
            cores=searchers,
            epochs=(1 << len(bits)) // width,
            budget=min(each, float(self.window)) * searchers,
            skip=self.turn % searchers * RUN if self.skip is None else self.skip,
        )
        cache: dict[int, tuple[Lane, ...]] = {}

        def lanes(epoch: int) -> tuple[Lane, ...]:
            if epoch not in cache:
                cache.clear()
                cache[epoch] = tuple(
                    _lane(task, bits, epoch * width + index, index) for index in range(width)
                )
            return cache[epoch]

        return Search(
            task=task,
            job_id=task.job_id,
            tail=task.header[HEADER_START:],
            lanes=lanes,
            width=width,
            space=space,
        )

    def lane_of(self, found: Found) -> int:
        """Return the sub-core: versions of a group come first."""
        width = self.family.versions_per_batch // self.groups
        return found.piece.lane + width * (found.nonce // self.window % self.groups)

    def id_byte(self, job_id: int, lane: int) -> int:
        form = self.family.id_byte
        return job_id << form.job_shift & form.job_mask | lane

    @property
    def says_version(self) -> bool:
        return self._is_version_written


def _lane(task: HeaderTask, bits: Sequence[int], counter: int, index: int) -> Lane:
    """Return the midstate of version number ``counter``, counted in the bits that may be set."""
    rolled = sum(bit for number, bit in enumerate(bits) if counter >> number & 1)
    version = int.from_bytes(task.header[:4], "little") | rolled << shared.VERSION_SHIFT
    state = midstate(version.to_bytes(4, "little") + task.header[4:HEADER_START])
    return Lane(state, index, rolled)


def kind_of(family: Family, chip_id: bytes) -> ChipKind:
    """Return one of these chips, whose register 00 begins with ``chip_id``."""
    registers = design(family, chip_id)
    return ChipKind(
        name=family.name,
        parser=lambda: FramedParser(family, frozenset(registers.power_on)),
        chip=lambda index, chips, scale, now_s: RollingChip(registers, index, chips, scale, now_s),
        tick_s=TICK_S,
    )


BM1362 = kind_of(bm1362.BM1362, bm1362.CHIP_ID_REPLY)
BM1368 = kind_of(bm1370.BM1368, b"\x13\x68\x00\x00")
BM1370 = kind_of(bm1370.BM1370, bm1370.CHIP_ID_REPLY)
