"""The whole state of the miner as frozen values, for API, page, log and metrics.

Unknown is None; zero means measured zero. Units are in the names: ``_s`` seconds, ``_hs`` hashes
per second, ``_c`` degrees Celsius. Times ``*_wall_s`` are Unix time, None for never. Counters
only grow while the process lives. Difficulties are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

__all__ = [
    "ChipSnapshot",
    "DeviceSnapshot",
    "DeviceStatus",
    "EventSnapshot",
    "EventTarget",
    "GroupSnapshot",
    "HostSnapshot",
    "MinerSnapshot",
    "NonceCounts",
    "PoolSnapshot",
    "PoolStatus",
    "Rates",
    "Severity",
    "ShareTally",
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


class PoolStatus(StrEnum):
    """State of a pool; the words are CGMiner's."""

    ALIVE = "Alive"
    DEAD = "Dead"
    DISABLED = "Disabled"
    REJECTING = "Rejecting"


class Severity(StrEnum):
    NOTICE = "notice"
    """Worth knowing; nothing need be done."""
    WARNING = "warning"
    """Something is worse than it should be."""
    ERROR = "error"
    """Work is lost, or will be."""


class EventTarget(StrEnum):
    """What an event is about; the words are those of LUXminer's kind."""

    MINER = "MINER"
    POOL = "POOL"
    BOARD = "BOARD"
    """A stick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSnapshot:
    """A condition that holds now, or a notice of something that happened of late."""

    code: str
    severity: Severity
    target: EventTarget
    id: int | None
    """Position of the pool or stick, None for the miner as a whole."""
    text: str
    """What is wrong, in the pool's own words where there are any, and what to do about it."""
    is_notice: bool
    first_wall_s: float
    last_wall_s: float
    count: int
    """How often it happened; 1 for a condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Hashes per second from verified nonces, over windows and since the start."""

    average: float = 0.0
    s5: float = 0.0
    m1: float = 0.0
    m5: float = 0.0
    m15: float = 0.0
    m30: float = 0.0
    h1: float = 0.0
    h24: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceCounts:
    """First ledger: ``nonces = hw_errors + duplicates + below_target + shares``."""

    nonces: int = 0
    hw_errors: int = 0
    duplicates: int = 0
    below_target: int = 0
    shares: int = 0
    diff1_work: Fraction = Fraction(0)
    """Sum of the ticket difficulties of all right nonces: the work they stand for."""

    @property
    def balanced(self) -> bool:
        parts = self.hw_errors + self.duplicates + self.below_target + self.shares
        return self.nonces == parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTally:
    """Second ledger: ``shares = accepted + rejected + stale + dropped + unanswered + waiting``.

    ``rejected`` and ``dropped`` are keyed by reason. Difficulties are those of the work.
    """

    shares: int = 0
    accepted: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    stale: int = 0
    """Judged too old here and never sent."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Could not be delivered."""
    unanswered: int = 0
    waiting: int = 0
    difficulty_accepted: Fraction = Fraction(0)
    difficulty_accepted_squares: float = 0.0
    """Sum of the squares, of this run: how far the sum itself is left to chance."""
    difficulty_rejected: Fraction = Fraction(0)
    difficulty_stale: Fraction = Fraction(0)
    best_share: Fraction = Fraction(0)
    best_share_wall_s: float | None = None
    """When the best one was found; None also where that was not written down."""
    best_share_pool: str = ""
    """URL of its pool."""
    best_share_device: str = ""
    """Its stick: the serial number, or the place of one without."""
    found_blocks: int = 0
    last_share_wall_s: float | None = None
    """Last accepted share."""
    last_share_difficulty: Fraction = Fraction(0)
    last_share_pool: int | None = None
    """Position of its pool in the list of pools."""

    @property
    def rejected_total(self) -> int:
        return sum(self.rejected.values())

    @property
    def dropped_total(self) -> int:
        return sum(self.dropped.values())

    @property
    def balanced(self) -> bool:
        outcomes = self.accepted + self.rejected_total + self.stale + self.dropped_total
        return self.shares == outcomes + self.unanswered + self.waiting


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSnapshot:
    """A group of pools. All groups work at the same time."""

    id: int
    """Position in the list of groups, which is what API clients number."""
    name: str
    quota: float
    """Part of all work, against the quotas of the other groups."""
    strategy: str
    """How it uses its pools; the words are CGMiner's."""
    rotate_s: float
    """After this time the strategy ``Rotate`` takes the next pool."""
    active: bool
    """Gives work now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSnapshot:
    id: int
    """Position in the list of pools, which is what API clients number."""
    url: str
    user: str
    status: PoolStatus
    problem: str
    """Why it is not Alive, in the pool's own words where there are any; else empty."""
    enabled: bool
    priority: int
    group: int
    """Position of its group."""
    quota: float
    """Of its group; its own where that balances the load."""
    active: bool
    """Gives work now."""
    connected: bool
    stratum_host: str
    """``host:port`` now connected, after redirects; empty when not connected."""
    jobs: int
    """Notifies received."""
    works: int
    """Work items made from its jobs."""
    discarded: int
    get_failures: int
    remote_failures: int
    bad_lines: int
    shares: ShareTally
    diff1_work: Fraction
    work_difficulty: Fraction
    """Of the current job; 0 before there was one."""
    stratum_difficulty: Fraction
    """Last announced."""
    version_rolling: bool
    version_mask: int
    block_height: int
    """From the coinbase of the current job; 0 when unknown."""
    block_version: int
    last_job_wall_s: float | None
    latency_s: float | None
    """Recent time from submit to answer."""
    message: str
    """Last ``client.show_message``."""
    is_node: bool = False
    """A Bitcoin node that is mined for directly, not a pool."""
    payout: str = ""
    """Address that jobs are expected to pay; empty when the owner named none."""
    payout_verdict: str = ""
    """Whether the current job does: found, not found, cannot tell; empty without an address."""
    work_part: float = 0.0
    """Part of all work that it gets now, 0 to 1."""
    coinbase: bytes = b""
    """Of the current job, its extranonce2 zeros; empty before there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSnapshot:
    """The machine and the service itself."""

    version: str
    model: str
    """Our appliance's name, for example ``Raspberry Pi 4 Model B Rev 1.4``."""
    hostname: str
    os: str
    ip_address: str
    mac_address: str
    serial: str
    cpu_temperature_c: float | None
    sha256_kernel: str
    token_set_by_owner: bool = False
    build_date: str = ""
    """When this build was made, ``Tue Apr  8 22:05:35 UTC 2025``; empty when unknown."""
    netmask: str = ""
    broadcast_address: str = ""
    gateway: str = ""
    dns_servers: tuple[str, ...] = ()
    dhcp: bool = False
    """The address was leased, not set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerSnapshot:
    """Everything at one instant."""

    wall_s: float
    elapsed_s: float
    """Since mining started."""
    host: HostSnapshot
    devices: tuple[DeviceSnapshot, ...]
    pools: tuple[PoolSnapshot, ...]
    rates: Rates
    nonces: NonceCounts
    shares: ShareTally
    """Of all pools, those removed meanwhile included."""
    lifetime: ShareTally
    """The same ledger over restarts."""
    strategy: str
    """Of the first group; the words are CGMiner's."""
    local_work: int
    network_blocks: int
    """Changes of the previous block hash seen."""
    discarded: int
    get_failures: int
    remote_failures: int
    jobs: int
    last_job_wall_s: float | None
    block_hash: str
    """Previous block hash of the current job in display order; empty when there is none."""
    block_first_seen_wall_s: float | None
    network_difficulty: Fraction
    log_interval_s: int
    log_level: str = "info"
    hotplug_interval_s: float = 0.0
    """How often USB is looked at for new sticks; 0 when it is not."""
    profile: str = "default"
    """Of all sticks: ``default``, ``tuned``, or a step such as ``+1``."""
    profile_step: int | None = 0
    """The same as steps from the default; None for ``tuned``."""
    is_tuning_enabled: bool = False
    """Sticks without a result are tuned unasked."""
    idle_s: float = 0.0
    """Time since the start in which no pool gave anything to mine."""
    groups: tuple[GroupSnapshot, ...] = ()
    events: tuple[EventSnapshot, ...] = ()
