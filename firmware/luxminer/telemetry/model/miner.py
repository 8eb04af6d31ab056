"""All of it together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from luxminer.telemetry.model.devices import DeviceSnapshot
from luxminer.telemetry.model.events import EventSnapshot
from luxminer.telemetry.model.health import HealthSettings
from luxminer.telemetry.model.history import ReadsHistory
from luxminer.telemetry.model.host import HostSnapshot
from luxminer.telemetry.model.ledgers import NonceCounts, Rates, ShareTally
from luxminer.telemetry.model.pools import GroupSnapshot, PoolOptions, PoolSnapshot
from luxminer.telemetry.model.profiles import ProfileSnapshot, TunerSettings
from luxminer.telemetry.model.thermal import ThermalSnapshot

__all__ = [
    "MinerSnapshot",
]


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
    tuner: TunerSettings = field(default_factory=TunerSettings)
    profile_name: str = "default"
    """The same as one of `read_profiles` has it."""
    read_profiles: Callable[[], tuple[ProfileSnapshot, ...]] = tuple
    """Makes the list when somebody wants it."""
    history: ReadsHistory | None = None
    """None where nobody keeps it."""
    idle_s: float = 0.0
    """Time since the start in which no pool gave anything to mine."""
    groups: tuple[GroupSnapshot, ...] = ()
    pool_options: PoolOptions
    events: tuple[EventSnapshot, ...] = ()
    health: HealthSettings = field(default_factory=HealthSettings)
    thermal: ThermalSnapshot = field(default_factory=ThermalSnapshot)
