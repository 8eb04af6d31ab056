"""Miner snapshots for tests: two sticks and three pools, every number different."""

import dataclasses
from dataclasses import fields
from fractions import Fraction
from typing import Any

from luxminer.api.access import Caller
from luxminer.api.dispatcher import Dispatcher
from luxminer.config.schema import StratumConfig
from luxminer.control import CommandBus
from luxminer.telemetry.hub import TelemetryHub
from luxminer.telemetry.model import (
    Bucket,
    ChipSnapshot,
    ChipVerdict,
    DeviceSnapshot,
    DeviceStatus,
    EventSnapshot,
    EventTarget,
    FanSnapshot,
    GroupSnapshot,
    HostSnapshot,
    MinerSnapshot,
    NonceCounts,
    PoolOptions,
    PoolSnapshot,
    PoolStatus,
    ProfileSnapshot,
    Rates,
    Severity,
    ShareTally,
    ThermalSnapshot,
    TuningSnapshot,
)

WALL_S = 1_700_000_000.75
OWNER = Caller("127.0.0.1", may_write=True)
VISITOR = Caller("192.168.1.77", may_write=False)


class FakeClock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return WALL_S + self.now_s - 1000.0


def chip(index: int = 0, **changes: Any) -> ChipSnapshot:
    values: dict[str, Any] = {
        "index": index,
        "frequency_mhz": 150.0,
        "nonces": 100 + index,
        "hw_errors": 2,
        "duplicates": 1,
        "healthy": True,
        "verdict": ChipVerdict(found=112, expected=100.25, least=21, wall_s=WALL_S - 60),
        "rates_hs": (8.35e9, 8.45e9, 8.55e9),
        "nonces_10m": (11, 12, 13, 14, 15, 16),
        "frequency_reply_mhz": 149.5,
    }
    return ChipSnapshot(**values | changes)


def tally(**changes: Any) -> ShareTally:
    values: dict[str, Any] = {
        "shares": 21,
        "accepted": 10,
        "rejected": {"stale job": 2, "low difficulty": 1},
        "stale": 3,
        "dropped": {"connection lost": 2},
        "unanswered": 2,
        "waiting": 1,
        "difficulty_accepted": Fraction(10245, 10),
        "difficulty_rejected": Fraction(30),
        "difficulty_stale": Fraction(15),
        "best_share": Fraction(123456789, 1000),
        "found_blocks": 1,
        "last_share_wall_s": WALL_S - 65,
        "last_share_difficulty": Fraction(1024),
        "last_share_pool": 1,
    }
    return ShareTally(**values | changes)


def nonces(**changes: Any) -> NonceCounts:
    values: dict[str, Any] = {
        "nonces": 140,
        "hw_errors": 6,
        "duplicates": 4,
        "below_target": 109,
        "shares": 21,
        "diff1_work": Fraction(130),
    }
    return NonceCounts(**values | changes)


RATES = Rates(
    average=8.1e9, s5=8.2e9, m1=8.3e9, m5=8.4e9, m15=8.5e9, m30=8.6e9, h1=8.7e9, h24=8.8e9
)


def device(id: int = 0, **changes: Any) -> DeviceSnapshot:
    values: dict[str, Any] = {
        "id": id,
        "name_id": id,
        "code": "GSC",
        "model": "GekkoScience Compac",
        "driver": "bm1384",
        "chip": "BM1384",
        "serial": f"1002458{id}",
        "path": f"/dev/ttyUSB{id}",
        "usb_path": f"1-1.{id + 1}",
        "status": DeviceStatus.ALIVE,
        "problem": "",
        "enabled": True,
        "present": True,
        "scale": 1.0,
        "chips": (chip(0),),
        "cores_per_chip": 55,
        "frequency_mhz": 150.0,
        "target_mhz": 150.0,
        "min_mhz": 6.25,
        "max_mhz": 500.0,
        "is_ramping": False,
        "voltage_v": None,
        "temperature_c": None,
        "nominal_hs": 8.25e9,
        "ticket_difficulty": 1.0,
        "task_interval_s": 0.25,
        "tasks_sent": 14400,
        "busy_tasks_sent": 5,
        "bytes_discarded": 0,
        "resets": 1,
        "nonces": nonces(),
        "hw_error_hs": 2.5e6,
        "shares": tally(),
        "rates": RATES,
        "last_valid_work_wall_s": WALL_S - 2,
        "elapsed_s": 3599.6,
        "tuning": TuningSnapshot(is_tuning=False, progress="", measured=0, result=None),
    }
    return DeviceSnapshot(**values | changes)


def pulled(id: int = 0, **changes: Any) -> DeviceSnapshot:
    return device(
        id,
        **{
            "present": False,
            "status": DeviceStatus.DEAD,
            "problem": "pulled",
            "elapsed_s": 0.0,
            "gone_wall_s": WALL_S - 30,
            **changes,
        },
    )


def pool(id: int = 0, **changes: Any) -> PoolSnapshot:
    values: dict[str, Any] = {
        "id": id,
        "url": f"stratum+tcp://pool{id}.example:3333",
        "user": f"account.worker{id}",
        "status": PoolStatus.ALIVE,
        "problem": "",
        "enabled": True,
        "priority": id,
        "group": 0,
        "quota": 1.0,
        "active": id == 0,
        "connected": True,
        "stratum_host": f"pool{id}.example:3333",
        "jobs": 42,
        "works": 5120,
        "discarded": 7,
        "get_failures": 1,
        "remote_failures": 2,
        "bad_lines": 3,
        "shares": tally(),
        "diff1_work": Fraction(260),
        "work_difficulty": Fraction(32768),
        "stratum_difficulty": Fraction(32768),
        "version_rolling": True,
        "version_mask": 0x1FFFE000,
        "block_height": 900_000,
        "block_version": 0x20000000,
        "last_job_wall_s": WALL_S - 9,
        "latency_s": 0.05,
        "message": "",
    }
    return PoolSnapshot(**values | changes)


def event(**changes: Any) -> EventSnapshot:
    values: dict[str, Any] = {
        "code": "POOL_LOGIN_REFUSED",
        "severity": Severity.ERROR,
        "target": EventTarget.POOL,
        "id": 1,
        "text": 'it refuses the login: "who?"; correct user and password',
        "is_notice": False,
        "first_wall_s": WALL_S - 600,
        "last_wall_s": WALL_S - 1,
        "count": 1,
    }
    return EventSnapshot(**values | changes)


def group(id: int = 0, **changes: Any) -> GroupSnapshot:
    values: dict[str, Any] = {
        "id": id,
        "name": "default",
        "quota": 1.0,
        "strategy": "Failover",
        "rotate_s": 3600.0,
        "active": True,
    }
    return GroupSnapshot(**values | changes)


def pool_options(**changes: Any) -> PoolOptions:
    config = StratumConfig()
    values = {each.name: getattr(config, each.name) for each in fields(PoolOptions)}
    return PoolOptions(**values | changes)


def host(**changes: Any) -> HostSnapshot:
    values: dict[str, Any] = {
        "version": "0.1.0",
        "model": "Raspberry Pi 4 Model B Rev 1.4",
        "hostname": "miner",
        "os": "Debian GNU/Linux 12",
        "ip_address": "192.168.1.20",
        "mac_address": "DC:A6:32:00:11:22",
        "serial": "10000000abcdef01",
        "cpu_temperature_c": 48.25,
        "sha256_kernel": "portable",
        "build_date": "Tue Nov 25 04:21:00 UTC 2025",
        "netmask": "255.255.255.0",
        "broadcast_address": "192.168.1.255",
        "gateway": "192.168.1.1",
        "dns_servers": ("192.168.1.1", "9.9.9.9"),
        "dhcp": True,
    }
    return HostSnapshot(**values | changes)


def profiles() -> tuple[ProfileSnapshot, ...]:
    """Of two sticks: a step down, the default, two up."""
    return tuple(
        ProfileSnapshot(
            name="default" if step == 0 else f"{150 + step * 6.25:g}MHz",
            order="default" if step == 0 else f"{step:+d}",
            step=step,
            mhz=150 + step * 6.25,
            core_v=None,
            rate_hs=16.5e9 + step * 0.6875e9,
            power_w=8.4 + step * 0.35,
        )
        for step in range(-1, 3)
    )


class Past:
    """Two complete spans of any length, and one under way."""

    def buckets(self, size_s: int, since_wall_s: float, *, partial: bool) -> list[Bucket]:
        newest_s = WALL_S // size_s * size_s
        ends = [newest_s - size_s, newest_s, *([WALL_S] if partial else [])]
        return [
            Bucket(
                end_wall_s=end_s,
                seconds=float(size_s),
                rate_hs=16.5e9,
                power_w=8.4,
                temperature_c=None,
                accepted=number,
                rejected=2,
                stale=1,
                hw_errors=3,
            )
            for number, end_s in enumerate(ends)
            if end_s > since_wall_s or end_s == WALL_S
        ]


def miner(**changes: Any) -> MinerSnapshot:
    values: dict[str, Any] = {
        "wall_s": WALL_S,
        "elapsed_s": 3600.4,
        "host": host(),
        "devices": (device(0), device(1)),
        "pools": (pool(0), pool(1), pool(2)),
        "groups": (group(0),),
        "thermal": ThermalSnapshot(fans=(FanSnapshot(name="pwmfan", speed_percent=40, rpm=2100),)),
        "pool_options": pool_options(),
        "rates": RATES,
        "nonces": nonces(nonces=280, hw_errors=12, duplicates=8, below_target=239),
        "shares": tally(),
        "lifetime": tally(best_share=Fraction(5_000_000_000)),
        "strategy": "Failover",
        "local_work": 90210,
        "network_blocks": 6,
        "discarded": 120,
        "get_failures": 4,
        "remote_failures": 5,
        "jobs": 43,
        "last_job_wall_s": WALL_S - 9,
        "idle_s": 6.7,
        "block_hash": "00" * 9 + "01c1a80d2f3b6c5e4a79880b1c2d3e4f5061728394a5b6",
        "block_first_seen_wall_s": WALL_S - 111.138298,
        "network_difficulty": Fraction(126411437451912) + Fraction(23, 100),
        "log_interval_s": 30,
        "log_level": "info",
        "hotplug_interval_s": 1.0,
        "read_profiles": profiles,
        "history": Past(),
        "events": (event(id=0), event(id=2)),
    }
    return MinerSnapshot(**values | changes)


def bare_miner(**changes: Any) -> MinerSnapshot:
    """A service that has just started, without sticks and pools."""
    values: dict[str, Any] = {
        "elapsed_s": 0.0,
        "devices": (),
        "pools": (),
        "groups": (),
        "rates": Rates(),
        "nonces": NonceCounts(),
        "shares": ShareTally(),
        "lifetime": ShareTally(),
        "last_job_wall_s": None,
        "block_hash": "",
        "block_first_seen_wall_s": None,
        "network_difficulty": Fraction(0),
        "jobs": 0,
        "events": (),
    }
    return miner(**values | changes)


class Rig:
    """A dispatcher over a snapshot that a test may exchange, and the bus behind it."""

    def __init__(self, snapshot: MinerSnapshot | None = None) -> None:
        self.clock = FakeClock()
        self.snapshot = snapshot or miner()
        self.hub = TelemetryHub(self.clock, lambda: self.snapshot)
        self.bus = CommandBus(self.hub.invalidate)
        self.dispatcher = Dispatcher(self.hub, self.bus, self.clock)

    def change(self, **changes: Any) -> None:
        self.snapshot = dataclasses.replace(self.snapshot, **changes)
        self.hub.invalidate()
