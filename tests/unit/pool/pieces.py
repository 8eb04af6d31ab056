"""Jobs, shares and a clock for tests of the pool side."""

from fractions import Fraction
from itertools import count

from luxminer.work.job import PoolJob, Share, WorkItem

DIFFICULTY_1 = 0xFFFF << 208

_serial = count(1)


class FakeClock:
    """Stands still until told otherwise."""

    def __init__(self, *, monotonic_s: float = 100.0, wall_s: float = 1_700_000_000.0) -> None:
        self.monotonic_s = monotonic_s
        self.wall_s = wall_s

    def monotonic(self) -> float:
        return self.monotonic_s

    def wall(self) -> float:
        return self.wall_s

    def advance(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.wall_s += seconds


def a_job(
    *,
    pool_id: int = 0,
    connection: int = 1,
    user: str = "user.worker",
    extranonce1: bytes = bytes.fromhex("08000002"),
    difficulty: Fraction = Fraction(1),
) -> PoolJob:
    return PoolJob(
        pool_id=pool_id,
        connection=connection,
        user=user,
        job_id=f"{next(_serial):x}",
        prev_hash=bytes(32),
        coinb1=bytes.fromhex("01000000010000"),
        coinb2=bytes(8),
        merkle_branch=(),
        version=0x20000000,
        nbits=0x1D00FFFF,
        ntime=0x504E86B9,
        clean=True,
        extranonce1=extranonce1,
        extranonce2_size=4,
        version_mask=0x1FFFE000,
        version_rolling=True,
        difficulty=difficulty,
        share_target=int(DIFFICULTY_1 / difficulty),
        network_target=DIFFICULTY_1,
        received_s=0.0,
    )


def a_share(
    job: PoolJob,
    *,
    device_id: int = 0,
    difficulty: Fraction = Fraction(16),
    is_block: bool = False,
    found_s: float = 100.0,
) -> Share:
    """Return a share never made before; its work is shaped right but hashes to nothing special."""
    number = next(_serial)
    work = WorkItem(
        job=job,
        extranonce2=number.to_bytes(job.extranonce2_size, "little"),
        ntime=job.ntime,
        merkle_root=bytes(32),
        versions=(job.version,),
        midstates=(bytes(32),),
        tail=bytes(12),
    )
    return Share(
        device_id=device_id,
        work=work,
        nonce=number,
        version=job.version,
        block_hash=number.to_bytes(32, "little"),
        difficulty=difficulty,
        is_block=is_block,
        found_s=found_s,
    )
