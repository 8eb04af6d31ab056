"""Chips with a register file (BM1387 and later): clock, link rate, ticket mask, what they report.

Unproven: that a clock outside the design's limits does not lock, and that nothing is hashed then;
power-on clocks where the reference has none. Where chips of a chain are told different link rates,
only the first one's counts: the line passes through it.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import luxminer_drivers.bm13xx.facts as facts
from luxminer.hashing import header_hash, swap32
from luxminer_drivers.bm13xx.facts import BitField, Family
from luxminer_hil.chipsim import wire
from luxminer_hil.chipsim.chip import Chip, Found, Slice, ticket_target
from luxminer_hil.chipsim.families.framed import Command, nonce_reply, register_reply
from luxminer_hil.chipsim.wire import FrameKind

__all__ = ["Design", "Hit", "RegisterChip", "bits_of", "ticket_mask"]

REGISTER_BITS = 32

ADDRESSES = 256
"""Values of an address; n chips get every 256 div n-th."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What sets one family's registers apart. ``power_on`` lists all that the chip has."""

    family: Family
    power_on: Mapping[int, int]
    uart_register: int
    uart_divider: BitField
    min_mhz: float
    """Below it the PLL does not lock."""
    rate_part: float = 1.0
    """Of one hash per core and clock: what the chips of a product really do."""
    is_ticket_reversed: bool = True
    """The bits inside each byte of the ticket mask stand in reverse."""


class Hit(NamedTuple):
    """A slice with a reported nonce, and by how many zero bits its hash exceeds the ticket."""

    piece: Slice
    excess_bits: int


def bits_of(value: int, field: BitField) -> int:
    return value >> field.shift & ((1 << field.width) - 1)


def ticket_mask(register: int) -> int:
    """Return the mask that a register value stands for: its bytes have their bits in reverse."""
    mask = 0
    for byte in register.to_bytes(4, "big"):
        mask = mask << 8 | int(f"{byte:08b}"[::-1], 2)
    return mask


class RegisterChip(Chip):
    """State of one chip. ``chips`` is how many the board has: its share of the nonces."""

    def __init__(
        self, design: Design, index: int, chips: int, scale: Fraction, now_s: float
    ) -> None:
        self.design = design
        self.family = design.family
        self.registers: dict[int, int] = {}
        address = self.family.nonce_address.bits
        self._address_shift = address.shift + address.width - 8
        self._chips = chips
        self._step = ADDRESSES // chips
        self.max_mhz = design.family.pll.max_mhz
        super().__init__(index, scale, now_s)

    def _power_on(self) -> None:
        self.registers = dict(self.design.power_on)
        self._divider = facts.POWER_ON_UART_DIVIDER
        self._follow_clock()
        self._follow_ticket()

    # --- What registers do ---------------------------------------------------------------------

    @property
    def cores_running(self) -> int:
        """Hashes per clock."""
        return self.family.cores

    @property
    def reply_length(self) -> int:
        """Of a register reply, without preamble."""
        return self.family.register_lengths[-1]

    @property
    def reports(self) -> bool:
        """Whether nonces are reported."""
        return True

    @property
    def ticket_difficulty(self) -> int:
        """Least difficulty of what is reported, at scale 1."""
        return 1 << self._ticket_bits

    @property
    def span(self) -> int:
        """How many nonces in a row are this chip's; the last one takes what is left over."""
        is_last = self.address == self._step * (self._chips - 1)
        addresses = ADDRESSES - self.address if is_last else self._step
        return addresses << self._address_shift

    @property
    def first_nonce(self) -> int:
        """Address bits of this chip's nonces, in place."""
        return self.address << self._address_shift

    @property
    def baudrate(self) -> int:
        hertz = facts.CRYSTAL_MHZ * 1_000_000
        return int(hertz / (facts.UART_DIVISOR * (self._divider + 1)))

    def _follow_clock(self) -> None:
        pll = self.registers[self.family.registers.pll]
        form = self.family.pll
        post1, post2 = (
            bits_of(pll, field) + form.post_offset for field in (facts.PLL_POST1, facts.PLL_POST2)
        )
        divisor = bits_of(pll, facts.PLL_REFERENCE) * post1 * post2
        feedback = bits_of(pll, facts.PLL_FEEDBACK)
        self.mhz = facts.CRYSTAL_MHZ * feedback / divisor if divisor else 0.0
        self.is_locked = self.design.min_mhz <= self.mhz <= form.max_mhz
        self._follow_rate()

    def _follow_rate(self) -> None:
        clocks_hz = Fraction(self.mhz) * 1_000_000
        part = Fraction(self.design.rate_part) * self.scale
        rate_hs = self.cores_running * clocks_hz * part
        self.rate_hs = float(rate_hs) if self.is_locked else 0.0

    def _follow_ticket(self) -> None:
        mask = self.registers[self.family.registers.ticket]
        if self.design.is_ticket_reversed:
            mask = ticket_mask(mask)
        # The search is for the lowest bits of the mask in a row; `reply` looks at all of them.
        self._ticket_bits = (~mask & (mask + 1)).bit_length() - 1
        self._kept = sum(
            1 << (REGISTER_BITS - 1 - bit) for bit in range(REGISTER_BITS) if mask >> bit & 1
        )
        target = ticket_target(1 << self._ticket_bits, self.scale)
        self._target_le = target.to_bytes(32, "little")

    def write(self, register: int, value: int, now_s: float) -> None:
        """Write a register that the chip has."""
        self.settle(now_s)
        known = self.family.registers
        if register == known.chip_id:
            return
        self.registers[register] = value
        if register == self.design.uart_register:
            self._divider = bits_of(value, self.design.uart_divider)
        if register == known.pll:
            self._follow_clock()
        if register == known.ticket:
            self._follow_ticket()

    def read(self, register: int) -> int:
        value = self.registers[register]
        if register == self.family.registers.pll:
            lock = 1 << facts.PLL_LOCKED.shift
            value = value & ~lock | (lock if self.is_locked else 0)
        return value

    def obey(self, command: wire.Command, now_s: float) -> bytes | None:
        assert isinstance(command, Command)
        if command.kind in (FrameKind.WRITE_PLL, FrameKind.WRITE_REGISTER):
            self.write(command.register, command.value, now_s)
            return None
        value = self.read(command.register)
        return register_reply(self.family, self.reply_length, value, self.address, command.register)

    @property
    def core_numbers(self) -> int:
        bits = self.family.core_bits
        return 1 << bits.width if bits is not None else self.family.cores

    def core_of(self, nonce: int) -> int:
        bits = self.family.core_bits
        return bits_of(nonce, bits) if bits is not None else nonce % self.family.cores

    # --- Reports -------------------------------------------------------------------------------

    @abstractmethod
    def id_byte(self, job_id: int, lane: int) -> int:
        """Return what a reply says of its job."""

    def lane_of(self, found: Found) -> int:
        """Return the number that `id_byte` adds to the job's: of the midstate, or the sub-core."""
        return found.piece.lane

    @property
    def says_version(self) -> bool:
        """Whether replies have the version bits."""
        return False

    def _detail(self, hit: Hit) -> int:
        """Return the byte behind the nonce: twice the zero bits beyond those of the ticket.

        Unproven: one capture (mj) fits, which is said to count half bits.
        """
        return 2 * hit.excess_bits

    def reply(self, found: Found) -> bytes | None:
        piece = found.piece
        digest = header_hash(piece.midstate, piece.tail, swap32(found.nonce))
        limit = ticket_target(1, self.scale) + 1
        # The 32 bits of the hash behind those that are zero in every hash of difficulty 1.
        following = (int.from_bytes(digest, "little") << REGISTER_BITS) // limit
        if not self.reports or following & self._kept:
            return None
        excess_bits = max(REGISTER_BITS - following.bit_length() - self._ticket_bits, 0)
        return nonce_reply(
            self.family,
            found.said,
            self._detail(Hit(piece, excess_bits)),
            self.id_byte(piece.job_id, self.lane_of(found)),
            piece.version_bits if self.says_version else None,
        )
