"""What a chip family does with its bytes, as `ChainStick` wants it.

`ChainStick` owns time, counters and judgement; a family owns its frames, its registers, its job ids
and what was set on its chips.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from luxminer.device.contract import DeviceHost, DeviceOptions
from luxminer.errors import DeviceFault
from luxminer.work.job import WorkItem
from luxminer_drivers.common.missing import chips_expected, missing_chips

__all__ = ["Ceiling", "Claim", "ClockReading", "Family", "Health", "Proof", "Reading", "Slot"]

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Slot:
    """What one job id stands for. ``work`` is None for a busy task, which is nobody's."""

    work: WorkItem | None = None
    seen: set[tuple[int, int]] = field(default_factory=set)
    """Right nonces, with their versions, that were reported already."""

    @property
    def version(self) -> int:
        """What the chip hashes where a task has one version only; 0 for a busy task."""
        return self.work.versions[0] if self.work is not None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A nonce that a chip says it has found."""

    slot: Slot | None
    """None when the chip names a job that it was never given."""
    nonce: int
    """Header field as a number: the little-endian reading of header bytes 76 to 79."""
    version: int
    """Complete version field that the chip hashed."""
    chip: int | None
    """None where nobody knows how to read it out of the nonce."""
    is_right: bool
    """The host has hashed it and found it right."""
    is_ours: bool = True
    """False for a winning nonce of a busy task that is known beforehand."""
    ends_task: bool = False
    """The chip has done with the last task that was sent: the next one is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """A chip's answer to the question for its clock."""

    mhz: float
    length: int
    """Bytes of the reply."""
    chip: int | None = None
    """None where the answer does not say which it is."""


Reading = Claim | ClockReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What sensors of the board say; None is what there is no sensor for."""

    temperature_c: float | None = None
    voltage_v: float | None = None
    power_w: float | None = None
    """At the input."""
    core_mv: int | None = None
    """Core voltage that is set; None where nothing can set it."""
    fan_percent: int | None = None
    """What the fan is told; None without one."""
    fan_rpm: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The highest clock that chips may have for now, whatever is set."""

    mhz: float
    why: str = ""
    """With the cure; empty where it will be gone, or followed by another, in a moment."""
    is_problem: bool = False
    """It is one even where the clock that is set is not above it."""


class Proof(Protocol):
    """Finds out whether chips report all that they should."""

    def expect(self, nonces: float) -> bool:
        """Take note of how many should have come since the last time; False while unsure."""
        ...


class Family(ABC):
    """One chain of one family over one link. Everything is called from one event loop."""

    chip: str
    """As printed on the package."""
    cores: int
    """Hashes per clock and chip."""
    chips: int = 0
    """Counted by `bring_up`."""
    mhz: float = 0.0
    """Clock that is set now, of all chips that have none of their own."""
    chip_mhz: Mapping[int, float] = MappingProxyType({})
    """Clocks that single chips are to have, where `StickModel.sets_chips`; set by the owner."""
    problem: str = ""
    """What is wrong with the chips although they work, with the cure; set by `bring_up`."""
    tells_chip: bool = True
    """`Claim.chip` is known as a rule; else no chip is ever judged alone."""
    resets: int = 0
    """Starts of the chips beyond the first, by whatever means the stick has."""
    tail_s: float = 0.05
    """Silence after which the rest of a reply is not coming."""
    task_pause_s: float
    """Silence that the chips need after a task."""
    proof: Proof | None = None
    """None where it is sure."""
    warm_c: float | None = None
    """From this temperature on the clock goes down step by step; None where nothing measures it."""

    @property
    def health(self) -> Health:
        return Health()

    @property
    def is_unsure(self) -> bool:
        """What protection goes by may be old: no reason to go faster."""
        return False

    @property
    def ceilings(self) -> Sequence[Ceiling]:
        """Return what bounds the clock besides the target and the model."""
        return ()

    # Clock

    @abstractmethod
    def reach(self, mhz: float) -> float:
        """Return the clock that the dividers give for ``mhz``. Raises ValueError out of range."""

    @abstractmethod
    async def step_clock(self, target_mhz: float) -> float:
        """Set the next clocks on the way to ``target_mhz`` and to ``chip_mhz``.

        Returns the pause after it in seconds.
        """

    @property
    def clocks_mhz(self) -> tuple[float, ...]:
        """Clock of each chip now."""
        return (self.mhz,) * self.chips

    @property
    def are_chips_set(self) -> bool:
        """Whether all of ``chip_mhz`` is reached."""
        return True

    @abstractmethod
    async def ask_clock(self) -> None:
        """Ask the chips for their clock; the answers come as `ClockReading`."""

    # Life

    @abstractmethod
    async def bring_up(self, host: DeviceHost, target_mhz: float) -> None:
        """Count the chips and make them ready for work, at a clock from which they may go on.

        Sets ``chips`` and ``mhz``. Raises ProbeMismatch, DeviceFault, TransportError.
        """

    def _compare_chips(self, host: DeviceHost, options: DeviceOptions) -> None:
        """Say when fewer chips than expected have answered; those that did may mine."""
        self.problem = ""
        model, wanted = options.model, chips_expected(options)
        if self.chips < wanted:
            self.problem = str(missing_chips(self.chips, wanted, model))
            log.warning("device %d: %s", host.device_id, self.problem)
        elif self.chips > model.chips > 0:
            words = "device %d: %d chips answered, a %s has %d"
            log.warning(words, host.device_id, self.chips, model.title, model.chips)

    @abstractmethod
    async def quieten(self) -> None:
        """Leave the chips as quiet as they can be, as far as they listen. Bounded, no errors."""

    def set_fan(self, percent: int) -> None:
        """Set the fan until the next start; without one nothing is done."""
        log.debug("no fan beside the %s could be set to %d %%", self.chip, percent)

    async def set_core(self, core_mv: int) -> None:
        """Change the core voltage, now and after each start. Raises DeviceFault if it cannot."""
        raise DeviceFault(f"nothing here sets the core voltage of a {self.chip} to {core_mv} mV")

    async def attend(self) -> None:
        """Look after what stands beside the chips, until cancelled; ``health`` tells of it.

        Runs beside the others, so it must not write to the chips. Raises DeviceFault for what
        cannot go on.
        """
        await asyncio.Event().wait()

    # Work

    @abstractmethod
    def take_work(self, host: DeviceHost) -> WorkItem | None:
        """Take work that suits the chips, None when there is none."""

    def is_ready_for(self, _work: WorkItem | None) -> bool:
        """Tell whether its task may go without `make_ready`."""
        return True

    async def make_ready(self, work: WorkItem | None) -> None:
        """Send what the chips must know before the task of ``work``."""
        assert self.is_ready_for(work), "a family that has more to say says it here"

    @abstractmethod
    def task(self, work: WorkItem | None) -> bytes:
        """Return what makes the chips search ``work`` from now on; None keeps them busy or idle.

        It takes the next job id, so it is to be sent; `task_pause_s` must follow it.
        """

    @abstractmethod
    def receive(self, data: bytes) -> Iterator[Reading]:
        """Take what arrived, empty after a silence of `tail_s`; yield what it completes."""

    @property
    @abstractmethod
    def is_waiting(self) -> bool:
        """There are bytes that only more bytes, or a silence, can decide."""

    # Figures of the chips at their present clock, without the scale of a virtual stick

    @property
    @abstractmethod
    def rate_hs(self) -> float:
        """Nominal hashes per second."""

    @property
    @abstractmethod
    def ticket_difficulty(self) -> int:
        """Difficulty of the easiest hash that is reported."""

    @property
    def shortage(self) -> str:
        """Return in words why chips cannot be kept busy, with the cure; empty when they can."""
        return ""

    @property
    @abstractmethod
    def task_interval_s(self) -> float:
        """After how long a task must be replaced so that no chip runs dry or repeats itself."""
