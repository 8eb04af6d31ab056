"""Jobs with targets that a test can hit within a few hashes."""

from fractions import Fraction

from luxminer.work.job import PoolJob
from luxminer.work.target import target_of

COINB1 = bytes.fromhex("01000000010000000000000000000000000000000000000000000000000000000000000000")
COINB1 += bytes.fromhex("ffffffff0f0320a107")
COINB2 = bytes.fromhex("ffffffff0100f2052a010000000151" + "00000000")


def job(
    *,
    pool_id: int = 0,
    connection: int = 1,
    job_id: str = "a",
    difficulty: Fraction = Fraction(1, 1 << 28),
    network_difficulty: Fraction = Fraction(1 << 40),
    extranonce2_size: int = 4,
    version: int = 0x20000000,
    version_mask: int = 0,
    ntime: int = 1_700_000_000,
    received_s: float = 0.0,
) -> PoolJob:
    return PoolJob(
        pool_id=pool_id,
        connection=connection,
        user="worker",
        job_id=job_id,
        prev_hash=bytes(range(32)),
        coinb1=COINB1,
        coinb2=COINB2,
        merkle_branch=(bytes(32), b"\x11" * 32),
        version=version,
        nbits=0x1D00FFFF,
        ntime=ntime,
        clean=True,
        extranonce1=b"\x08\x00\x00\x02",
        extranonce2_size=extranonce2_size,
        version_mask=version_mask,
        version_rolling=bool(version_mask),
        difficulty=difficulty,
        share_target=target_of(difficulty),
        network_target=target_of(network_difficulty),
        received_s=received_s,
    )
