"""Golden vectors of chips, run through the simulator: the opposite side of the same facts.

What a host sent must be understood, and answers come out as the original host accepted them. A
check takes one vector and raises `Mismatch`; kinds that say nothing about a chip's side (a host's
limits, its choice of ids) are not here.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from luxminer_drivers.common.facts import CRC5, CRC16
from luxminer_hil.chipsim.wire import crc
from luxminer_hil.vectors import (
    bridges,
    chips_sim_bm1384,
    chips_sim_framed,
    chips_sim_replies,
    chips_sim_stated,
    chips_sim_telemetry,
)
from luxminer_hil.vectors.chips_sim_search import Vector
from luxminer_hil.vectors.mismatch import expect

__all__ = ["CHECKS", "applicable"]

Check = Callable[[Vector], None]

NO_CHIP = "the simulator has no chip with a side to this"


def check_crc5(vector: Vector) -> None:
    given = vector["input"]
    got = crc(bytes.fromhex(given["data"]), given["bits"], CRC5)
    expect(vector["expect"]["crc5"], got)


def check_crc16(vector: Vector) -> None:
    data = bytes.fromhex(vector["input"]["data"])
    expect(vector["expect"]["crc16"], f"{crc(data, 8 * len(data), CRC16):04x}")


class Table(NamedTuple):
    """Checks for vectors that name one of ``families``."""

    families: frozenset[str]
    checks: Mapping[str, Check]


GENERAL = frozenset({"all", "BM13xx"})

TABLES = (
    Table(GENERAL, {"crc5": check_crc5, "crc16": check_crc16}),
    Table(frozenset({"BM1384"}), chips_sim_bm1384.CHECKS),
    Table(frozenset({"ICARUS"}), chips_sim_bm1384.ICARUS_CHECKS),
    Table(frozenset({"BM1380"}), chips_sim_bm1384.BM1380_CHECKS),
    Table(chips_sim_framed.FAMILIES | {"BM13xx"}, chips_sim_framed.CHECKS),
    Table(frozenset({"BM1391"}), chips_sim_framed.FRAME_CHECKS),
    Table(chips_sim_framed.FAMILIES | {"BM1391"}, chips_sim_replies.CHECKS),
    Table(chips_sim_framed.FAMILIES | {"BM1391"}, chips_sim_stated.CHECKS),
    Table(bridges.VIRTUAL_FAMILIES, bridges.VIRTUAL_CHECKS),
    Table(chips_sim_telemetry.FAMILIES, chips_sim_telemetry.CHECKS),
)


def _check(kind: str, vector: Vector) -> Check | None:
    families = set(str(vector["family"]).split("/"))
    return next(
        (
            table.checks[kind]
            for table in TABLES
            if kind in table.checks and families & table.families
        ),
        None,
    )


def applicable(kind: str, vector: Vector) -> str | None:
    """Return why a vector is not for the simulator; None when `CHECKS` has to pass it, if it can.

    A kind that `CHECKS` does not have says nothing about a chip's side.
    """
    return NO_CHIP if kind in CHECKS and _check(kind, vector) is None else None


def _run(kind: str, vector: Vector) -> None:
    check = _check(kind, vector)
    assert check is not None, (kind, vector["family"])
    check(vector)


CHECKS: Mapping[str, Check] = {
    kind: partial(_run, kind)
    for kind in sorted({kind for table in TABLES for kind in table.checks})
}
