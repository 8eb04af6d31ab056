"""Measurements that no stick has made, to show checks what virtual sticks never do."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from luxminer.work.job import PoolJob
from luxminer_hil.acceptance.bench import Bench, Effort, Measurement
from luxminer_hil.acceptance.host import Nonce, bench_job
from luxminer_hil.acceptance.sticks import OwnStick, RealStick, find_driver
from luxminer_hil.acceptance.warp import LoopClock

SEED = 7

__all__ = ["SEED", "bench_of", "measured", "nonces"]


def nonces(
    count: int, *, chips: int = 1, ticket: float = 1.0, numbers: Sequence[int] | None = None
) -> list[Nonce]:
    """Return right nonces of a healthy stick: evenly spread, half of them twice as hard."""
    rng = Random(SEED)
    job: PoolJob = bench_job(rng)
    made = [
        Nonce(
            at_s=rng.uniform(0.0, 100.0),
            chip=number % chips,
            nonce=numbers[number] if numbers is not None else rng.getrandbits(32),
            version=job.version,
            lane=0,
            is_right=True,
            is_duplicate=False,
            difficulty=ticket / rng.uniform(1e-9, 1.0),
            job=job,
            task=number,
        )
        for number in range(count)
    ]
    return sorted(made, key=lambda nonce: nonce.at_s)


def measured(
    found: Sequence[Nonce], *, expected: float | None = None, chips: int = 1
) -> Measurement:
    """Return a measurement of 100 s in which ``expected`` nonces were due."""
    wanted = len(found) if expected is None else expected
    made = Measurement(
        mhz=100.0,
        nominal_hs=1.0,
        ceiling_hs=1.0,
        ticket=1.0,
        chips=chips,
        started_s=0.0,
        seconds=100.0,
        nonces=tuple(found),
        tasks=len(found),
        bytes_read=1000,
        bytes_discarded=0,
    )
    rate_hs = wanted / made.expected
    return replace(made, nominal_hs=rate_hs, ceiling_hs=rate_hs)


def bench_of(model: str, baseline: Measurement | None = None, *, real: bool = True) -> Bench:
    found = find_driver(model)
    stick = RealStick("/dev/null", found) if real else OwnStick(found)
    bench = Bench(stick, Effort(), LoopClock(), seed=SEED)
    bench.baseline = baseline
    return bench
