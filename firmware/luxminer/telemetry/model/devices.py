"""Sticks, their chips and their tuning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from luxminer.telemetry.model.health import ChipVerdict
from luxminer.telemetry.model.ledgers import NonceCounts, Rates, ShareTally

__all__ = [
    "ChipSnapshot",
    "DeviceSnapshot",
    "DeviceStatus",
    "Illness",
    "IllnessSnapshot",
    "TuningResult",
    "TuningSnapshot",
]


class DeviceStatus(StrEnum):
    """Health of a stick; the words are CGMiner's."""

    INITIALISING = "Initialising"
    ALIVE = "Alive"
    SICK = "Sick"
    """Runs, but found nothing for far longer than chance explains."""
    DEAD = "Dead"
    """Pulled, or given up."""
    NO_START = "NoStart"
    """Never came up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSnapshot:
    index: int
    frequency_mhz: float
    nonces: int
    hw_errors: int
    duplicates: int
    healthy: bool | None = None
    """None while too few nonces are expected to tell."""
    nonces_10m: tuple[int, ...] = ()
    """Nonces of up to six spans of ten minutes since bring-up, the running one first; empty when
    nobody counts them."""
    verdict: ChipVerdict | None = None
    """What ``healthy`` is said by; None before the first."""
    rates_hs: tuple[float, ...] = ()
    """Means over the last 1, 5 and 15 minutes; empty when nobody counts."""
    frequency_reply_mhz: float | None = None
    """What the chip itself says about its clock; None when it was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningResult:
    """Best setting that tuning has verified on a stick."""

    frequency_mhz: float
    core_mv: int | None
    """None where nothing sets the core voltage."""
    rate_hs: float
    hw_error_percent: float
    power_w: float | None
    goal: str
    """``rate`` or ``efficiency``."""
    max_hw_error_percent: float
    """Limit that it was looked for with."""
    stage: str
    """``under way``, ``stopped`` or ``final``."""
    wall_s: float


class Illness(StrEnum):
    """Why a stick was not well; the words are CGMiner's, but for the last one."""

    FAIL_INIT = "Thread failed to init"
    ZERO_HASH = "Thread got zero hashes"
    FAIL_QUEUE = "Thread failed to queue work"
    SICK_IDLE = "Device idle for 60s"
    DEAD_IDLE = "Device dead - idle for 600s"
    NO_START = "Device failed to start"
    OVER_HEAT = "Device over heated"
    THERMAL_CUTOFF = "Device reached thermal cutoff"
    COMMS_ERROR = "Device comms error"
    THROTTLE = "Device throttled"


@dataclass(frozen=True, slots=True, kw_only=True)
class IllnessSnapshot:
    """How often a stick was not well, by reason, since the service started."""

    counts: Mapping[Illness, int] = field(default_factory=dict)
    last: Illness | None = None
    last_wall_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningSnapshot:
    """Tuning of one stick."""

    is_tuning: bool
    progress: str
    """What it does now, in words; empty when it does nothing."""
    measured: int
    """Settings that are decided in the search under way."""
    result: TuningResult | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSnapshot:
    """One stick. Its row and its numbers stay when it is pulled, and are its own again later."""

    id: int
    """ASC number: order of first detection."""
    name_id: int
    """Number among the sticks with the same ``code``."""
    code: str
    """CGMiner's three letters: ``GSC``."""
    model: str
    """``GekkoScience Compac``."""
    driver: str
    chip: str
    """Chip family: ``BM1384``."""
    serial: str
    """Empty when the stick has none."""
    path: str
    """tty or URL."""
    usb_path: str
    """Place on the bus, ``1-1.4``; empty when not on USB."""
    status: DeviceStatus
    problem: str
    """Why it is not Alive, or what is wrong although it is, with the cure; else empty."""
    enabled: bool
    present: bool
    scale: float
    chips: tuple[ChipSnapshot, ...]
    cores_per_chip: int
    frequency_mhz: float
    target_mhz: float
    min_mhz: float
    max_mhz: float
    is_ramping: bool
    voltage_v: float | None
    temperature_c: float | None
    nominal_hs: float
    ticket_difficulty: float
    task_interval_s: float
    tasks_sent: int
    busy_tasks_sent: int
    bytes_discarded: int
    resets: int
    nonces: NonceCounts
    hw_error_hs: float
    """Rate that hardware errors of the last 15 minutes stand for."""
    shares: ShareTally
    rates: Rates
    last_valid_work_wall_s: float | None
    elapsed_s: float
    """Since this stick was last brought up; 0 when it is not up."""
    gone_wall_s: float | None = None
    """When it was pulled; None while it is present."""
    tuning: TuningSnapshot | None = None
    """None where nothing sets the clock."""
    illness: IllnessSnapshot = field(default_factory=IllnessSnapshot)
    step_mhz: float = 0.0
    """Finest step of its clock; 0 where nothing sets it."""
    min_core_v: float | None = None
    max_core_v: float | None = None
    core_step_v: float | None = None
    """Of the core voltage; None where nothing sets it."""
    profile: str = "default"
    """Name of one of the profiles."""
    power_w: float = 0.0
    """0 when it is not up, or its model is not known."""
    core_mv: int | None = None
    """Core voltage that is set; None where nothing can set it."""
    is_shut_down: bool = False
    """Its owner lets it rest, until he says otherwise or the service starts anew."""
    is_power_measured: bool = False
    """Else it is an estimate."""
