"""``make bench``: prints every figure with what it is held against, writes bench/results.json."""

import argparse
import asyncio
import json
import platform
import sys
from fractions import Fraction
from pathlib import Path

import api
import day
import hashing as hashing_bench
import system

from luxminer import hashing
from luxminer.work.generator import WorkGenerator
from luxminer.work.job import PoolJob
from luxminer.work.target import target_of
from luxminer_drivers.bm13xx.tasks import midstate_frame
from luxminer_drivers.bm1387.facts import BM1387

TARGETS = {
    "verify_best_x": (6.0, "hashlib, one nonce"),
    "batch_best_x": (25.0, "hashlib, per nonce of a batch"),
    "verify_portable_x": (1.8, "hashlib, without SHA instructions"),
    "work_items_best_per_s": (250_000, "per second, four midstates, branch of twelve"),
    "frames_of_4_best_per_s": (1_000_000, "per second, midstates included"),
    "frames_of_4_portable_per_s": (400_000, "per second, without SHA instructions"),
    "notify_to_task_1_p50_ms": (0.8, "ms, at most"),
    "notify_to_task_1_p99_ms": (2.5, "ms, at most"),
    "notify_to_task_20_p99_ms": (6.0, "ms, at most, to the last of 20 sticks"),
    "nonce_to_submit_1_p50_ms": (0.5, "ms, at most"),
    "nonce_to_submit_1_p99_ms": (2.0, "ms, at most"),
    "api_summary_1_per_s": (7770, "per second (bfgminer 7400)"),
    "api_summary_16_per_s": (18960, "per second (bfgminer 15800)"),
    "api_summary_1_p50_ms": (0.12, "ms, at most"),
    "api_summary_1_p99_ms": (0.25, "ms, at most"),
    "api_summary_16_p50_ms": (1.0, "ms, at most"),
    "api_summary_16_p99_ms": (1.5, "ms, at most"),
    "start_to_first_byte_s": (0.25, "s, at most"),
    "resident_without_http_mib": (28.0, "MiB, at most"),
    "resident_1_sticks_http_mib": (42.0, "MiB, at most"),
    "cpu_s_per_stick_hour_1": (5.0, "s, at most"),
    "core_percent_50_sticks": (6.0, "% of one core, at most"),
    "core_percent_r606_1_sticks": (15.0, "% of one core, at most"),
    "core_percent_r909_1_sticks": (15.0, "% of one core, at most"),
    "day_switching_percent": (3.0, "% of the hash time of a day, at most"),
    "day_unexplained_shares": (0.0, "at most"),
    "day_shares_to_a_wrong_pool": (0.0, "at most"),
    "day_memory_slope_mib_per_h": (0.4, "MiB an hour, at most"),
    "day_bounds_not_held": (0.0, "at most"),
}


def work_items() -> dict[str, float]:
    """Complete work items and task frames per second, with four midstates each.

    Every item has a new extranonce2, and a merkle branch of twelve.
    """
    job = PoolJob(
        pool_id=0,
        connection=1,
        user="bench",
        job_id="1",
        prev_hash=bytes(32),
        coinb1=bytes(60),
        coinb2=bytes(120),
        merkle_branch=(bytes(32),) * 12,
        version=0x20000000,
        nbits=0x17023A04,
        ntime=1_700_000_000,
        clean=True,
        extranonce1=bytes(4),
        extranonce2_size=4,
        version_mask=0x6000,  # four versions: each item uses its extranonce2 up
        version_rolling=True,
        difficulty=Fraction(1),
        share_target=target_of(Fraction(1)),
        network_target=1,
        received_s=0.0,
    )
    generator = WorkGenerator(job)
    header, tail, versions = bytes(64), bytes(12), (1, 2, 3, 4)

    def frame() -> bytes:
        return midstate_frame(BM1387, 16, tail, hashing.midstates(header, versions))

    best = hashing.kernel()
    figures = {}
    try:
        for kernel in (best, "portable"):
            hashing.use_kernel(kernel)
            times = hashing_bench.alternate(
                {
                    "item": lambda: generator.next(versions=4, now_s=0.0),
                    "frame": frame,
                    "hashlib": hashing_bench.hashlib_verify,
                }
            )
            name = "best" if kernel == best else kernel
            figures[f"work_items_{name}_per_s"] = 1 / times["item"]
            figures[f"work_item_{name}_in_hashlib_verifies"] = times["item"] / times["hashlib"]
            figures[f"frames_of_4_{name}_per_s"] = 1 / times["frame"]
    finally:
        hashing.use_kernel(best)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, one and two sticks")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results.json")
    options = parser.parse_args()
    system.raise_file_limit()
    print(
        f"{platform.machine()}, Python {platform.python_version()}, SHA-256 by {hashing.kernel()}"
    )
    figures = hashing_bench.measure()
    figures |= work_items()
    jobs = 50 if options.quick else 300
    figures |= asyncio.run(system.latency(1, jobs))
    if not options.quick:
        figures |= asyncio.run(system.latency(20, jobs))
    figures |= asyncio.run(api.answers(1.0 if options.quick else 4.0))
    for sticks in (1, 2) if options.quick else (1, 10, 50):
        seconds = 5.0 if options.quick else 60.0 if sticks == 1 else 20.0
        figures |= asyncio.run(system.load(sticks, seconds, http=sticks == 1))
    for model in ("r606", "r909"):
        figures |= asyncio.run(system.load(1, seconds, http=False, model=model))
    figures |= day.measure(hours=2 if options.quick else 24)
    for name, value in figures.items():
        target, against = TARGETS.get(name, (None, ""))
        held = f"   target {target:g} {against}" if target is not None else ""
        print(f"{name:<34}{value:12.3f}{held}")
    options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
