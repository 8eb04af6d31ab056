"""Columns of ``stats``, the block that farm monitors read, and of ``estats``, Gekko's rows.

Of Gekko's keys only those are here that the service knows; the inner timings of CGMiner's driver
are not, and its protocol document lets a driver change the content of this reply.

Ref: LUXminer API (stats); CGMiner API (estats of the Gekko driver).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from luxminer.api import figures
from luxminer.api.columns import (
    FREE,
    RATE,
    ROUNDED,
    TEXT,
    WHOLE,
    Column,
    Columns,
    constant,
    table,
)
from luxminer.api.sections import SectionTable
from luxminer.telemetry.model import ChipSnapshot, DeviceSnapshot, FanSnapshot, MinerSnapshot

__all__ = [
    "CHIP",
    "ESTATS_SECTION",
    "FAN_SLOTS",
    "GEKKO",
    "GEKKO_DRIVER",
    "MIN_SLOTS",
    "STATS_BLOCK",
    "STATS_FAN",
    "STATS_HEADER",
    "STATS_SECTION",
    "STATS_SLOT",
    "Chip",
]

MIN_SLOTS = 4
"""Numbered sets that readers expect at least."""
FAN_SLOTS = 4
NEVER_MEASURED = 99999999
NO_SENSOR = "0-0-0-0"
MARKS_TOGETHER = 4
"""Chips between two blanks of ``chain_acs``."""
SPAN_S = 600.0
"""Of one count in `ChipSnapshot.nonces_10m`."""
SPANS = 6

STATS_HEADER: Columns[None] = table(
    Column("CompileTime", TEXT, lambda m, _: m.host.build_date),
    Column("Miner", TEXT, lambda m, _: m.host.version),
    Column("Type", TEXT, lambda m, _: m.host.model),
)


def _present(miner: MinerSnapshot) -> list[DeviceSnapshot]:
    return [device for device in miner.devices if device.present]


def _temperatures_c(miner: MinerSnapshot) -> list[float]:
    return [d.temperature_c for d in _present(miner) if d.temperature_c is not None]


def _hottest_c(miner: MinerSnapshot) -> float | None:
    """Let the processor stand in where no stick has a sensor."""
    return max(_temperatures_c(miner), default=miner.host.cpu_temperature_c)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


STATS_BLOCK: Columns[None] = table(
    constant("STATS", 0),
    constant("ID", "USB0"),
    Column("Elapsed", ROUNDED, lambda m, _: m.elapsed_s),
    constant("Calls", 0),
    constant("Wait", 0),
    constant("Max", 0),
    constant("Min", NEVER_MEASURED),
    # LuxOS
    Column("GHS 5s", RATE, lambda m, _: m.rates.s5 / 1e9),
    Column("GHS av", RATE, lambda m, _: m.rates.average / 1e9),
    constant("Mode", 2),
    Column("fan_num", WHOLE, lambda m, _: len(m.thermal.fans)),
    Column("frequency", ROUNDED, lambda m, _: _mean([d.frequency_mhz for d in _present(m)])),
    Column("miner_count", WHOLE, lambda m, _: len(_present(m))),
    Column("miner_id", TEXT, lambda m, _: m.host.mac_address.replace(":", "").lower()),
    Column("miner_version", TEXT, lambda m, _: m.host.version),
    Column("no_matching_work", WHOLE, lambda m, _: m.nonces.hw_errors),
    Column("rate_30m", RATE, lambda m, _: m.rates.m30 / 1e9),
    constant("rate_unit", "GH"),
    Column("temp_max", RATE, lambda m, _: _hottest_c(m)),
    Column("temp_num", WHOLE, lambda m, _: len(_temperatures_c(m))),
    # LuxOS: the mean of the boards, whatever the name says.
    Column("total rate", RATE, lambda m, _: _mean([d.rates.average for d in _present(m)]) / 1e9),
    Column("total_acn", WHOLE, lambda m, _: sum(len(d.chips) for d in _present(m))),
    Column("total_freqavg", RATE, lambda m, _: _mean([d.frequency_mhz for d in _present(m)])),
    Column("total_rateideal", RATE, lambda m, _: sum(d.nominal_hs for d in _present(m)) / 1e9),
)


def _chip_marks(device: DeviceSnapshot) -> str:
    """One ``o`` per chip, ``x`` for one that finds too little, in groups with a blank before."""
    marks = "".join("x" if chip.healthy is False else "o" for chip in device.chips)
    return "".join(
        f" {marks[at : at + MARKS_TOGETHER]}" for at in range(0, len(marks), MARKS_TOGETHER)
    )


def _four_temperatures(device: DeviceSnapshot | None) -> str:
    """Show the stick's one sensor for all four places that a hash board has."""
    if device is None or device.temperature_c is None:
        return NO_SENSOR
    return "-".join([str(round(device.temperature_c))] * 4)


STATS_SLOT: Columns[DeviceSnapshot | None] = table(
    Column("chain_acn{n}", WHOLE, lambda _, d: len(d.chips) if d else 0),
    Column("chain_acs{n}", TEXT, lambda _, d: _chip_marks(d) if d else ""),
    Column("chain_hw{n}", WHOLE, lambda _, d: d.nonces.hw_errors if d else 0),
    Column("chain_rate{n}", TEXT, lambda _, d: f"{d.rates.average / 1e9:.2f}" if d else "0"),
    Column("freq{n}", RATE, lambda _, d: d.frequency_mhz if d else 0),
    Column("temp{n}", RATE, lambda _, d: d.temperature_c if d else 0),
    Column("temp2_{n}", RATE, lambda _, d: d.temperature_c if d else 0),
    constant("temp_chip{n}", NO_SENSOR),  # the sensor of a stick is on its board
    Column("temp_pcb{n}", TEXT, lambda _, d: _four_temperatures(d)),
    constant("temp_pic{n}", NO_SENSOR),
)
"""One numbered set; None where no stick is."""

STATS_FAN: Columns[FanSnapshot | None] = table(
    Column("fan{n}", WHOLE, lambda _, fan: fan.rpm if fan is not None else 0)
)
"""None where no fan is in our charge."""


GEKKO: Columns[DeviceSnapshot] = table(
    Column("STATS", WHOLE, lambda _, d: d.id),
    Column("ID", TEXT, lambda _, d: f"{d.code}{d.id}"),
    Column("Elapsed", ROUNDED, lambda m, _: m.elapsed_s),
    constant("Calls", 0),
    Column("Wait", FREE, lambda _m, _d: 0),
    Column("Max", FREE, lambda _m, _d: 0),
    Column("Min", FREE, lambda _m, _d: NEVER_MEASURED),
)
"""What a row has for every stick; the next two tables follow while it is plugged in."""

GEKKO_DRIVER: Columns[DeviceSnapshot] = table(
    Column("Serial", TEXT, lambda _, d: d.serial),
    Column("Nonces", WHOLE, lambda _, d: d.nonces.nonces),
    Column("Accepted", WHOLE, lambda _, d: _good_nonces(d)),
    Column("TasksPerSec", FREE, lambda _, d: _tasks_per_second(d)),
    Column("Tasks", WHOLE, lambda _, d: d.tasks_sent),
    Column("BusyWork", WHOLE, lambda _, d: d.busy_tasks_sent),
    Column("MaxTaskWait", ROUNDED, lambda _, d: d.task_interval_s * 1e6),
    Column("TicketDiff", ROUNDED, lambda _, d: d.ticket_difficulty / d.scale),
    Column("NonceExpect", FREE, lambda _, d: _nonce_expected_s(d, d.nominal_hs) * 1000),
    Column("GHGHs", FREE, lambda _, d: d.rates.m5 / 1e9),
    Column("Rolling", FREE, lambda _, d: d.rates.m5 / 1e6),
    Column("Resets", WHOLE, lambda _, d: d.resets),
    Column("Frequency", FREE, lambda _, d: d.frequency_mhz),
    Column("FreqReq", FREE, lambda _, d: d.target_mhz),
    Column("Dups", WHOLE, lambda _, d: d.nonces.duplicates),
    Column("Chips", WHOLE, lambda _, d: len(d.chips)),
    constant("FreqLocked", True),  # nothing but its owner changes a stick's target
    Column("CoremV", ROUNDED, lambda _, d: _millivolts(d.voltage_v), optional=True),
    Column("Temp", FREE, lambda _, d: d.temperature_c, optional=True),
)


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip of one stick, for the columns that are repeated for each."""

    stick: DeviceSnapshot
    own: ChipSnapshot


CHIP: Columns[Chip] = table(
    Column("Chip{n}Nonces", WHOLE, lambda _, c: c.own.nonces),
    Column("Chip{n}Dups", WHOLE, lambda _, c: c.own.duplicates),
    Column("Chip{n}Ranges", TEXT, lambda _, c: _ranges(c), optional=True),
    Column("Chip{n}FreqSend", FREE, lambda _, c: c.own.frequency_mhz),
    Column("Chip{n}FreqReply", FREE, lambda _, c: c.own.frequency_reply_mhz, optional=True),
)


def _good_nonces(device: DeviceSnapshot) -> int:
    nonces = device.nonces
    return nonces.nonces - nonces.hw_errors - nonces.duplicates


def _tasks_per_second(device: DeviceSnapshot) -> float:
    return device.tasks_sent / device.elapsed_s if device.elapsed_s > 0 else 0.0


def _nonce_expected_s(device: DeviceSnapshot, rate_hs: float) -> float:
    hashes = device.ticket_difficulty * figures.HASHES_PER_DIFF1
    return hashes / rate_hs if rate_hs > 0 else 0.0


def _millivolts(voltage_v: float | None) -> float | None:
    return None if voltage_v is None else voltage_v * 1000


def _ranges(chip: Chip) -> str | None:
    """``a/b/c/d/e/f/sum/percent%``: nonces of six spans, newest first, against expectation."""
    counts = (chip.own.nonces_10m + (0,) * SPANS)[:SPANS]
    if not chip.own.nonces_10m:
        return None
    up_s = chip.stick.elapsed_s
    covered_s = up_s if up_s < SPANS * SPAN_S else (SPANS - 1) * SPAN_S + up_s % SPAN_S
    each_s = _nonce_expected_s(chip.stick, chip.stick.nominal_hs / len(chip.stick.chips))
    percent = figures.ratio_percent(sum(counts), covered_s / each_s if each_s else 0)
    return "/".join(map(str, (*counts, sum(counts)))) + f"/{percent:.2f}%"


STATS_SECTION = SectionTable("STATS", STATS_HEADER, more=(STATS_BLOCK, STATS_SLOT, STATS_FAN))
ESTATS_SECTION = SectionTable("STATS", GEKKO, more=(GEKKO_DRIVER, CHIP))
