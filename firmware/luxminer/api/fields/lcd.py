"""Columns of ``lcd``, what a small display shows.

Ref: CGMiner API (lcd).
"""

from collections.abc import Iterable

from luxminer.api import figures
from luxminer.api.columns import DIFFICULTY, RATE, ROUNDED, TEXT, TIME, WHOLE, Column, table
from luxminer.api.sections import SectionTable, single
from luxminer.telemetry.model import MinerSnapshot, PoolSnapshot

__all__ = ["LCD_SECTION"]

NO_POOL = "none"


def _pool(miner: MinerSnapshot) -> PoolSnapshot | None:
    return next((pool for pool in miner.pools if pool.active), None)


def _hottest_c(miner: MinerSnapshot) -> float:
    return max((d.temperature_c or 0.0 for d in miner.devices), default=0.0)


def _newest(times_s: Iterable[float | None]) -> float:
    return max((time_s for time_s in times_s if time_s is not None), default=0.0)


def _pool_words(pool: PoolSnapshot | None) -> tuple[str, str]:
    return (pool.url, pool.user) if pool is not None else (NO_POOL, "")


LCD_SECTION: SectionTable[None] = single(
    "LCD",
    table(
        Column("Elapsed", ROUNDED, lambda m, _: m.elapsed_s),
        Column("GHS av", RATE, lambda m, _: m.rates.average / 1e9),
        Column("GHS 5m", RATE, lambda m, _: m.rates.m5 / 1e9),
        Column("GHS 5s", RATE, lambda m, _: m.rates.s5 / 1e9),
        Column("Temperature", RATE, lambda m, _: _hottest_c(m)),
        Column("Last Share Difficulty", DIFFICULTY, lambda m, _: m.shares.last_share_difficulty),
        Column("Last Share Time", TIME, lambda m, _: m.shares.last_share_wall_s),
        Column("Best Share", WHOLE, lambda m, _: figures.best_ever(m).best_share),
        Column(
            "Last Valid Work",
            TIME,
            lambda m, _: _newest(d.last_valid_work_wall_s for d in m.devices),
        ),
        Column("Found Blocks", WHOLE, lambda m, _: m.shares.found_blocks),
        Column("Current Pool", TEXT, lambda m, _: _pool_words(_pool(m))[0]),
        Column("User", TEXT, lambda m, _: _pool_words(_pool(m))[1]),
    ),
)
