"""Figures that several rows derive from a snapshot in the same way.

Ref: CGMiner API (ratios and their divisors), LUXminer API (pools, devs).
"""

from collections.abc import Iterable
from fractions import Fraction

from luxminer.telemetry.luck import Luck, expected_per_hour_of, luck_of
from luxminer.telemetry.model import DeviceSnapshot, MinerSnapshot, PoolSnapshot, ShareTally

__all__ = [
    "HASHES_PER_DIFF1",
    "age_text",
    "best_ever",
    "block_tip",
    "diff1_at_full_scale",
    "expected_per_hour",
    "hardware_percent",
    "luck",
    "megahashes",
    "per_minute",
    "pool_percent",
    "power_w",
    "rate_hs",
    "ratio_percent",
    "short_difficulty",
]

HASHES_PER_DIFF1 = 2**32
SUFFIXES = ("", "K", "M", "G", "T", "P", "E")


def per_minute(count: int | Fraction, elapsed_s: float) -> float:
    return float(count) * 60 / elapsed_s if elapsed_s > 0 else 0.0


def ratio_percent(part: int | Fraction, whole: float | Fraction) -> float:
    return float(part) * 100 / float(whole) if whole else 0.0


def megahashes(diff1_work: Fraction) -> float:
    """Hashes that this work stands for, in millions."""
    return float(diff1_work) * HASHES_PER_DIFF1 / 1e6


def diff1_at_full_scale(devices: Iterable[DeviceSnapshot]) -> Fraction:
    """Work as unscaled sticks would have done it: what a count of errors compares with."""
    return sum((d.nonces.diff1_work / Fraction(d.scale) for d in devices), Fraction(0))


def hardware_percent(hw_errors: int, diff1_work: Fraction) -> float:
    return ratio_percent(hw_errors, hw_errors + diff1_work)


def pool_percent(shares: ShareTally, part: Fraction) -> float:
    """Share of the difficulty that was accepted, rejected or stale."""
    accepted, rejected = shares.difficulty_accepted, shares.difficulty_rejected
    return ratio_percent(part, accepted + rejected + shares.difficulty_stale)


def best_ever(miner: MinerSnapshot) -> ShareTally:
    """Return the tally that has the best share of all runs."""
    is_new = miner.shares.best_share > miner.lifetime.best_share
    return miner.shares if is_new else miner.lifetime


def luck(miner: MinerSnapshot, pool: PoolSnapshot | None = None) -> Luck:
    """Return the luck of a pool or of all; zeros before there was work."""
    if pool is not None:
        found = luck_of(pool.shares, pool.diff1_work, pool.work_difficulty)
    else:
        active = next((p.work_difficulty for p in miner.pools if p.active), Fraction(0))
        found = luck_of(miner.shares, miner.nonces.diff1_work, active)
    return found or Luck(percent=0.0, low_percent=0.0, high_percent=0.0)


def expected_per_hour(miner: MinerSnapshot) -> float:
    """Return how many shares the pools that give work can expect together."""
    return sum(expected_per_hour_of(miner, pool) for pool in miner.pools)


def power_w(miner: MinerSnapshot) -> float:
    """Watts of all sticks, as measured, else as estimated."""
    return sum(device.power_w for device in miner.devices)


def rate_hs(device: DeviceSnapshot, value_hs: float) -> float:
    """Return 0 for a pulled stick, whatever its averages still say."""
    return value_hs if device.present else 0.0


def block_tip(pool: PoolSnapshot) -> int:
    """Height of the chain's tip: the job is for the block after it; 0 before there was work."""
    return max(0, pool.block_height - 1)


def age_text(miner: MinerSnapshot, then_wall_s: float | None) -> str:
    """``hh:mm:ss`` since then; ``0`` for never."""
    if then_wall_s is None:
        return "0"
    seconds = max(0, int(miner.wall_s - then_wall_s))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def short_difficulty(difficulty: Fraction) -> str:
    """``32K`` for 32768; below 1000 with what digits it has, so that no difficulty shows as 0."""
    thousands = 0
    while difficulty >= 1000 and thousands < len(SUFFIXES) - 1:
        difficulty /= 1000
        thousands += 1
    return f"{int(difficulty)}{SUFFIXES[thousands]}" if thousands else f"{float(difficulty):.4g}"
