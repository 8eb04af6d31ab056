"""Hashing figures: each against a baseline measured beside it, rounds alternating, medians.

Baselines: ``hashlib.sha256`` of the 80 header bytes twice and the comparison, as a miner in pure
Python would verify a nonce; for the search also the textbook loop in C and the instruction limit
of the processor, see limits.c.

    python bench/hashing.py [--json FILE]
"""

import argparse
import ctypes
import json
import shutil
import statistics
import struct
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from timeit import Timer

from luxminer import hashing

ROOT = Path(__file__).parents[1]
KERNEL_SOURCES = ROOT / "firmware/luxminer/hashing/kernels"

HEADER = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e"
    "67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
)
STATE, TAIL = hashing.midstate(HEADER[:64]), HEADER[64:76]
NONCE = int.from_bytes(HEADER[76:], "little")
TARGET_NUMBER = 0xFFFF << 208
TARGET = TARGET_NUMBER.to_bytes(32, "little")
BATCH_COUNT = 1024
BATCH = struct.pack(f"<{BATCH_COUNT}I", *range(BATCH_COUNT))
SCAN_COUNT = 1 << 16
NO_HASH_MEETS = bytes(32)
LIMIT_STEPS = 2000
ROUNDS = 9
ROUND_S = 0.03

BASELINE = "int.from_bytes(sha256(sha256(HEADER).digest()).digest(), 'little') <= TARGET_NUMBER"


def hashlib_verify() -> bool:
    """Verify one nonce without this project's code."""
    digest = sha256(sha256(HEADER).digest()).digest()
    return int.from_bytes(digest, "little") <= TARGET_NUMBER


def alternate(calls: Mapping[str, Callable[[], object] | Timer]) -> dict[str, float]:
    """Median seconds per call, the calls measured in turn in each round."""
    timers = {
        name: call if isinstance(call, Timer) else Timer(call) for name, call in calls.items()
    }
    counts = dict.fromkeys(timers, 1)
    for name, timer in timers.items():
        for _ in range(2):  # the first estimate is of a cold call
            per_call_s = timer.timeit(counts[name]) / counts[name]
            counts[name] = max(1, int(ROUND_S / max(per_call_s, 1e-8)))
    times: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(ROUNDS):
        for name, timer in timers.items():
            times[name].append(timer.timeit(counts[name]) / counts[name])
    return {name: statistics.median(values) for name, values in times.items()}


def with_kernel(name: str, statement: str) -> Timer:
    """Time a statement on this module's names; the kernel is chosen before, outside the time."""
    return Timer(statement, f"hashing.use_kernel({name!r})", globals=globals())


def verification() -> dict[str, float]:
    """Ratios to hashlib per nonce, one call each and in batches, larger is better."""
    timers = {"hashlib": Timer(BASELINE, globals=globals())}
    for name in hashing.kernels():
        timers[f"verify_{name}"] = with_kernel(name, "hashing.verify(STATE, TAIL, NONCE, TARGET)")
        timers[f"batch_{name}"] = with_kernel(
            name, "hashing.verify_batch(STATE, TAIL, BATCH, TARGET)"
        )
    times = alternate(timers)
    baseline_s = times.pop("hashlib")
    figures = {"hashlib_verify_us": baseline_s * 1e6}
    for name, seconds in times.items():
        count = BATCH_COUNT if name.startswith("batch") else 1
        figures[f"{name}_x"] = baseline_s * count / seconds
    return figures


def limits_library(folder: Path) -> ctypes.CDLL | None:
    """Compile limits.c; None on a machine without a C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    library = folder / "limits.so"
    source = Path(__file__).with_name("limits.c")
    options = ["-O3", "-shared", "-fPIC", f"-I{KERNEL_SOURCES}", "-o", str(library)]
    subprocess.run([compiler, *options, str(source)], check=True)
    return ctypes.CDLL(str(library))


def instructions_of(kernel: str) -> str:
    """Name the instructions that a kernel searches with, as limits.c spells them."""
    return kernel.split("+")[-1].removesuffix("-x1").replace("-", "_")


def lanes_of(instructions: str) -> int:
    """Count the hashes that one step of the limit loop stands for."""
    return {"avx512": 16, "avx2": 8, "sse2": 4, "neon": 4}.get(instructions, 1)


def search() -> dict[str, float]:
    """MH/s of each kernel, of the textbook loop in C, and of the instructions if nothing waits."""
    timers = {
        f"scan_{name}": with_kernel(name, "hashing.scan(STATE, TAIL, 0, SCAN_COUNT, NO_HASH_MEETS)")
        for name in hashing.kernels()
    }
    hashes = dict.fromkeys(timers, SCAN_COUNT)
    with tempfile.TemporaryDirectory() as folder:
        library = limits_library(Path(folder))
        if library is not None:
            plain = library.plain_scan
            timers["plain_c"] = Timer(lambda: plain(SCAN_COUNT // 8))
            hashes["plain_c"] = SCAN_COUNT // 8
            for instructions in dict.fromkeys(map(instructions_of, hashing.kernels())):
                loop = getattr(library, f"limit_{instructions}")
                timers[f"limit_{instructions}"] = Timer(
                    "loop(STEPS)", globals={"loop": loop, "STEPS": LIMIT_STEPS}
                )
                hashes[f"limit_{instructions}"] = LIMIT_STEPS * lanes_of(instructions)
        times = alternate(timers)
    rates = {name: hashes[name] / seconds / 1e6 for name, seconds in times.items()}
    figures = {f"{name}_mhs": rate for name, rate in rates.items()}
    if library is not None:
        for name in hashing.kernels():
            rate = rates[f"scan_{name}"]
            figures[f"scan_{name}_plain_c_x"] = rate / rates["plain_c"]
            figures[f"scan_{name}_of_limit"] = rate / rates[f"limit_{instructions_of(name)}"]
    return figures


def measure() -> dict[str, float]:
    """All figures.

    ``..._x`` are ratios, larger is better; ``..._mhs`` million headers per second on one core;
    ``..._of_limit`` the share of the instruction limit. ``best`` is the kernel in use.
    """
    best = hashing.kernel()
    try:
        figures = verification() | search()
    finally:
        hashing.use_kernel(best)
    for figure in ("verify_{}_x", "batch_{}_x", "scan_{}_mhs"):
        figures[figure.format("best")] = figures[figure.format(best)]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    print(f"kernel in use: {hashing.kernel()}; usable here: {', '.join(hashing.kernels())}")
    figures = measure()
    for name, value in figures.items():
        print(f"{name:<34}{value:10.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
