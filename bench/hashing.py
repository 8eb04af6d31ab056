"""Hashing figures: every one as a ratio to a baseline measured beside it, rounds alternating.

Baseline: hashlib.sha256 of the 80 header bytes twice and the comparison, as a miner in pure Python
would verify a nonce.
"""

import hashlib
import statistics
import struct
import time
from collections.abc import Callable, Mapping

from luxminer import hashing

HEADER = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e"
    "67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
)
STATE, TAIL = hashing.midstate(HEADER[:64]), HEADER[64:76]
NONCE = int.from_bytes(HEADER[76:], "little")
TARGET = (0xFFFF << 208).to_bytes(32, "little")
TARGET_NUMBER = 0xFFFF << 208
BATCH = struct.pack("<1024I", *range(1024))
ROUNDS = 9
ROUND_S = 0.03


def hashlib_verify() -> bool:
    digest = hashlib.sha256(hashlib.sha256(HEADER).digest()).digest()
    return int.from_bytes(digest, "little") <= TARGET_NUMBER


def per_call_s(call: Callable[[], object], count: int) -> float:
    """Seconds for one call, over ``count`` calls."""
    started_s = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - started_s) / count


def alternate(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds per call, the calls measured in turn in each round."""
    counts = {}
    for name, call in calls.items():
        once_s = max(per_call_s(call, 1), 1e-8)
        counts[name] = max(1, int(ROUND_S / once_s))
        counts[name] = max(1, int(ROUND_S / max(per_call_s(call, counts[name]), 1e-8)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            times[name].append(per_call_s(call, counts[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def scanner(name: str, count: int) -> Callable[[], object]:
    def run() -> object:
        hashing.use_kernel(name)
        return hashing.scan(STATE, TAIL, 0, count, bytes(32))

    return run


def measure() -> dict[str, float]:
    """All figures; names ending in ``_x`` are ratios, larger is better."""
    best = hashing.kernel()
    figures: dict[str, float] = {}
    plain = next(name for name in reversed(hashing.kernels()) if name == "portable")
    for label, name in (("best", best), ("portable", plain)):
        hashing.use_kernel(name)
        times = alternate(
            {
                "hashlib": hashlib_verify,
                "verify": lambda: hashing.verify(STATE, TAIL, NONCE, TARGET),
                "batch": lambda: hashing.verify_batch(STATE, TAIL, BATCH, TARGET),
            }
        )
        figures[f"verify_{label}_x"] = times["hashlib"] / times["verify"]
        figures[f"batch_{label}_x"] = times["hashlib"] / (times["batch"] / 1024)
        figures["hashlib_verify_us"] = times["hashlib"] * 1e6
    counts = {name: 400_000 if "x1" not in name else 200_000 for name in hashing.kernels()}
    counts[plain] = 60_000
    times = alternate({name: scanner(name, counts[name]) for name in hashing.kernels()})
    rates = {name: counts[name] / seconds for name, seconds in times.items()}
    for name, rate in rates.items():
        figures[f"scan_{name}_mhs"] = rate / 1e6
        figures[f"scan_{name}_x"] = rate / rates[plain]
    hashing.use_kernel(best)
    return figures


if __name__ == "__main__":
    print(f"kernel in use: {hashing.kernel()}; usable here: {', '.join(hashing.kernels())}")
    for figure, value in measure().items():
        print(f"{figure:<28}{value:10.2f}")
