"""What a pool is told when it is made; all of it can be left out."""

from dataclasses import dataclass

from luxminer_hil.fakepool.blocks import block_named
from luxminer_hil.fakepool.proof import Number, exact_difficulty, json_number, nbits_target

__all__ = ["PoolSettings"]

RANGES: dict[str, tuple[float, float]] = {
    "port": (0, 65535),
    "job_interval_s": (0, 86_400),
    "clean_every": (0, 1_000_000),
    "extranonce1_size": (0, 16),
    "extranonce2_size": (0, 200),
    "max_branches": (0, 32),
    "version_mask": (0, 0xFFFFFFFF),
    "ntime_window_s": (0, 7200),
    "max_connections": (1, 10_000),
    "max_line_bytes": (256, 1 << 20),
}


MIN_INTERVAL_S = 0.05
MAX_BLOCK_EXTRANONCE = 32
"""Bytes of a real coinbase that can be taken for the two extranonces."""
CERTIFICATES = ("good", "expired", "wrong-name", "self-signed")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """Raises ValueError that names the setting, its value and what it may be."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    tls: str = ""
    """Kind of certificate, in `luxminer_hil.fakepool.certificate`; without one it is plain TCP."""
    tls_names: tuple[str, ...] = ()
    """Further host names that the certificate is for."""
    seed: int = 0
    """Of everything random; the same seed gives the same jobs but for their time."""
    difficulty: Number = 1
    """Exact: 0.001 means one thousandth; "network" is that of the first job's block."""
    job_interval_s: float = 30.0
    """0: only jobs that are ordered."""
    clean_every: int = 0
    """Every so many jobs of the timer a new block is found and the job is clean; 0 for never."""
    block: str = ""
    """Name of a real block to serve first, in `luxminer_hil.fakepool.blocks`."""
    nbits: int = 0x17029A8A
    """Network target of synthetic jobs; that of mainnet block 881,423."""
    max_branches: int = 12
    extranonce1_size: int = 4
    extranonce2_size: int = 4
    """Miners refuse 0, and more than 16 or even 8; the pool can judge all of them."""
    version_mask: int = 0x1FFFE000
    """Version bits that are granted; 0 refuses version rolling."""
    ntime_window_s: int = 600
    """How far a submit may be ahead of its job; 600 is the narrowest of the servers in use."""
    resume: bool = True
    """A client that names its session gets its extranonce back and its jobs stay valid."""
    offer_session: bool = True
    """Name a session in the reply to ``mining.subscribe``; without it none can be resumed."""
    suggestions: bool = False
    """Honour a suggested difficulty or target as a lower limit; refused otherwise."""
    job_before_authorize: bool = False
    """Send difficulty and job with the subscription, as some pools do."""
    refuse: tuple[str, ...] = ()
    """Patterns (``*`` and ``?``) of user names that are not let in."""
    max_connections: int = 64
    max_line_bytes: int = 1024
    """A longer line ends the connection, as at ckpool."""

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} {value} is outside {low} to {high}")
        if self.difficulty != "network":
            json_number(exact_difficulty(self.difficulty))
        nbits_target(self.nbits)
        if 0 < self.job_interval_s < MIN_INTERVAL_S:
            raise ValueError(f"job_interval_s {self.job_interval_s} is below {MIN_INTERVAL_S}")
        if self.tls and self.tls not in CERTIFICATES:
            raise ValueError(f"tls {self.tls!r} is none of {', '.join(CERTIFICATES)}")
        if self.block:
            block_named(self.block)
            if self.extranonce1_size + self.extranonce2_size > MAX_BLOCK_EXTRANONCE:
                raise ValueError(
                    f"extranonce2_size {self.extranonce2_size} does not fit into a real block"
                )
