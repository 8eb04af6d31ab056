"""A day of mining among pools that fail at random: ``python bench/day.py``; see docs/bench.md."""

import argparse
import random
import sys

from luxminer_hil.outages.day import run_day
from luxminer_hil.outages.report import figures, lines, misses

__all__ = ["measure"]

SEED = 7


def measure(seed: int = SEED, hours: int = 24) -> dict[str, float]:
    """Run it and print what it came to; returns the figures."""
    day = run_day(seed, hours)
    for line in lines(day):
        print(line)
    for miss in misses(day):
        print(f"NOT HELD: {miss}")
    return figures(day) | {"day_bounds_not_held": float(len(misses(day)))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="of everything that chance does; random if left")
    parser.add_argument("--hours", type=int, default=24)
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    return 1 if measure(seed, options.hours)["day_bounds_not_held"] else 0


if __name__ == "__main__":
    sys.exit(main())
