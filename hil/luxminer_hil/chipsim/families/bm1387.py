"""The BM1387, and what the BM1397 has in common with it: tasks made of midstates.

Each open-core task switches one more core on; a chip without open cores hashes nothing. Open-core
tasks are not searched: their two winning nonces are known, and come from the chips that own them.

Unproven: that the index of a midstate is added to the id; that a chip begins at its address and
idles at the end of its share; that busy tasks open cores, too (they look the same); the clock at
power-on.

Ref: docs/sources.md, Sticks.
"""

from collections.abc import Sequence
from fractions import Fraction

import luxminer_drivers.bm13xx.facts as shared
import luxminer_drivers.bm1387.facts as facts
from luxminer.hashing import header_hash
from luxminer_drivers.bm1387.facts import Register
from luxminer_hil.chipsim import wire
from luxminer_hil.chipsim.chip import ChipKind, Found, Lane, Search, Slice, ticket_target
from luxminer_hil.chipsim.families.framed import FramedParser, MidstateTask
from luxminer_hil.chipsim.families.registers import Design, Hit, RegisterChip, bits_of
from luxminer_hil.chipsim.spaces import NONCES, Range, StripedSpace
from luxminer_hil.chipsim.wire import FrameKind

__all__ = ["DESIGN", "KIND", "TICK_S", "Bm1387", "MidstateChip"]

POWER_ON_PLL = 0x00200241
"""100 MHz. Unproven."""
POWER_ON_MISC = shared.POWER_ON_UART_DIVIDER << facts.UART_DIVIDER.shift

HIGHEST_ID_BYTE = 0x7F

TICK_S = 0.005
"""Hosts send 90 to 210 tasks a second: each is to have its share of the hashes."""

DESIGN = Design(
    family=facts.BM1387,
    power_on={
        Register.CHIP_ADDRESS: int.from_bytes(facts.CHIP_ID_REPLY[:4], "big"),
        Register.HASH_RATE: 0,
        Register.PLL: POWER_ON_PLL,
        Register.HASH_COUNT: 0,
        Register.TICKET: 0,
        Register.MISC_CONTROL: POWER_ON_MISC,
        Register.I2C: 0,
    },
    uart_register=Register.MISC_CONTROL,
    uart_divider=facts.UART_DIVIDER,
    min_mhz=facts.PLL.min_mhz,
    is_ticket_reversed=False,
)
"""The ticket mask is a plain number, as braiins and the maker's firmware write it: 63 for 64."""


class MidstateChip(RegisterChip):
    """Searches one share of the nonces with every midstate of a task."""

    def space(self) -> Range | StripedSpace:
        """Return the nonces of this chip."""
        first = self.first_nonce
        return Range(first, min(self.span, NONCES - first))

    def owns(self, nonce: int) -> bool:
        return self.first_nonce <= nonce < self.first_nonce + self.span

    def take(self, task: wire.Task, now_s: float) -> Sequence[bytes]:
        assert isinstance(task, MidstateTask)
        self.settle(now_s)
        if task.kind is FrameKind.OPEN_CORE:
            self._begin(None)
            return self._known(task)
        self.turn += 1
        lanes = tuple(Lane(state, index) for index, state in enumerate(task.midstates))
        self._begin(
            Search(
                task=task,
                job_id=task.job_id,
                tail=task.tail,
                lanes=lambda _: lanes,
                width=len(lanes),
                space=self.space(),
            )
        )
        return ()

    def _known(self, task: MidstateTask) -> list[bytes]:
        """Report the winning nonces of an open-core task, as hard as they really are."""
        target = ticket_target(1 << self._ticket_bits, Fraction(1))
        replies = []
        for raw in shared.OPEN_CORE_NONCES:
            nonce = int.from_bytes(raw, "big")
            digest = header_hash(task.midstates[0], task.tail, int.from_bytes(raw, "little"))
            if not self.owns(nonce) or int.from_bytes(digest, "little") > target:
                continue
            piece = Slice(
                midstate=task.midstates[0],
                tail=task.tail,
                first=nonce,
                count=1,
                target_le=self._target_le,
                job_id=task.job_id,
                task=task,
            )
            reply = self.reply(Found(piece, nonce, nonce))
            if reply is not None:
                self.nonces += 1
                replies.append(reply)
        return replies


class Bm1387(MidstateChip):
    """State of one BM1387."""

    def _power_on(self) -> None:
        self.open_cores = 0
        super()._power_on()

    @property
    def cores_running(self) -> int:
        return self.open_cores

    def take(self, task: wire.Task, now_s: float) -> Sequence[bytes]:
        replies = super().take(task, now_s)
        if task.kind is FrameKind.OPEN_CORE:
            self.open_cores = min(self.open_cores + 1, self.family.cores)
            self._follow_rate()
        return replies

    def write(self, register: int, value: int, now_s: float) -> None:
        divider = self._divider
        super().write(register, value, now_s)
        if register == Register.MISC_CONTROL and bits_of(value, facts.MISC_NOT_SET_BAUD):
            self._divider = divider

    def read(self, register: int) -> int:
        value = super().read(register)
        return value | self.address if register == Register.CHIP_ADDRESS else value

    def id_byte(self, job_id: int, lane: int) -> int:
        return job_id + lane & HIGHEST_ID_BYTE

    def _detail(self, hit: Hit) -> int:
        """Return which solution of its task this is, over the whole chain (br; logs fit)."""
        task = hit.piece.task
        assert isinstance(task, MidstateTask)
        return min(next(task.numbers), 0xFF)


KIND = ChipKind(
    name=facts.BM1387.name,
    parser=lambda: FramedParser(facts.BM1387, frozenset(DESIGN.power_on)),
    chip=lambda index, chips, scale, now_s: Bm1387(DESIGN, index, chips, scale, now_s),
    tick_s=TICK_S,
)
