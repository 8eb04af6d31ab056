"""Every setting, declared once: name, default, range and the words that explain it.

From these classes come parsing, type and range errors, the shipped ``luxminer.toml``,
``check-config`` and the table in the README. A `Config` is frozen; a change makes a new one. One
file per subject; a new section is its class there and its line in `Config`.
"""

from dataclasses import dataclass, field

from luxminer.config.schema.api import ApiConfig
from luxminer.config.schema.devices import DeviceConfig, MiningConfig, TuningConfig
from luxminer.config.schema.health import HealthConfig
from luxminer.config.schema.log import LogConfig
from luxminer.config.schema.option import opt
from luxminer.config.schema.pools import (
    MAX_QUOTA,
    MAX_ROTATE_S,
    MIN_ROTATE_S,
    GroupConfig,
    PoolConfig,
    StratumConfig,
)
from luxminer.config.schema.profiles import ProfileConfig
from luxminer.config.schema.thermal import AtmConfig, CurtailConfig, FanConfig, ThermalConfig

__all__ = [
    "MAX_QUOTA",
    "MAX_ROTATE_S",
    "MIN_ROTATE_S",
    "ApiConfig",
    "AtmConfig",
    "Config",
    "CurtailConfig",
    "DeviceConfig",
    "FanConfig",
    "GroupConfig",
    "HealthConfig",
    "LogConfig",
    "MiningConfig",
    "PoolConfig",
    "ProfileConfig",
    "StratumConfig",
    "ThermalConfig",
    "TuningConfig",
    "opt",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A complete configuration."""

    api: ApiConfig = field(default_factory=ApiConfig)
    mining: MiningConfig = field(default_factory=MiningConfig)
    tuning: TuningConfig = field(default_factory=TuningConfig)
    thermal: ThermalConfig = field(default_factory=ThermalConfig)
    fan: FanConfig = field(default_factory=FanConfig)
    health: HealthConfig = field(default_factory=HealthConfig)
    atm: AtmConfig = field(default_factory=AtmConfig)
    curtail: CurtailConfig = field(default_factory=CurtailConfig)
    stratum: StratumConfig = field(default_factory=StratumConfig)
    log: LogConfig = field(default_factory=LogConfig)
    groups: tuple[GroupConfig, ...] = ()
    pools: tuple[PoolConfig, ...] = ()
    devices: tuple[DeviceConfig, ...] = ()
    profiles: tuple[ProfileConfig, ...] = ()
