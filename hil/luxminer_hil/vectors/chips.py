"""Golden vectors of chips, run through the driver's own codecs: which check is for which family."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from luxminer_drivers.bm13xx.commands import crc5
from luxminer_drivers.common.crc import CRC16, crc16
from luxminer_hil.vectors import (
    bridges,
    chips_bm13xx,
    chips_bm1384,
    chips_controllers,
    chips_older,
    chips_replies,
    chips_running,
    chips_stated,
)
from luxminer_hil.vectors.chips_shared import Check, Vector
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS", "FAMILIES", "applicable"]


def check_crc5(vector: Vector) -> None:
    given = vector["input"]
    expect(vector["expect"]["crc5"], crc5(bytes.fromhex(given["data"]), given["bits"]))


def check_crc16(vector: Vector) -> None:
    data = bytes.fromhex(vector["input"]["data"])
    expect(vector["expect"]["crc16"], f"{CRC16(data):04x}")
    expect(vector["expect"]["crc16"], f"{crc16(data):04x}", "fast way")


class Table(NamedTuple):
    """Checks for the families that a vector may name."""

    families: frozenset[str]
    checks: Mapping[str, Check]


GENERAL = frozenset({"all", "BM13xx"})
"""What vectors name that hold for every chip."""

LATER = frozenset(chips_bm13xx.FAMILIES)

FAMILY_TABLES = (
    Table(chips_bm1384.FAMILIES, chips_bm1384.CHECKS),
    Table(frozenset({"ICARUS"}), chips_older.ICARUS_CHECKS),
    Table(frozenset({"BM1380"}), chips_older.BM1380_CHECKS),
    Table(frozenset({"BM1382"}), chips_older.BM1382_CHECKS),
    Table(LATER, chips_bm13xx.CHECKS),
    Table(LATER, chips_replies.CHECKS),
    Table(LATER, chips_running.CHECKS),
    Table(LATER, chips_stated.CHECKS),
    Table(GENERAL, {name: chips_bm13xx.CHECKS[name] for name in chips_bm13xx.GENERAL_KINDS}),
    Table(chips_controllers.FAMILIES, chips_controllers.CHECKS),
    Table(bridges.FAMILIES, bridges.CHECKS),
)

FAMILIES = frozenset().union(*(table.families for table in FAMILY_TABLES)) - GENERAL
"""Chips, controllers and bridges that a codec exists for.

Vectors name one or several, or one of GENERAL.
"""

TABLES = (
    Table(GENERAL | FAMILIES, {"crc5": check_crc5, "crc16": check_crc16}),
    *FAMILY_TABLES,
)

NO_DRIVER = "no stick with this chip is driven"


def _families(vector: Vector) -> set[str]:
    return set(str(vector["family"]).split("/"))


def _checks(kind: str, vector: Vector) -> list[Check]:
    """Return the checks of all families that a vector names."""
    named = _families(vector)
    return [
        table.checks[kind] for table in TABLES if kind in table.checks and named & table.families
    ]


def applicable(kind: str, vector: Vector) -> str | None:
    """Return why a vector is not for us, or None when `CHECKS` has to pass it."""
    if _checks(kind, vector) or _families(vector) & (FAMILIES | GENERAL):
        return None
    return NO_DRIVER


def _run(kind: str, vector: Vector) -> None:
    checks = _checks(kind, vector)
    if not checks:
        raise Mismatch(f"a check of {vector['family']}", "none", kind)
    for check in checks:
        check(vector)


CHECKS: Mapping[str, Check] = {
    kind: partial(_run, kind) for table in TABLES for kind in table.checks
}
"""Kind of vector -> what raises `Mismatch` for one that `applicable` lets through."""
