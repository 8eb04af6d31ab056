"""Columns of ``config``: what the machine is and how it is set.

Much of LuxOS's row is about hardware that sticks on a Raspberry Pi do not have; such fields are
constants which say so. Clients check that they are there, with these types.

Ref: LUXminer API (config).
"""

from luxminer.api import figures
from luxminer.api.columns import (
    FLAG,
    FREE,
    ROUNDED,
    TEXT,
    WHOLE,
    Column,
    Columns,
    constant,
    table,
)
from luxminer.api.fields.thermal import asleep
from luxminer.api.sections import single
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["CONFIG", "CONFIG_SECTION"]

NOT_THERE = "N/A"


def _device_codes(miner: MinerSnapshot) -> str:
    """CGMiner puts a blank behind each."""
    return "".join(f"{code} " for code in sorted({device.code for device in miner.devices}))


def _hotplug(miner: MinerSnapshot) -> str:
    interval_s = miner.hotplug_interval_s
    return f"{interval_s:g}" if interval_s else "Disabled"


def _system_status(miner: MinerSnapshot) -> str:
    wrong = any(d.problem for d in miner.devices) or any(p.problem for p in miner.pools)
    return "Degraded" if wrong else "Normal"


def _power_limit(miner: MinerSnapshot) -> float:
    """Watts at the profile that takes the most, as an estimate."""
    return max((profile.power_w for profile in miner.read_profiles()), default=0.0)


def _nameplate_ths(miner: MinerSnapshot) -> float:
    return sum(figures.rate_hs(device, device.nominal_hs) for device in miner.devices) / 1e12


CONFIG: Columns[None] = table(
    Column("ASC Count", WHOLE, lambda m, _: len(m.devices)),
    constant("PGA Count", 0),
    Column("Pool Count", WHOLE, lambda m, _: len(m.pools)),
    Column("Strategy", TEXT, lambda m, _: m.strategy),
    Column("Log Interval", WHOLE, lambda m, _: m.log_interval_s),
    Column("Device Code", TEXT, lambda m, _: _device_codes(m)),
    Column("OS", TEXT, lambda m, _: m.host.os),
    Column("Hotplug", TEXT, lambda m, _: _hotplug(m)),
    # LuxOS
    constant("ActualPowerTarget", 0),
    Column("BcastAddr", TEXT, lambda m, _: m.host.broadcast_address),
    Column("ControlBoardType", TEXT, lambda m, _: m.host.model),
    Column("Cooling", TEXT, lambda m, _: "Immersion" if m.thermal.limits.immersion else "Air"),
    Column("CurtailMode", TEXT, lambda m, _: asleep(m)),
    Column("DHCP", FLAG, lambda m, _: m.host.dhcp),
    Column("DNS Servers", TEXT, lambda m, _: " ".join(m.host.dns_servers)),
    constant("FPGABuildIdHex", "0x0"),  # Luxor's health script needs it not to be empty
    constant("FPGABuildIdStr", NOT_THERE),
    constant("FeeStatus", NOT_THERE),
    Column("Gateway", TEXT, lambda m, _: m.host.gateway),
    Column("GreenLed", TEXT, lambda m, _: m.thermal.leds.get("green", "off")),
    constant("HasDieTempOverheatCoverage", False),
    Column("Hostname", TEXT, lambda m, _: m.host.hostname),
    Column("IPAddr", TEXT, lambda m, _: m.host.ip_address),
    constant("IdealPowerTarget", 0),
    Column("ImmersionMode", FLAG, lambda m, _: m.thermal.limits.immersion),
    Column("IsAtmEnabled", FLAG, lambda m, _: m.thermal.atm.enabled),
    Column("IsPowerSupplyOn", FLAG, lambda m, _: not m.thermal.is_asleep),
    constant("IsPowerTargetEnabled", False),
    constant("IsPowerTargetSupported", False),
    constant("IsSingleVoltage", True),  # the 5 V of USB
    Column("IsTuning", FLAG, lambda m, _: any(d.tuning and d.tuning.is_tuning for d in m.devices)),
    Column("LogFileLevel", TEXT, lambda m, _: m.log_level),
    Column("MACAddr", TEXT, lambda m, _: m.host.mac_address.lower()),
    Column("Model", TEXT, lambda m, _: m.host.model),
    Column("NameplateTHS", FREE, lambda m, _: _nameplate_ths(m)),
    Column("Netmask", TEXT, lambda m, _: m.host.netmask),
    constant("PIC", NOT_THERE),
    constant("PSUHwVersion", NOT_THERE),
    constant("PSULabel", NOT_THERE),
    Column("PowerLimit", ROUNDED, lambda m, _: _power_limit(m)),
    Column("Profile", TEXT, lambda m, _: m.profile_name),
    Column("ProfileStep", TEXT, lambda m, _: "" if m.profile_step is None else str(m.profile_step)),
    constant("RampMode", "Standard"),
    # Clients take everything but off and auto for a fault light that is on.
    Column("RedLed", TEXT, lambda m, _: m.thermal.leds.get("red", "off")),
    Column("SerialNumber", TEXT, lambda m, _: m.host.serial),
    Column("SystemStatus", TEXT, lambda m, _: _system_status(m)),
    constant("UpdateOnStartup", "off"),
    constant("UpdateOnTimeout", "off"),
    constant("UpdateOnUser", "off"),
    constant("UpdateSource", ""),
    constant("UpdateTimeout", 0),
)

CONFIG_SECTION = single("CONFIG", CONFIG)
