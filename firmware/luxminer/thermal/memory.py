"""What is remembered over a restart: whether sticks sleep, and how far they have stepped."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from luxminer.pool.files import write_atomically
from luxminer.tuning.ladder import STEPS_DOWN, STEPS_UP

__all__ = ["FILE_NAME", "Memory", "load", "save"]

FILE_NAME = "thermal.json"
MAX_BYTES = 4096
MOST_STEPS = STEPS_DOWN + STEPS_UP


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    is_asleep: bool = False
    atm_steps: int = 0


def load(folder: Path) -> Memory:
    """Read the file; what was never written is as if nothing had happened. Blocks.

    Raises OSError, and ValueError for a file that was not written by `save`.
    """
    try:
        with (folder / FILE_NAME).open("rb") as file:
            read = json.loads(file.read(MAX_BYTES))
    except FileNotFoundError:
        return Memory()
    if not isinstance(read, dict):
        raise ValueError("no JSON object")
    is_asleep, steps = read.get("is_asleep"), read.get("atm_steps")
    if not isinstance(is_asleep, bool) or type(steps) is not int or abs(steps) > MOST_STEPS:
        raise ValueError(f"is_asleep {is_asleep!r}, atm_steps {steps!r}")
    return Memory(is_asleep=is_asleep, atm_steps=steps)


def save(folder: Path, memory: Memory) -> None:
    """Write the file. Blocks; raises OSError."""
    write_atomically(folder / FILE_NAME, json.dumps(asdict(memory)).encode() + b"\n")
