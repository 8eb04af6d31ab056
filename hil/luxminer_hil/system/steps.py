"""What several scenarios do: bring sticks up, look at rows and drivers, end in order."""

import asyncio
import time
from typing import Any

from luxminer_hil.system.machine import HUB, Machine, MachineError
from luxminer_hil.system.rig import Rig
from luxminer_hil.system.service import ALIVE, DEAD, Answer, Service

__all__ = [
    "ENUMERATED_S",
    "FIRST_SHARES_S",
    "LIBUSB",
    "MINING_AGAIN_S",
    "NOTICED_S",
    "accepted",
    "all_mine_again",
    "drivers",
    "expected_drivers",
    "finish",
    "identities",
    "is_mining",
    "mine",
    "mines_again",
    "noticed",
    "paths",
    "row_of",
]

NOTICED_S = 1.0
"""From the plug pulled to a row that says so, as a client of the API sees it."""

MINING_AGAIN_S = 10.0
"""From the plug back in to the next share that a pool has accepted."""

FIRST_SHARES_S = 90.0
"""For the first shares of all sticks; nothing is promised about an emulated processor."""

ENUMERATED_S = 15.0
PATIENCE_S = 60.0
"""For what is measured, and judged then."""

CP210X, FTDI, LIBUSB = "cp210x", "ftdi_sio", "usbfs"
DRIVERS = {
    "compac": {"1.0": CP210X},
    "2pac": {"1.0": CP210X},
    "newpac": {"1.0": FTDI},
    "compacf": {"1.0": FTDI},
    "compaca2": {"1.0": CP210X, "1.1": CP210X},
}
"""Model -> interface -> driver of the kernel for its bridge."""


async def drivers(machine: Machine) -> dict[str, str]:
    """Return the interfaces behind the hub, as ``1-1.3:1.0``, and which driver has each."""
    text = await machine.order(
        f"for i in /sys/bus/usb/devices/{HUB}.*:*; do"
        " [ -e $i/driver ] && echo $(basename $i) $(basename $(readlink $i/driver)); done; true"
    )
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def expected_drivers(rig: Rig) -> dict[str, str]:
    """Return what `drivers` has to say when the kernel has bound its own to all sticks."""
    found: dict[str, str] = {}
    for number, stick in enumerate(rig.sticks, 1):
        is_ftdi = stick.plan.identity is not None
        interfaces = {"1.0": FTDI} if is_ftdi else DRIVERS[stick.plan.model]
        found |= {f"{HUB}.{number}:{name}": driver for name, driver in interfaces.items()}
    return found


async def mine(rig: Rig, machine: Machine, service: Service) -> None:
    """Start the service; book that the kernel binds its drivers, and all sticks get shares."""
    started_s = time.monotonic()
    expected = expected_drivers(rig)
    while (found := await drivers(machine)) != expected:
        if time.monotonic() > started_s + ENUMERATED_S:
            break
        await asyncio.sleep(0.1)
    names = " ".join(found[place] for place in sorted(found))
    rig.check.that("the kernel's drivers bind", found == expected, names)
    rig.check.note("luxminer to its first answer", await service.start(rig.settings))
    count = len(rig.sticks)
    took_s = await service.until(
        lambda rows: len(rows) == count and all(is_mining(row, 1) for row in rows),
        FIRST_SHARES_S,
        f"shares of {count} sticks",
    )
    rig.check.note(f"then shares of all {count} accepted after", took_s)


async def finish(rig: Rig, service: Service) -> None:
    """Stop the service and book what must be so after every run."""
    summary = (await service.ask("summary"))["SUMMARY"][0]
    rig.check.note("luxminer to its end", await service.stop())
    books = rig.pool.ledger()
    rig.check.that("no share rejected", not books.rejected, f"{books.accepted} accepted")
    wrong = summary["Hardware Errors"]
    rig.check.that("no wrong nonce", wrong == 0, f"{wrong} of {summary['Nonces']}")
    log = (rig.logs / "service.log").read_text(errors="replace")
    rig.check.that("no traceback in the log", "Traceback" not in log)


# --- Rows of `devs` ---------------------------------------------------------------------------


def row_of(rows: list[Answer], serial: str) -> Answer:
    """Raise MachineError when a stick has no row."""
    for row in rows:
        if row["SerialNumber"] == serial:
            return row
    raise MachineError(f"no row of stick {serial}: {identities(rows)}")


def is_mining(row: Answer, count: int) -> bool:
    """Tell whether a stick is up and has got ``count`` shares accepted."""
    return bool(row["Status"] == ALIVE and row["Accepted"] >= count)


def identities(rows: list[Answer]) -> dict[str, Any]:
    """Return the number of each stick by what it is known by."""
    return {row["SerialNumber"]: row["ID"] for row in rows}


def accepted(rows: list[Answer]) -> dict[str, int]:
    """Return the shares of each stick."""
    return {row["SerialNumber"]: row["Accepted"] for row in rows}


async def paths(service: Service) -> dict[str, str]:
    """Return how each stick is driven, by its serial number."""
    details = (await service.ask("devdetails"))["DEVDETAILS"]
    return {row["SerialNumber"]: row["Device Path"] for row in details}


# --- Times ------------------------------------------------------------------------------------


async def noticed(service: Service, serial: str) -> float:
    """Wait until a stick is shown as gone, and return the seconds that took."""
    return await service.until(
        lambda rows: row_of(rows, serial)["Status"] == DEAD, PATIENCE_S, "it is seen gone"
    )


async def mines_again(service: Service, serial: str, before: int) -> float:
    """Wait until a stick has more shares than ``before``, and return the seconds that took."""
    return await service.until(
        lambda rows: is_mining(row_of(rows, serial), before + 1), PATIENCE_S, "it mines again"
    )


async def all_mine_again(service: Service, before: dict[str, int]) -> float:
    """Wait until all sticks have more shares than ``before``; return the seconds that took."""
    return await service.until(
        lambda rows: all(is_mining(row, before[row["SerialNumber"]] + 1) for row in rows),
        PATIENCE_S,
        "all mine again",
    )
