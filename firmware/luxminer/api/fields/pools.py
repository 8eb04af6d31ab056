"""Columns about a pool: ``pools``."""

from luxminer.api import figures, payouts
from luxminer.api.columns import (
    FLAG,
    FREE,
    PERCENT,
    RATE,
    TEXT,
    TIME,
    WHOLE,
    YES_NO,
    Column,
    Columns,
    constant,
    table,
)
from luxminer.api.sections import SectionTable
from luxminer.telemetry.luck import expected_per_hour_of
from luxminer.telemetry.model import GroupSnapshot, PoolOptions, PoolSnapshot

__all__ = ["GROUP", "GROUPS_SECTION", "OPTIONS_SECTION", "POOL", "POOLS_SECTION"]

POOL: Columns[PoolSnapshot] = table(
    Column("POOL", WHOLE, lambda _, p: p.id),
    Column("URL", TEXT, lambda _, p: p.url),
    Column("Status", TEXT, lambda _, p: p.status),
    Column("Priority", WHOLE, lambda _, p: p.priority),
    Column("Quota", RATE, lambda _, p: p.quota),
    Column("Long Poll", YES_NO, lambda _, p: p.is_node),
    Column("Getworks", WHOLE, lambda _, p: p.jobs),
    Column("Accepted", WHOLE, lambda _, p: p.shares.accepted),
    Column("Rejected", WHOLE, lambda _, p: p.shares.rejected_total),
    Column("Works", WHOLE, lambda _, p: p.works),
    Column("Discarded", WHOLE, lambda _, p: p.discarded),
    Column("Stale", WHOLE, lambda _, p: p.shares.stale),
    Column("Get Failures", WHOLE, lambda _, p: p.get_failures),
    Column("Remote Failures", WHOLE, lambda _, p: p.remote_failures),
    Column("User", TEXT, lambda _, p: p.user),
    # LuxOS: the age as text, not the moment.
    Column("Last Share Time", TEXT, lambda m, p: figures.age_text(m, p.shares.last_share_wall_s)),
    Column("Diff1 Shares", WHOLE, lambda _, p: p.diff1_work),
    constant("Proxy Type", ""),
    constant("Proxy", ""),
    Column("Difficulty Accepted", WHOLE, lambda _, p: p.shares.difficulty_accepted),
    Column("Difficulty Rejected", WHOLE, lambda _, p: p.shares.difficulty_rejected),
    Column("Difficulty Stale", WHOLE, lambda _, p: p.shares.difficulty_stale),
    Column("Last Share Difficulty", WHOLE, lambda _, p: p.shares.last_share_difficulty),
    Column("Work Difficulty", WHOLE, lambda _, p: p.work_difficulty),
    Column("Has Stratum", FLAG, lambda _, p: not p.is_node),
    # LuxOS: the pool in use, not just a living connection.
    Column("Stratum Active", FLAG, lambda _, p: p.active),
    Column("Stratum URL", TEXT, lambda _, p: p.stratum_host),
    Column("Stratum Difficulty", WHOLE, lambda _, p: p.stratum_difficulty if p.connected else 0),
    Column("Has Vmask", FLAG, lambda _, p: p.version_rolling),
    Column("Has GBT", FLAG, lambda _, p: p.is_node),
    Column("Best Share", WHOLE, lambda _, p: p.shares.best_share),
    Column(
        "Pool Rejected%",
        PERCENT,
        lambda _, p: figures.pool_percent(p.shares, p.shares.difficulty_rejected),
    ),
    Column(
        "Pool Stale%",
        PERCENT,
        lambda _, p: figures.pool_percent(p.shares, p.shares.difficulty_stale),
    ),
    Column("Bad Work", WHOLE, lambda _, p: p.bad_lines),
    Column("Current Block Height", WHOLE, lambda _, p: figures.block_tip(p)),
    Column("Current Block Version", WHOLE, lambda _, p: p.block_version),
    # LuxOS
    Column("AsicBoost", FLAG, lambda _, p: p.version_rolling),
    Column("Diff", TEXT, lambda _, p: figures.short_difficulty(p.work_difficulty)),
    Column("GROUP", WHOLE, lambda _, p: p.group),
    Column("Long Pool", YES_NO, lambda _, p: p.is_node),  # spelt as LuxOS spells it
    # ours: the rest of the ledger, and what is wrong
    Column("Shares", WHOLE, lambda _, p: p.shares.shares),
    Column("Dropped", WHOLE, lambda _, p: p.shares.dropped_total),
    Column("Unanswered", WHOLE, lambda _, p: p.shares.unanswered),
    Column("Waiting", WHOLE, lambda _, p: p.shares.waiting),
    Column("Problem", TEXT, lambda _, p: p.problem),
    Column("Message", TEXT, lambda _, p: p.message),
    Column("Best Share Time", TIME, lambda _, p: p.shares.best_share_wall_s),
    Column("Best Share Stick", TEXT, lambda _, p: p.shares.best_share_device),
    Column("Luck%", PERCENT, lambda m, p: figures.luck(m, p).percent),
    Column("Luck Low%", PERCENT, lambda m, p: figures.luck(m, p).low_percent),
    Column("Luck High%", PERCENT, lambda m, p: figures.luck(m, p).high_percent),
    Column("Expected Shares Per Hour", FREE, lambda m, p: expected_per_hour_of(m, p)),
    Column("Payout", TEXT, lambda _, p: p.payout),
    Column("Payout Check", TEXT, lambda _, p: p.payout_verdict),
    Column("Coinbase Outputs", TEXT, lambda _, p: payouts.shown_outputs(p)),
)

POOLS_SECTION = SectionTable("POOLS", POOL, lambda m: m.pools)

GROUP: Columns[GroupSnapshot] = table(
    Column("GROUP", WHOLE, lambda _, g: g.id),
    Column("Name", TEXT, lambda _, g: g.name),
    Column("Quota", RATE, lambda _, g: g.quota),
)
OPTIONS: Columns[PoolOptions] = table(
    Column("ConnectTimeout", RATE, lambda _, o: o.connect_timeout_s),
    Column("HandshakeTimeout", RATE, lambda _, o: o.handshake_timeout_s),
    Column("SilenceTimeout", RATE, lambda _, o: o.silence_timeout_s),
    Column("ShareTimeout", RATE, lambda _, o: o.share_timeout_s),
    Column("JobTimeout", RATE, lambda _, o: o.job_timeout_s),
    Column("Patience", RATE, lambda _, o: o.patience_s),
    Column("Penalty", RATE, lambda _, o: o.penalty_s),
    Column("Failback", RATE, lambda _, o: o.failback_s),
)
OPTIONS_SECTION = SectionTable("POOLOPTS", OPTIONS, lambda m: (m.pool_options,), is_single=True)

GROUPS_SECTION = SectionTable("GROUPS", GROUP, lambda m: m.groups)
