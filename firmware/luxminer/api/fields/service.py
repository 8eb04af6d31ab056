"""What ``debug`` and ``usbstats`` show: the first one's switches are levels of the log here."""

from typing import NamedTuple

from luxminer.api.columns import FLAG, FREE, TEXT, WHOLE, Column, Columns, constant, table
from luxminer.api.sections import SectionTable
from luxminer.telemetry.model import DeviceSnapshot, MinerSnapshot

__all__ = ["DEBUG_SECTION", "USBSTATS_SECTION", "level_after", "transfers"]

NORMAL = "info"
SWITCHES = {"q": "warning", "v": "debug", "d": "debug", "r": "trace"}
"""The level that each switches to, and back from."""


def level_after(setting: str, level: str) -> str:
    """Return the level after ``debug``; any other text than its letters leaves it."""
    letter = setting[:1].lower()
    if letter == "s":
        return "error"
    if letter == "n":
        return NORMAL
    if letter not in SWITCHES:
        return level
    wanted = SWITCHES[letter]
    return NORMAL if level == wanted else wanted


DEBUG: Columns[str] = table(
    Column("Silent", FLAG, lambda _, level: level == "error"),
    Column("Quiet", FLAG, lambda _, level: level in ("error", "warning")),
    Column("Verbose", FLAG, lambda _, level: level in ("debug", "trace")),
    Column("Debug", FLAG, lambda _, level: level in ("debug", "trace")),
    Column("RPCProto", FLAG, lambda _, level: level == "trace"),
    constant("PerDevice", False),
    constant("WorkTime", False),
    # ours
    Column("Level", TEXT, lambda _, level: level),
)

DEBUG_SECTION = SectionTable("DEBUG", DEBUG, is_single=True)


class Transfers(NamedTuple):
    """One kind of transfers of a stick."""

    device: DeviceSnapshot
    stat: str
    modes: str
    number: int


def transfers(miner: MinerSnapshot) -> list[Transfers]:
    """Return two kinds per stick that is there: tasks that were sent, nonces that came."""
    return [
        row
        for device in miner.devices
        if device.present
        for row in (
            Transfers(device, "SendWork", "bw", device.tasks_sent),
            Transfers(device, "GetResults", "br", device.nonces.nonces),
        )
    ]


def _unmeasured(label: str) -> Column[Transfers]:
    return Column(label, FREE, lambda _m, _t: 0)


USBSTATS: Columns[Transfers] = table(
    Column("Name", TEXT, lambda _, t: t.device.code),
    Column("ID", WHOLE, lambda _, t: t.device.name_id),
    Column("Stat", TEXT, lambda _, t: t.stat),
    constant("Seq", 0),
    Column("Modes", TEXT, lambda _, t: t.modes),
    Column("Count", WHOLE, lambda _, t: t.number),
    _unmeasured("Total Delay"),
    _unmeasured("Min Delay"),
    _unmeasured("Max Delay"),
    constant("Timeout Count", 0),
    _unmeasured("Timeout Total Delay"),
    _unmeasured("Timeout Min Delay"),
    _unmeasured("Timeout Max Delay"),
    constant("Error Count", 0),
    _unmeasured("Error Total Delay"),
    _unmeasured("Error Min Delay"),
    _unmeasured("Error Max Delay"),
    _unmeasured("First Command"),
    _unmeasured("Last Command"),
    _unmeasured("First Timeout"),
    _unmeasured("Last Timeout"),
    _unmeasured("First Error"),
    _unmeasured("Last Error"),
)

USBSTATS_SECTION = SectionTable("USBSTATS", USBSTATS, transfers)
