"""Settings of pools, their groups and how they are spoken to."""

from dataclasses import MISSING, dataclass

from luxminer.config.schema.option import opt

__all__ = [
    "MAX_QUOTA",
    "MAX_ROTATE_S",
    "MIN_ROTATE_S",
    "GroupConfig",
    "PoolConfig",
    "StratumConfig",
]

MAX_QUOTA = 1e6
MIN_ROTATE_S = 60.0
MAX_ROTATE_S = 604800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupConfig:
    """A group of pools. All groups work at the same time; without any, all pools are in one."""

    name: str = opt("default", "what its pools call it")
    quota: float = opt(
        1.0,
        "its part of all work, against the quotas of the other groups; 0: only while no other "
        "works",
        low=0,
        high=MAX_QUOTA,
    )
    strategy: str = opt(
        "failover",
        "which of its pools work: the first by priority that can, one after the other (round-robin "
        "when one fails, rotate also after a time), or all at once (load-balance by their quotas, "
        "balance alike)",
        choices=("failover", "round-robin", "rotate", "load-balance", "balance"),
    )
    rotate_s: float = opt(
        3600.0, "after this time rotate takes the next pool", low=MIN_ROTATE_S, high=MAX_ROTATE_S
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolConfig:
    """A pool. Of a group, the first in the file is used while it works, then the next ones."""

    url: str = opt(
        MISSING,
        "stratum+tcp://host:port, or stratum+ssl:// for TLS; a Bitcoin node of your own, for solo "
        "mining, is http://user:password@host:8332",
        example="stratum+tcp://pool.example:3333",
    )
    backup_urls: tuple[str, ...] = opt(
        (), "more addresses of the same pool, tried in turn while the one before does not work"
    )
    user: str = opt(
        "",
        "account or address, with the worker's name; of a node, its RPC user",
        example="account.worker",
    )
    password: str = opt("x", "most pools do not look at it", secret=True)
    enabled: bool = opt(True, "false keeps the entry without using it")
    group: str = opt("", "name of the group it belongs to; the first one when empty")
    quota: float = opt(
        1.0,
        "its part of the work of a group with the strategy load-balance; 0: only while no other "
        "works",
        low=0,
        high=MAX_QUOTA,
    )
    payout: str = opt(
        "",
        "address: of a pool, the one that its jobs are expected to pay; of a node, the one that a "
        "block pays",
    )
    payout_check: str = opt(
        "warn",
        "what follows when jobs do not pay that address: a warning, or none of them is mined",
        choices=("warn", "refuse"),
    )
    coinbase_text: str = opt("/luxminer/", "text in the blocks that are found for a node")
    cookie_file: str = opt(
        "", "file of a node with the login of its RPC (.cookie), instead of user and password"
    )
    tls_ca_file: str = opt(
        "", "PEM file with the authorities that sign this pool's certificate; else the system's"
    )
    tls_fingerprint: str = opt(
        "",
        "SHA-256 of the pool's certificate in hex: only this one is accepted, whoever signed it",
    )
    tls_verify: bool = opt(
        True,
        "false takes any certificate: whoever sits between can take password and hash rate",
    )
    proxy: str = opt(
        "",
        "as in [stratum], for this pool alone; direct for none",
        secret=True,
    )
    extranonce_subscribe: bool = opt(
        False, "ask for mining.set_extranonce, which a few pools and proxies want to send"
    )
    suggest_difficulty: float = opt(
        0.0,
        "share difficulty to ask the pool for after the login; 0 asks for none",
        low=0,
        high=1e15,
    )
    minimum_difficulty: float = opt(
        0.0,
        "least share difficulty that the pool shall ever set; 0 sets no bound",
        low=0,
        high=1e15,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumConfig:
    """Behaviour towards pools."""

    version_rolling_mask: str = opt(
        "1fffe000",
        "version bits that may be rolled; 00000000 for none, which A1 and A2 pay for with a lower "
        "clock",
    )
    connect_timeout_s: float = opt(10.0, "time to open a connection", low=1, high=120)
    handshake_timeout_s: float = opt(30.0, "time for each answer while logging in", low=1, high=120)
    silence_timeout_s: float = opt(
        90.0, "a pool that says nothing for this long is dead", low=5, high=600
    )
    share_timeout_s: float = opt(
        120.0, "a share without an answer is booked after this time", low=5, high=600
    )
    retry_min_s: float = opt(1.0, "first pause before connecting again; doubles", low=0.1, high=60)
    retry_max_s: float = opt(60.0, "longest pause before connecting again", low=1, high=600)
    failback_s: float = opt(
        120.0, "a better pool is used again after working this long", low=0, high=3600
    )
    job_timeout_s: float = opt(
        600.0, "a pool whose newest job is older than this is of no use", low=5, high=86400
    )
    patience_s: float = opt(
        60.0,
        "a pool that accepts no share is borne this long at least, however many it should have "
        "accepted",
        low=1,
        high=3600,
    )
    penalty_s: float = opt(
        600.0,
        "a pool of no use is left out this long, each time twice as long, while another works",
        low=5,
        high=86400,
    )
    proxy: str = opt(
        "",
        "how all pools are reached: socks5://user:password@host:port or http://..., which also "
        "looks up the names of the pools; empty for no proxy",
        secret=True,
    )
