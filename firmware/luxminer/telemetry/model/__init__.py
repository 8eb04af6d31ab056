"""The whole state of the miner as frozen values, for API, page, log and metrics.

Unknown is None; zero means measured zero. Units are in the names: ``_s`` seconds, ``_hs`` hashes
per second, ``_c`` degrees Celsius. Times ``*_wall_s`` are Unix time, None for never. Counters
only grow while the process lives. Difficulties are exact. One file per subject.
"""

from luxminer.telemetry.model.devices import (
    ChipSnapshot,
    DeviceSnapshot,
    DeviceStatus,
    Illness,
    IllnessSnapshot,
    TuningResult,
    TuningSnapshot,
)
from luxminer.telemetry.model.events import EventSnapshot, EventTarget, Severity
from luxminer.telemetry.model.health import ChipVerdict, HealthSettings
from luxminer.telemetry.model.history import Bucket, ReadsHistory
from luxminer.telemetry.model.host import HostSnapshot
from luxminer.telemetry.model.ledgers import NonceCounts, Rates, ShareTally
from luxminer.telemetry.model.miner import MinerSnapshot
from luxminer.telemetry.model.pools import GroupSnapshot, PoolOptions, PoolSnapshot, PoolStatus
from luxminer.telemetry.model.profiles import ProfileSnapshot, TunerSettings
from luxminer.telemetry.model.thermal import FanSnapshot, ThermalSnapshot

__all__ = [
    "Bucket",
    "ChipSnapshot",
    "ChipVerdict",
    "DeviceSnapshot",
    "DeviceStatus",
    "EventSnapshot",
    "EventTarget",
    "FanSnapshot",
    "GroupSnapshot",
    "HealthSettings",
    "HostSnapshot",
    "Illness",
    "IllnessSnapshot",
    "MinerSnapshot",
    "NonceCounts",
    "PoolOptions",
    "PoolSnapshot",
    "PoolStatus",
    "ProfileSnapshot",
    "Rates",
    "ReadsHistory",
    "Severity",
    "ShareTally",
    "ThermalSnapshot",
    "TunerSettings",
    "TuningResult",
    "TuningSnapshot",
]
