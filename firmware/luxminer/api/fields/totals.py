"""Columns about the miner as a whole: ``version``, ``summary``, ``coin``, counts, ``check``."""

from dataclasses import dataclass

from luxminer.api import figures
from luxminer.api.columns import (
    DIFFICULTY,
    FLAG,
    FREE,
    MEGAHASHES,
    PERCENT,
    RATE,
    ROUNDED,
    TEXT,
    TIME,
    WHOLE,
    YES_NO,
    Column,
    Columns,
    constant,
    table,
)
from luxminer.api.sections import SectionTable, single

__all__ = [
    "API_LEVEL",
    "ASCS_SECTION",
    "CGMINER_DIALECT",
    "CHECK_SECTION",
    "COIN",
    "COIN_SECTION",
    "PGAS_SECTION",
    "SESSION_SECTION",
    "SUMMARY",
    "SUMMARY_SECTION",
    "VERSION",
    "VERSION_SECTION",
    "Findings",
]

API_LEVEL = "3.7"
CGMINER_DIALECT = "4.13.6"
"""The release whose replies these are."""

VERSION: Columns[None] = table(
    constant("CGMiner", CGMINER_DIALECT),
    constant("API", API_LEVEL),
    # LuxOS
    Column("CompileTime", TEXT, lambda m, _: m.host.build_date),
    Column("LUXminer", TEXT, lambda m, _: m.host.version),
    Column("Miner", TEXT, lambda m, _: m.host.version),
    Column("Type", TEXT, lambda m, _: m.host.model),
)

SUMMARY: Columns[None] = table(
    Column("Elapsed", ROUNDED, lambda m, _: m.elapsed_s),
    Column("MHS av", RATE, lambda m, _: m.rates.average / 1e6),
    Column("MHS 5s", RATE, lambda m, _: m.rates.s5 / 1e6),
    Column("MHS 1m", RATE, lambda m, _: m.rates.m1 / 1e6),
    Column("MHS 5m", RATE, lambda m, _: m.rates.m5 / 1e6),
    Column("MHS 15m", RATE, lambda m, _: m.rates.m15 / 1e6),
    Column("Found Blocks", WHOLE, lambda m, _: m.shares.found_blocks),
    Column("Getworks", WHOLE, lambda m, _: m.jobs),
    Column("Accepted", WHOLE, lambda m, _: m.shares.accepted),
    Column("Rejected", WHOLE, lambda m, _: m.shares.rejected_total),
    Column("Hardware Errors", WHOLE, lambda m, _: m.nonces.hw_errors),
    Column("Utility", RATE, lambda m, _: figures.per_minute(m.shares.accepted, m.elapsed_s)),
    Column("Discarded", WHOLE, lambda m, _: m.discarded),
    Column("Stale", WHOLE, lambda m, _: m.shares.stale),
    Column("Get Failures", WHOLE, lambda m, _: m.get_failures),
    Column("Local Work", WHOLE, lambda m, _: m.local_work),
    Column("Remote Failures", WHOLE, lambda m, _: m.remote_failures),
    Column("Network Blocks", WHOLE, lambda m, _: m.network_blocks),
    Column("Total MH", MEGAHASHES, lambda m, _: figures.megahashes(m.nonces.diff1_work)),
    Column("Work Utility", RATE, lambda m, _: figures.per_minute(m.nonces.diff1_work, m.elapsed_s)),
    Column("Difficulty Accepted", WHOLE, lambda m, _: m.shares.difficulty_accepted),
    Column("Difficulty Rejected", WHOLE, lambda m, _: m.shares.difficulty_rejected),
    Column("Difficulty Stale", WHOLE, lambda m, _: m.shares.difficulty_stale),
    Column("Best Share", WHOLE, lambda m, _: max(m.lifetime.best_share, m.shares.best_share)),
    Column(
        "Device Hardware%",
        PERCENT,
        lambda m, _: figures.hardware_percent(
            m.nonces.hw_errors, figures.diff1_at_full_scale(m.devices)
        ),
    ),
    Column(
        "Device Rejected%",
        PERCENT,
        lambda m, _: figures.ratio_percent(m.shares.difficulty_rejected, m.nonces.diff1_work),
    ),
    Column(
        "Pool Rejected%",
        PERCENT,
        lambda m, _: figures.pool_percent(m.shares, m.shares.difficulty_rejected),
    ),
    Column(
        "Pool Stale%",
        PERCENT,
        lambda m, _: figures.pool_percent(m.shares, m.shares.difficulty_stale),
    ),
    Column("Last getwork", TIME, lambda m, _: m.last_job_wall_s),
    # LuxOS
    Column("GHS 5s", RATE, lambda m, _: m.rates.s5 / 1e9),
    Column("GHS 1m", RATE, lambda m, _: m.rates.m1 / 1e9),
    Column("GHS 5m", RATE, lambda m, _: m.rates.m5 / 1e9),
    Column("GHS 15m", RATE, lambda m, _: m.rates.m15 / 1e9),
    Column("GHS 30m", RATE, lambda m, _: m.rates.m30 / 1e9),
    Column("GHS 24h", RATE, lambda m, _: m.rates.h24 / 1e9),
    Column("GHS av", RATE, lambda m, _: m.rates.average / 1e9),
    Column("Best Session Share", WHOLE, lambda m, _: m.shares.best_share),
    # ours: the rest of both ledgers
    Column("Nonces", WHOLE, lambda m, _: m.nonces.nonces),
    Column("Duplicates", WHOLE, lambda m, _: m.nonces.duplicates),
    Column("Below Target", WHOLE, lambda m, _: m.nonces.below_target),
    Column("Shares", WHOLE, lambda m, _: m.shares.shares),
    Column("Dropped", WHOLE, lambda m, _: m.shares.dropped_total),
    Column("Unanswered", WHOLE, lambda m, _: m.shares.unanswered),
    Column("Waiting", WHOLE, lambda m, _: m.shares.waiting),
    # ours: hash time lost for want of a pool
    Column("Idle Seconds", ROUNDED, lambda m, _: m.idle_s),
    # ours: who found the best ones, and whether it was to be expected
    Column("Best Share Time", TIME, lambda m, _: figures.best_ever(m).best_share_wall_s),
    Column("Best Share Pool", TEXT, lambda m, _: figures.best_ever(m).best_share_pool),
    Column("Best Share Stick", TEXT, lambda m, _: figures.best_ever(m).best_share_device),
    Column("Best Session Share Time", TIME, lambda m, _: m.shares.best_share_wall_s),
    Column("Best Session Share Pool", TEXT, lambda m, _: m.shares.best_share_pool),
    Column("Best Session Share Stick", TEXT, lambda m, _: m.shares.best_share_device),
    Column("Luck%", PERCENT, lambda m, _: figures.luck(m).percent),
    Column("Luck Low%", PERCENT, lambda m, _: figures.luck(m).low_percent),
    Column("Luck High%", PERCENT, lambda m, _: figures.luck(m).high_percent),
    Column("Expected Shares Per Hour", FREE, lambda m, _: figures.expected_per_hour(m)),
)

COIN: Columns[None] = table(
    constant("Hash Method", "sha256"),
    Column("Current Block Time", FREE, lambda m, _: m.block_first_seen_wall_s),
    Column("Current Block Hash", TEXT, lambda m, _: m.block_hash),
    # CGMiner: true once any pool announces new blocks, which every stratum pool does.
    Column("LP", FLAG, lambda m, _: any(pool.jobs for pool in m.pools)),
    Column("Network Difficulty", DIFFICULTY, lambda m, _: m.network_difficulty),
)

VERSION_SECTION = single("VERSION", VERSION)
SUMMARY_SECTION = single("SUMMARY", SUMMARY)
COIN_SECTION = single("COIN", COIN)
ASCS_SECTION = single("ASCS", table(Column("Count", WHOLE, lambda m, _: len(m.devices))))
PGAS_SECTION = single("PGAS", table(constant("Count", 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What there is to say about the name of a command and who asks for it."""

    exists: bool
    may_use: bool


CHECK_SECTION: SectionTable[Findings] = SectionTable(
    "CHECK",
    table(
        Column("Exists", YES_NO, lambda _, found: found.exists),
        Column("Access", YES_NO, lambda _, found: found.may_use),
    ),
    is_single=True,
)
SESSION_SECTION: SectionTable[str] = SectionTable(
    "SESSION", table(Column("SessionID", TEXT, lambda _, active: active)), is_single=True
)
