"""Every setting, declared once: name, default, range and the words that explain it.

From these classes come parsing, type and range errors, the shipped ``luxminer.toml``,
``check-config`` and the table in the README. A `Config` is frozen; a change makes a new one.
"""

from dataclasses import MISSING, dataclass, field
from typing import Any

__all__ = [
    "ApiConfig",
    "Config",
    "DeviceConfig",
    "GroupConfig",
    "LogConfig",
    "MiningConfig",
    "PoolConfig",
    "StratumConfig",
    "TuningConfig",
    "opt",
]


MAX_QUOTA = 1e6

MIN_ROTATE_S = 60.0
MAX_ROTATE_S = 604800.0


def opt(
    default: Any = MISSING,
    words: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
    example: Any = None,
    restart: bool = True,
) -> Any:
    """Declare one setting; MISSING as default means that the owner must give it.

    ``low`` and ``high`` are inclusive. ``secret`` keeps the value out of ``repr``, logs and
    replies. ``example`` is what the template shows instead of a default that says nothing.
    """
    metadata = {
        "words": words,
        "low": low,
        "high": high,
        "choices": choices,
        "secret": secret,
        "example": example,
        "restart": restart,
    }
    if default is MISSING:
        return field(repr=not secret, metadata=metadata)
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """The LUXminer/CGMiner API and the page."""

    port: int = opt(
        4028, "TCP port of the CGMiner/LUXminer API; 0 switches it off", low=0, high=65535
    )
    http_port: int = opt(
        8080, "port of the page and of POST /api; 0 switches it off", low=0, high=65535
    )
    listen: str = opt(
        "0.0.0.0",
        "address to listen on; 127.0.0.1 keeps the API on this machine",
    )
    allow: tuple[str, ...] = opt(
        (),
        'who may do more: "W:192.168.1.0/24" may change things; entries with R: limit reading to '
        "the addresses listed; this machine may always do both",
    )
    terminator: str = opt(
        "auto",
        "end of a JSON reply: what the client seems to expect, or always the same",
        choices=("auto", "nul", "newline"),
    )
    fast_path: bool = opt(
        True,
        "repeat replies of the same twentieth of a second from a thread of their own; false "
        "answers all in the order they come",
    )
    max_connections: int = opt(32, "connections served at once", low=4, high=1024)
    request_timeout_s: float = opt(
        5.0, "a silent client is dropped after this time", low=0.5, high=60
    )


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
class DeviceConfig:
    """Settings of one stick, found by serial number or by port."""

    serial: str = opt("", "USB serial number of the stick these settings are for")
    port: str = opt(
        "",
        "tty, place on USB, pyserial URL, or threads of this machine: /dev/ttyUSB0, usb:1-1.3, "
        "cpu:2",
    )
    model: str = opt(
        "",
        "product on a port that USB does not name: compac, 2pac, terminus, newpac, r606, compacf, "
        "r909, compaca1, terminusa1, compaca2, terminusa2, u1, u2, blockerupter, cpu",
    )
    frequency_mhz: float = opt(
        0.0, "clock of the chips; 0 takes the model's default", low=0, high=1000
    )
    chip_frequency_mhz: tuple[float, ...] = opt(
        (),
        "clocks of single chips in their order, where a stick can (NewPac, R606, Compac F, R909); "
        "0, or none, is the clock above, which is for those without one of their own",
        low=0,
        high=1000,
    )
    enabled: bool = opt(True, "false leaves the stick alone")
    scale: float = opt(
        1.0, "1 for real sticks; virtual ones run slower by this factor", low=1e-9, high=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningConfig:
    """Work and devices."""

    detect: bool = opt(True, "look for sticks on USB; false uses only those listed as devices")
    detect_interval_s: float = opt(1.0, "how often USB is looked at", low=0.2, high=60)
    probe_unnamed: bool = opt(
        False,
        "ask bridges without a product name whether they are a Block Erupter or an Antminer; this "
        "writes to them, whatever they are",
    )
    profile: str = opt(
        "default",
        "clocks of all sticks: default (each as set below, or as its model has it), tuned (each at "
        "what tuning has found), or steps from the default such as +1 or -2",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningConfig:
    """Finding the best clock of each stick, and the core voltage of A1 and A2."""

    enabled: bool = opt(
        False,
        "tune sticks that have no result for this goal and limit yet, and run each at its own "
        "result unless mining.profile is other than default",
    )
    goal: str = opt(
        "rate",
        "what is best: verified hash rate, or hashes per joule on sticks that measure their input",
        choices=("rate", "efficiency"),
    )
    max_hw_error_percent: float = opt(
        2.0, "wrong nonces among all that a stick may find", low=0.1, high=20
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What the log says."""

    level: str = opt(
        "info",
        "least severe lines to write",
        choices=("trace", "debug", "info", "warning", "error"),
    )
    hashrate_interval_s: int = opt(
        30, "seconds between hash rate lines; 0 for none", low=0, high=3600
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A complete configuration."""

    api: ApiConfig = field(default_factory=ApiConfig)
    mining: MiningConfig = field(default_factory=MiningConfig)
    tuning: TuningConfig = field(default_factory=TuningConfig)
    stratum: StratumConfig = field(default_factory=StratumConfig)
    log: LogConfig = field(default_factory=LogConfig)
    groups: tuple[GroupConfig, ...] = ()
    pools: tuple[PoolConfig, ...] = ()
    devices: tuple[DeviceConfig, ...] = ()
