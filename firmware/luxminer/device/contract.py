"""What a driver is and what it may ask of the service.

A driver is an entry point of group ``luxminer.drivers`` that names a `DriverSpec`: how its sticks
are recognised, and a coroutine function that makes a `Device` from an open transport. A device
runs as one coroutine, pulls work from its `DeviceHost` at the pace its chips need, and reports
every nonce to it. It never sees a pool.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from luxminer.clock import Clock
from luxminer.transport.base import Capability, Transport
from luxminer.work.job import NonceFound, WorkItem

__all__ = [
    "ChipReport",
    "CoreRange",
    "Device",
    "DeviceHost",
    "DeviceOptions",
    "DeviceReport",
    "DriverSpec",
    "OpenDevice",
    "Probe",
    "SetsChipClock",
    "SetsFan",
    "SetsVoltage",
    "StickModel",
    "UsbMatch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbMatch:
    """USB identity of a stick. ``manufacturers`` compare exactly, ``product`` without case.

    An empty string list or product is not compared; such a model fits too many devices to be taken
    for a stick by itself, so it is used only where the owner names it in the configuration.
    """

    vendor_id: int
    product_id: int
    manufacturers: tuple[str, ...]
    product: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreRange:
    """Core voltage of each chip, where a board lets it be set; all in mV."""

    default_mv: int
    min_mv: int
    max_mv: int
    step_mv: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StickModel:
    """A product that a driver drives, with the range its owner may set."""

    name: str
    """Lower case, as in the configuration: ``compac``."""
    title: str
    """As printed on the stick: ``GekkoScience Compac``."""
    code: str
    """CGMiner's three letters: ``GSC``."""
    chip: str = ""
    """Chip family as printed on its package: ``BM1384``."""
    usb: UsbMatch
    baudrate: int
    chips: int
    """Chips expected; 0 when only counting tells."""
    frequency_mhz: float
    min_mhz: float
    max_mhz: float
    step_mhz: float = 0.0
    """Finest step of the clock; 0 where it cannot be set."""
    core: CoreRange | None = None
    """None where nothing sets the core voltage; its driver's devices are `SetsVoltage` else."""
    sets_chips: bool = False
    """Each chip can have a clock of its own; its driver's devices are `SetsChipClock` then."""
    hashes_per_clock: float = 0.0
    """Of one chip: it does this many times its clock in hashes per second. 0: not known."""
    joules_per_gh: float = 0.0
    """For a billion hashes, as an estimate of its power where nothing measures it. 0: not known."""
    scale: float = 1.0
    """Difficulty of its easiest nonces; below 1 only where nothing but a CPU hashes."""
    needs: frozenset[Capability] = frozenset()
    """What its transport should offer; without it the stick works less well, and says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOptions:
    """What the owner set for one stick, already checked against its model."""

    model: StickModel
    frequency_mhz: float
    scale: float = 1.0
    """1 for real sticks; a virtual stick runs at this fraction of the real rate, and reports
    nonces of this fraction of the real difficulty. The model's scale is in it."""
    core_mv: int | None = None
    """Core voltage that the owner set; None takes the model's default."""
    chip_mhz: tuple[float, ...] = ()
    """Clocks of single chips, by their place in the chain; 0, or none, is ``frequency_mhz``."""
    limit_mhz: float | None = None
    """Protection allowed no more when the stick ran before. A driver that protects its chips starts
    from there, and returns to ``frequency_mhz`` step by step."""
    chips_before: int = 0
    """Most chips that this stick had since the service began; 0 when it was not up yet. Where only
    counting tells, fewer are missing ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipReport:
    """One chip as its driver knows it."""

    index: int
    frequency_mhz: float
    nonces: int
    hw_errors: int
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """State of a running device, published by its driver whenever it changes."""

    chips: tuple[ChipReport, ...]
    cores_per_chip: int
    frequency_mhz: float
    """Clock really set (what the dividers give). Where chips have clocks of their own it is that of
    the others, and the mean where there are no others; the target likewise."""
    target_mhz: float
    """What the owner wants, as the dividers give it, whatever protection allows."""
    nominal_hs: float
    """Expected hashes per second at that clock, times scale."""
    ticket_difficulty: float
    """Difficulty of the easiest hash that the chip reports, times scale."""
    task_interval_s: float
    tasks_sent: int
    busy_tasks_sent: int
    bytes_discarded: int
    """Received bytes that belonged to no frame."""
    resets: int
    is_ramping: bool
    busy_nonces: int = 0
    """Right nonces for busy tasks: proof that the chips live, but nobody's work, so no claims."""
    temperature_c: float | None = None
    voltage_v: float | None = None
    power_w: float | None = None
    """Measured at the input of the stick."""
    core_mv: int | None = None
    """Core voltage that is set; None where nothing can set it."""
    fan_percent: int | None = None
    """What its own fan is told; None without one."""
    fan_rpm: int | None = None
    limit_mhz: float | None = None
    """What protection allows while that is less than the target, else None."""
    problem: str = ""
    """What is wrong although it works, with the cure; empty when nothing is."""


class DeviceHost(Protocol):
    """What the service gives to a device. All calls from the event loop, none blocks."""

    @property
    def device_id(self) -> int: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def random(self) -> random.Random: ...

    def next_work(self, *, versions: int = 1, chip_rolls: bool = False) -> WorkItem | None:
        """Return work never handed out before with up to ``versions`` rolled versions.

        With ``chip_rolls`` it has one version, and the chip rolls the bits `WorkItem.chip_rolls`.

        None means that no pool has work now: the device should stop its chips or send busy work.
        """
        ...

    async def work_changed(self) -> None:
        """Return when there is a newer job than that of the last work taken, or none any more."""
        ...

    def nonce_found(self, nonce: NonceFound) -> bool:
        """Report a claim; every claim is counted. True when the hash was right (not an error)."""
        ...

    def report(self, report: DeviceReport) -> None:
        """Publish the state of the device."""
        ...


class Device(Protocol):
    """A stick under the control of its driver. Owned by one supervisor task."""

    async def run(self, host: DeviceHost) -> None:
        """Bring the chips up, then mine until cancelled; leave them quiet in every case.

        Raises TransportClosed (unplugged), ProbeMismatch (not our stick), DeviceFault (reset me).
        """
        ...

    async def set_frequency(self, mhz: float) -> float:
        """Change the target clock; return the clock that the dividers really give."""
        ...


@runtime_checkable
class SetsVoltage(Protocol):
    """What a device offers besides, when its model has a `CoreRange`."""

    async def set_voltage(self, core_mv: int) -> None:
        """Change the core voltage of the chips, now and after each of their starts.

        Raises DeviceFault where this very stick cannot.
        """
        ...


@runtime_checkable
class SetsChipClock(Protocol):
    """What a device offers besides, when its model ``sets_chips``."""

    async def set_chip_frequency(self, chip: int, mhz: float) -> float:
        """Change the clock of one chip; return what its dividers give. With 0 it is the stick's.

        Raises ConfigError for a chip or a clock that the stick does not have.
        """
        ...


@runtime_checkable
class SetsFan(Protocol):
    """What a device offers besides, whose reports may have a ``fan_percent``."""

    async def set_fan(self, percent: int) -> None:
        """Set its own fan until its next start, which is at full speed; nothing without one."""
        ...


OpenDevice = Callable[[Transport, DeviceOptions], Awaitable[Device]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How to find out what is behind a bridge that does not say. This writes to it.

    It is used only where the owner allows it, and only on devices whose vendor, product and both
    strings are exactly among these.
    """

    vendor_id: int
    product_id: int
    manufacturers: tuple[str, ...]
    products: tuple[str, ...]
    """Empty strings and what the bridge's maker writes into it."""
    baudrate: int
    ask: Callable[[Transport], Awaitable[str]] = field(repr=False)
    """Return the name of the model that has answered, of whatever driver; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSpec:
    """One driver: its name, the sticks it drives, and how to take charge of one."""

    name: str
    models: tuple[StickModel, ...]
    open: OpenDevice = field(repr=False)
    probe: Probe | None = None
