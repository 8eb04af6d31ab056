"""Columns about a stick: ``devs``, ``edevs``, ``asc`` and ``devdetails``."""

from luxminer.api import figures
from luxminer.api.columns import (
    FLAG,
    MEGAHASHES,
    RATE,
    ROUNDED,
    TEXT,
    TIME,
    VOLTS,
    WHOLE,
    YES_NO,
    Column,
    Columns,
    constant,
    table,
)
from luxminer.api.sections import SectionTable
from luxminer.telemetry.model import DeviceSnapshot, DeviceStatus, Illness

__all__ = [
    "ASC_SECTION",
    "DEVDETAILS",
    "DEVDETAILS_SECTION",
    "DEVICE",
    "DEVS_SECTION",
    "NOTIFY_SECTION",
]


def _last_share_pool(device: DeviceSnapshot) -> int:
    """LuxOS counts from 1; 0 is none."""
    pool = device.shares.last_share_pool
    return 0 if pool is None else pool + 1


DEVICE: Columns[DeviceSnapshot] = table(
    Column("ASC", WHOLE, lambda _, d: d.id),
    Column("Name", TEXT, lambda _, d: d.code),
    # LuxOS: the same as ASC, which a client may pass on as a board id.
    Column("ID", WHOLE, lambda _, d: d.id),
    Column("Enabled", YES_NO, lambda _, d: d.enabled),
    Column("Status", TEXT, lambda _, d: d.status if d.present else DeviceStatus.DEAD),
    Column("Temperature", RATE, lambda _, d: d.temperature_c),
    Column("MHS av", RATE, lambda _, d: figures.rate_hs(d, d.rates.average) / 1e6),
    Column("MHS 5s", RATE, lambda _, d: figures.rate_hs(d, d.rates.s5) / 1e6),
    Column("MHS 1m", RATE, lambda _, d: figures.rate_hs(d, d.rates.m1) / 1e6),
    Column("MHS 5m", RATE, lambda _, d: figures.rate_hs(d, d.rates.m5) / 1e6),
    Column("MHS 15m", RATE, lambda _, d: figures.rate_hs(d, d.rates.m15) / 1e6),
    Column("Accepted", WHOLE, lambda _, d: d.shares.accepted),
    Column("Rejected", WHOLE, lambda _, d: d.shares.rejected_total),
    Column("Hardware Errors", WHOLE, lambda _, d: d.nonces.hw_errors),
    Column("Utility", ROUNDED, lambda _, d: figures.per_minute(d.shares.accepted, d.elapsed_s)),
    Column("Last Share Pool", WHOLE, lambda _, d: _last_share_pool(d)),
    Column("Last Share Time", TIME, lambda _, d: d.shares.last_share_wall_s),
    Column("Total MH", MEGAHASHES, lambda _, d: figures.megahashes(d.nonces.diff1_work)),
    Column("Diff1 Work", WHOLE, lambda _, d: d.nonces.diff1_work),
    Column("Difficulty Accepted", WHOLE, lambda _, d: d.shares.difficulty_accepted),
    Column("Difficulty Rejected", WHOLE, lambda _, d: d.shares.difficulty_rejected),
    Column("Last Share Difficulty", WHOLE, lambda _, d: d.shares.last_share_difficulty),
    Column("No Device", FLAG, lambda _, d: not d.present),
    Column("Last Valid Work", TIME, lambda _, d: d.last_valid_work_wall_s),
    Column(
        "Device Hardware%",
        ROUNDED,
        lambda _, d: figures.hardware_percent(d.nonces.hw_errors, figures.diff1_at_full_scale([d])),
    ),
    Column(
        "Device Rejected%",
        ROUNDED,
        lambda _, d: figures.ratio_percent(d.shares.difficulty_rejected, d.nonces.diff1_work),
    ),
    Column("Device Elapsed", ROUNDED, lambda _, d: d.elapsed_s),
    # LuxOS
    Column("Board", TEXT, lambda _, d: d.model),
    Column("Connector", TEXT, lambda _, d: d.usb_path or d.path),
    constant("ControllerIPVersionHex", "0x0"),  # there is no logic between host and chips
    constant("ControllerIPVersionStr", "N/A"),
    Column("Hardware Error MHS 15m", ROUNDED, lambda _, d: figures.rate_hs(d, d.hw_error_hs) / 1e6),
    Column("IsRamping", FLAG, lambda _, d: d.is_ramping),
    Column("IsUserShutdown", FLAG, lambda _, d: d.is_shut_down or not d.enabled),
    Column("MHS 30m", RATE, lambda _, d: figures.rate_hs(d, d.rates.m30) / 1e6),
    Column("MHS 60m", RATE, lambda _, d: figures.rate_hs(d, d.rates.h1) / 1e6),
    Column("Nominal MHS", RATE, lambda _, d: figures.rate_hs(d, d.nominal_hs) / 1e6),
    Column("Profile", TEXT, lambda _, d: d.profile),
    Column("SerialNumber", TEXT, lambda _, d: d.serial),
    # ours: the rest of both ledgers, and what is wrong
    Column("Stale", WHOLE, lambda _, d: d.shares.stale),
    Column("Nonces", WHOLE, lambda _, d: d.nonces.nonces),
    Column("Duplicates", WHOLE, lambda _, d: d.nonces.duplicates),
    Column("Below Target", WHOLE, lambda _, d: d.nonces.below_target),
    Column("Shares", WHOLE, lambda _, d: d.shares.shares),
    Column("Dropped", WHOLE, lambda _, d: d.shares.dropped_total),
    Column("Unanswered", WHOLE, lambda _, d: d.shares.unanswered),
    Column("Waiting", WHOLE, lambda _, d: d.shares.waiting),
    Column("Problem", TEXT, lambda _, d: d.problem),
    Column("Watts", RATE, lambda _, d: d.power_w),
    Column("IsPowerMeasured", FLAG, lambda _, d: d.is_power_measured),
)

DEVDETAILS: Columns[DeviceSnapshot] = table(
    Column("DEVDETAILS", WHOLE, lambda _, d: d.id),
    Column("Name", TEXT, lambda _, d: d.code),
    Column("ID", WHOLE, lambda _, d: d.id),
    Column("Driver", TEXT, lambda _, d: d.driver),
    constant("Kernel", ""),
    Column("Model", TEXT, lambda _, d: d.model),
    Column("Device Path", TEXT, lambda _, d: d.path),
    # LuxOS
    Column("Board", TEXT, lambda _, d: d.model),
    Column("Chips", WHOLE, lambda _, d: len(d.chips)),
    Column("Cores", WHOLE, lambda _, d: d.cores_per_chip),
    Column("Frequency", ROUNDED, lambda _, d: d.target_mhz),
    Column("Profile", TEXT, lambda _, d: d.profile),
    Column("SerialNumber", TEXT, lambda _, d: d.serial),
    Column("Voltage", VOLTS, lambda _, d: d.voltage_v),
    # ours
    Column("Chip Type", TEXT, lambda _, d: d.chip),
    Column("USB Path", TEXT, lambda _, d: d.usb_path),
)


def _times(label: str, what: Illness) -> Column[DeviceSnapshot]:
    return Column(label, WHOLE, lambda _, d: d.illness.counts.get(what, 0))


NOTIFY: Columns[DeviceSnapshot] = table(
    Column("NOTIFY", WHOLE, lambda _, d: d.id),
    Column("Name", TEXT, lambda _, d: d.code),
    Column("ID", WHOLE, lambda _, d: d.id),
    Column("Last Well", TIME, lambda _, d: d.last_valid_work_wall_s),
    Column("Last Not Well", TIME, lambda _, d: d.illness.last_wall_s),
    Column("Reason Not Well", TEXT, lambda _, d: d.illness.last or "None"),
    _times("*Thread Fail Init", Illness.FAIL_INIT),
    _times("*Thread Zero Hash", Illness.ZERO_HASH),
    _times("*Thread Fail Queue", Illness.FAIL_QUEUE),
    _times("*Dev Sick Idle 60s", Illness.SICK_IDLE),
    _times("*Dev Dead Idle 600s", Illness.DEAD_IDLE),
    _times("*Dev Nostart", Illness.NO_START),
    _times("*Dev Over Heat", Illness.OVER_HEAT),
    _times("*Dev Thermal Cutoff", Illness.THERMAL_CUTOFF),
    _times("*Dev Comms Error", Illness.COMMS_ERROR),
    _times("*Dev Throttle", Illness.THROTTLE),
)
NOTIFY_SECTION = SectionTable("NOTIFY", NOTIFY, lambda m: m.devices)
DEVS_SECTION = SectionTable("DEVS", DEVICE, lambda m: m.devices)
ASC_SECTION = SectionTable("ASC", DEVICE)
DEVDETAILS_SECTION = SectionTable("DEVDETAILS", DEVDETAILS, lambda m: m.devices)
