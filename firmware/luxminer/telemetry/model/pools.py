"""Pools and their groups."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from luxminer.telemetry.model.ledgers import ShareTally

__all__ = [
    "GroupSnapshot",
    "PoolOptions",
    "PoolSnapshot",
    "PoolStatus",
]


class PoolStatus(StrEnum):
    """State of a pool; the words are CGMiner's."""

    ALIVE = "Alive"
    DEAD = "Dead"
    DISABLED = "Disabled"
    REJECTING = "Rejecting"


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
class PoolOptions:
    """Times that decide when a pool is given up and used again, in seconds; see ``[stratum]``."""

    connect_timeout_s: float
    handshake_timeout_s: float
    silence_timeout_s: float
    share_timeout_s: float
    job_timeout_s: float
    patience_s: float
    penalty_s: float
    failback_s: float


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
