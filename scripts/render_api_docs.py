"""Writes the part of docs/api.md about commands from their table: run it after changing that."""

import asyncio
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "api.md"


def main() -> None:
    sys.path.insert(0, str(ROOT))  # the examples run against the miner of the tests
    examples = importlib.import_module("tests.unit.api.examples")
    PAGE.write_text(asyncio.run(examples.page(PAGE.read_text())))
    print(f"{PAGE.relative_to(ROOT)} is written")


if __name__ == "__main__":
    main()
