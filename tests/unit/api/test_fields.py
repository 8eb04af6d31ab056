"""What each field shows, for the snapshot of `snapshots.py`."""

import dataclasses
import json
from fractions import Fraction
from typing import Any
from unittest.mock import ANY

import pytest

from luxminer.api.render import to_json
from luxminer.api.requests import Request
from luxminer.telemetry.model import (
    DeviceStatus,
    MinerSnapshot,
    NonceCounts,
    PoolStatus,
    Rates,
    TuningSnapshot,
)
from tests.unit.api.snapshots import OWNER, Rig, bare_miner, chip, device, host, miner, pool, tally

LUCK = ("Luck%", "Luck Low%", "Luck High%")


async def rows(command: str, snapshot: MinerSnapshot | None = None) -> list[dict[str, Any]]:
    answer = await Rig(snapshot).dispatcher.handle(Request(command), OWNER)
    tree = json.loads(to_json(answer))
    (key,) = set(tree) - {"STATUS", "id"}
    data = tree[key]
    assert isinstance(data, list)
    return data


async def test_summary() -> None:
    assert (await rows("summary"))[0] == {
        "Elapsed": 3600,
        "MHS av": 8100,
        "MHS 5s": 8200,
        "MHS 1m": 8300,
        "MHS 5m": 8400,
        "MHS 15m": 8500,
        "GHS av": 8.1,
        "GHS 5s": 8.2,
        "GHS 1m": 8.3,
        "GHS 5m": 8.4,
        "GHS 15m": 8.5,
        "GHS 30m": 8.6,
        "GHS 24h": 8.8,
        "Found Blocks": 1,
        "Getworks": 43,
        "Accepted": 10,
        "Rejected": 3,
        "Hardware Errors": 12,
        "Utility": 0.17,  # 10 in 60 minutes
        "Discarded": 120,
        "Stale": 3,
        "Get Failures": 4,
        "Local Work": 90210,
        "Remote Failures": 5,
        "Network Blocks": 6,
        "Total MH": 558345.7485,  # 130 x 2^32
        "Work Utility": 2.17,
        "Difficulty Accepted": 1024,
        "Difficulty Rejected": 30,
        "Difficulty Stale": 15,
        "Best Share": 5_000_000_000,
        "Best Session Share": 123456,
        "Device Hardware%": 4.4118,  # 12 / (12 + 2 x 130)
        "Device Rejected%": 23.0769,  # 30 / 130
        "Pool Rejected%": 2.8050,  # 30 / 1069.5
        "Pool Stale%": 1.4025,
        "Last getwork": 1_699_999_991,
        "Nonces": 280,
        "Duplicates": 8,
        "Below Target": 239,
        "Shares": 21,
        "Dropped": 2,
        "Unanswered": 2,
        "Waiting": 1,
        "Idle Seconds": 7,
        "Best Share Time": 0,
        "Best Share Pool": "",
        "Best Share Stick": "",
        "Best Session Share Time": 0,
        "Best Session Share Pool": "",
        "Best Session Share Stick": "",
        "Expected Shares Per Hour": 0,
        **dict.fromkeys(LUCK, ANY),
    }


async def test_devs() -> None:
    one = device(
        0,
        target_mhz=206.25,
        profile="206.25MHz",
        power_w=5.8,
        is_ramping=True,
        enabled=False,
        status=DeviceStatus.SICK,
        problem="no nonces",
        temperature_c=51.5,
        elapsed_s=120.4,
    )
    assert (await rows("devs", miner(devices=(one,))))[0] == {
        "ASC": 0,
        "Name": "GSC",
        "ID": 0,
        "Enabled": "N",
        "Status": "Sick",
        "Temperature": 51.5,
        "MHS av": 8100,
        "MHS 5s": 8200,
        "MHS 1m": 8300,
        "MHS 5m": 8400,
        "MHS 15m": 8500,
        "MHS 30m": 8600,
        "MHS 60m": 8700,
        "Nominal MHS": 8250,
        "Accepted": 10,
        "Rejected": 3,
        "Hardware Errors": 6,
        "Hardware Error MHS 15m": 2,
        "Utility": 5,
        "Last Share Pool": 2,
        "Last Share Time": 1_699_999_935,
        "Total MH": 558345.7485,
        "Diff1 Work": 130,
        "Difficulty Accepted": 1024,
        "Difficulty Rejected": 30,
        "Last Share Difficulty": 1024,
        "No Device": False,
        "Last Valid Work": 1_699_999_998,
        "Device Hardware%": 4,
        "Device Rejected%": 23,
        "Device Elapsed": 120,
        "Board": "GekkoScience Compac",
        "Connector": "1-1.1",
        "ControllerIPVersionHex": "0x0",
        "ControllerIPVersionStr": "N/A",
        "IsRamping": True,
        "IsUserShutdown": True,
        "Profile": "206.25MHz",
        "SerialNumber": "10024580",
        "Stale": 3,
        "Nonces": 140,
        "Duplicates": 4,
        "Below Target": 109,
        "Shares": 21,
        "Dropped": 2,
        "Unanswered": 2,
        "Waiting": 1,
        "Problem": "no nonces",
        "Watts": 5.8,
        "IsPowerMeasured": False,
    }


async def test_a_stick_that_has_found_nothing_yet() -> None:
    shares = tally(last_share_wall_s=None, last_share_pool=None, last_share_difficulty=Fraction(0))
    new = device(0, usb_path="", shares=shares, last_valid_work_wall_s=None, nonces=NonceCounts())
    row = (await rows("devs", miner(devices=(new,))))[0]
    assert (row["Last Share Pool"], row["Last Share Time"], row["Last Valid Work"]) == (0, 0, 0)
    assert row["Connector"] == "/dev/ttyUSB0"
    assert row["Device Hardware%"] == 0


async def test_ids_are_unique_and_the_same_in_every_reply() -> None:
    """A client may join on Name and ID, or pass ID on as a board id."""
    snapshot = miner(devices=(device(0, code="GSC"), device(1, code="GSD", name_id=0)))
    shown = [(row["Name"], row["ID"]) for row in await rows("devs", snapshot)]
    assert shown == [("GSC", 0), ("GSD", 1)]
    assert shown == [(row["Name"], row["ID"]) for row in await rows("devdetails", snapshot)]
    assert [f"{name}{number}" for name, number in shown] == [
        row["ID"] for row in await rows("estats", snapshot)
    ]


async def test_devdetails() -> None:
    one = device(1, target_mhz=206.25, profile="206.25MHz", voltage_v=0.4567)
    assert (await rows("devdetails", miner(devices=(device(0), one))))[1] == {
        "DEVDETAILS": 1,
        "Name": "GSC",
        "ID": 1,
        "Driver": "bm1384",
        "Kernel": "",
        "Model": "GekkoScience Compac",
        "Device Path": "/dev/ttyUSB1",
        "Board": "GekkoScience Compac",
        "Chips": 1,
        "Cores": 55,
        "Frequency": 206,
        "Profile": "206.25MHz",
        "SerialNumber": "10024581",
        "Voltage": 0.457,
        "Chip Type": "BM1384",
        "USB Path": "1-1.2",
    }


async def test_pools() -> None:
    one = pool(
        0,
        status=PoolStatus.REJECTING,
        problem="rejects all",
        priority=2,
        group=1,
        quota=2.5,
        stratum_difficulty=Fraction(2049, 2),
        message="hello",
    )
    assert (await rows("pools", miner(pools=(one,))))[0] == {
        "POOL": 0,
        "URL": "stratum+tcp://pool0.example:3333",
        "Status": "Rejecting",
        "Priority": 2,
        "Quota": 2.5,
        "Long Poll": "N",
        "Long Pool": "N",
        "Getworks": 42,
        "Accepted": 10,
        "Rejected": 3,
        "Works": 5120,
        "Discarded": 7,
        "Stale": 3,
        "Get Failures": 1,
        "Remote Failures": 2,
        "User": "account.worker0",
        "Last Share Time": "00:01:05",
        "Diff1 Shares": 260,
        "Proxy Type": "",
        "Proxy": "",
        "Difficulty Accepted": 1024,
        "Difficulty Rejected": 30,
        "Difficulty Stale": 15,
        "Last Share Difficulty": 1024,
        "Work Difficulty": 32768,
        "Has Stratum": True,
        "Stratum Active": True,
        "Stratum URL": "pool0.example:3333",
        "Stratum Difficulty": 1024,
        "Has Vmask": True,
        "AsicBoost": True,
        "Has GBT": False,
        "Best Share": 123456,
        "Pool Rejected%": 2.8050,
        "Pool Stale%": 1.4025,
        "Bad Work": 3,
        "Current Block Height": 899_999,
        "Current Block Version": 536870912,
        "Diff": "32K",
        "GROUP": 1,
        "Shares": 21,
        "Dropped": 2,
        "Unanswered": 2,
        "Waiting": 1,
        "Best Share Time": 0,
        "Best Share Stick": "",
        "Expected Shares Per Hour": 0,
        **dict.fromkeys(LUCK, ANY),
        "Problem": "rejects all",
        "Message": "hello",
        "Payout": "",
        "Payout Check": "",
        "Coinbase Outputs": "",
    }


async def test_luck_and_who_found_the_best_shares() -> None:
    found = tally(
        accepted=100,
        rejected={},
        shares=108,
        difficulty_accepted=Fraction(51200),
        difficulty_accepted_squares=100 * 512.0**2,
        best_share=Fraction(90_000),
        best_share_wall_s=1_700_000_100.5,
        best_share_pool="stratum+tcp://now:3333",
        best_share_device="10000042",
    )
    ever = dataclasses.replace(found, best_share=Fraction(10**9), best_share_device="10000007")
    rates = Rates(m15=8.25e9)
    here = pool(0, shares=found, diff1_work=Fraction(40960), work_difficulty=Fraction(512))
    half = dataclasses.replace(here, work_part=0.5)
    work = NonceCounts(nonces=108, shares=108, diff1_work=Fraction(40960))
    seen = miner(pools=(half, half), rates=rates, shares=found, lifetime=ever, nonces=work)

    summary = (await rows("summary", seen))[0]
    assert summary["Best Share"] == 10**9
    assert summary["Best Share Stick"] == "10000007"
    assert summary["Best Session Share"] == 90_000
    assert summary["Best Session Share Stick"] == "10000042"
    assert summary["Best Session Share Time"] == 1_700_000_100
    assert summary["Best Session Share Pool"] == "stratum+tcp://now:3333"
    assert summary["Expected Shares Per Hour"] == pytest.approx(13.506, rel=1e-3)
    for row in (summary, (await rows("pools", seen))[0]):
        assert [row[name] for name in LUCK] == pytest.approx([125, 101.7, 152.03], rel=1e-3)
    one = (await rows("pools", seen))[0]
    assert one["Expected Shares Per Hour"] == pytest.approx(6.753, rel=1e-3)
    assert one["Best Share Stick"] == "10000042"


PAID = (
    "0100000001" + "00" * 32 + "ffffffff" + "0403a0bb0d" + "ffffffff" + "02"
    "00f2052a01000000" + "16" + "0014751e76e8199196d454941c45d1b3a323f1433bd6"
    "0000000000000000" + "26" + "6a24aa21a9ed" + "00" * 32 + "00000000"
)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "50.00000000 bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (
            {"payout": "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"},
            "50.00000000 tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
        ),
        (
            {"user": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080.rig"},
            "50.00000000 bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
        ),
    ],
)
async def test_whom_a_job_pays(changes: dict[str, Any], shown: str) -> None:
    one = pool(0, coinbase=bytes.fromhex(PAID), payout_verdict="found", **changes)
    row = (await rows("pools", miner(pools=(one,))))[0]
    assert row["Coinbase Outputs"] == f"{shown}, 0.00000000 witness commitment"
    assert row["Payout"] == changes.get("payout", "")
    assert row["Payout Check"] == "found"


async def test_a_coinbase_that_cannot_be_read_or_is_long() -> None:
    row = (await rows("pools", miner(pools=(pool(0, coinbase=b"\0"),))))[0]
    assert str(row["Coinbase Outputs"]).startswith("cannot tell: coinbase ends in its version")
    many = PAID[:100] + "14" + "00000000000000000151" * 20 + "00000000"
    row = (await rows("pools", miner(pools=(pool(0, coinbase=bytes.fromhex(many)),))))[0]
    assert str(row["Coinbase Outputs"]).endswith("0.00000000 script 51, 4 more")


async def test_a_node_is_no_stratum() -> None:
    row = (await rows("pools", miner(pools=(pool(0, is_node=True),))))[0]
    assert (row["Has GBT"], row["Has Stratum"]) == (True, False)
    assert (row["Long Poll"], row["Long Pool"]) == ("Y", "Y")


async def test_a_pool_without_a_connection() -> None:
    gone = pool(
        0,
        connected=False,
        active=False,
        stratum_host="",
        block_height=0,
        shares=tally(last_share_wall_s=None),
    )
    row = (await rows("pools", miner(pools=(gone,))))[0]
    assert row["Stratum Active"] is False
    assert row["Stratum URL"] == ""
    assert row["Stratum Difficulty"] == 0
    assert row["Current Block Height"] == 0
    assert row["Last Share Time"] == "0"


async def test_config() -> None:
    row = (await rows("config", miner(devices=(device(0), device(1, code="GSD")))))[0]
    expected = {
        "ASC Count": 2,
        "PGA Count": 0,
        "Pool Count": 3,
        "Strategy": "Failover",
        "Log Interval": 30,
        "Device Code": "GSC GSD ",
        "OS": "Debian GNU/Linux 12",
        "Hotplug": "1",
        "BcastAddr": "192.168.1.255",
        "ControlBoardType": "Raspberry Pi 4 Model B Rev 1.4",
        "DHCP": True,
        "DNS Servers": "192.168.1.1 9.9.9.9",
        "FPGABuildIdHex": "0x0",
        "Gateway": "192.168.1.1",
        "Hostname": "miner",
        "IPAddr": "192.168.1.20",
        "LogFileLevel": "info",
        "MACAddr": "dc:a6:32:00:11:22",
        "Model": "Raspberry Pi 4 Model B Rev 1.4",
        "NameplateTHS": 0.0165,
        "Netmask": "255.255.255.0",
        "Profile": "default",
        "SerialNumber": "10000000abcdef01",
        "SystemStatus": "Normal",
    }
    assert {label: row[label] for label in expected} == expected


async def test_config_of_a_miner_with_troubles() -> None:
    snapshot = miner(
        devices=(device(0), device(1, target_mhz=200.0, problem="no power")), hotplug_interval_s=0.0
    )
    row = (await rows("config", snapshot))[0]
    assert row["SystemStatus"] == "Degraded"
    assert row["Hotplug"] == "Disabled"
    troubled_pool = miner(pools=(pool(0, problem="refused"),))
    assert (await rows("config", troubled_pool))[0]["SystemStatus"] == "Degraded"


async def test_config_tells_about_tuning_and_the_profile() -> None:
    tuning = TuningSnapshot(is_tuning=True, progress="settles", measured=1, result=None)
    tuned = miner(devices=(device(0), device(1, tuning=tuning)), profile="tuned", profile_step=None)
    row = (await rows("config", tuned))[0]
    assert (row["IsTuning"], row["ProfileStep"]) == (True, "")
    idle = dataclasses.replace(tuning, is_tuning=False)
    higher = miner(devices=(device(0, tuning=idle),), profile="+2", profile_step=2)
    row = (await rows("config", higher))[0]
    assert (row["IsTuning"], row["ProfileStep"]) == (False, "2")


async def test_coin() -> None:
    assert await rows("coin") == [
        {
            "Hash Method": "sha256",
            "Current Block Time": 1_699_999_889.611702,
            "Current Block Hash": miner().block_hash,
            "LP": True,
            "Network Difficulty": 126411437451912.23,
        }
    ]
    assert (await rows("coin", bare_miner()))[0] == {
        "Hash Method": "sha256",
        "Current Block Time": 0,
        "Current Block Hash": "",
        "LP": False,
        "Network Difficulty": 0,
    }


async def test_stats() -> None:
    chips = tuple(chip(n, healthy=None if n == 1 else n != 4) for n in range(6))
    second = device(
        1,
        chips=chips,
        frequency_mhz=199.0,
        temperature_c=61.4,
        rates=dataclasses.replace(device().rates, average=4.1e9),
    )
    header, block = await rows("stats", miner(devices=(device(0), second)))
    assert header == {
        "CompileTime": "Tue Nov 25 04:21:00 UTC 2025",
        "Miner": "0.1.0",
        "Type": "Raspberry Pi 4 Model B Rev 1.4",
    }
    expected = {
        "STATS": 0,
        "ID": "USB0",
        "Elapsed": 3600,
        "Calls": 0,
        "Wait": 0,
        "Max": 0,
        "Min": 99999999,
        "GHS 5s": 8.2,
        "GHS av": 8.1,
        "Mode": 2,
        "fan_num": 1,
        "frequency": 174,
        "miner_count": 2,
        "miner_id": "dca632001122",
        "miner_version": "0.1.0",
        "no_matching_work": 12,
        "rate_30m": 8.6,
        "rate_unit": "GH",
        "temp_max": 61.4,
        "temp_num": 1,
        "total rate": 6.1,
        "total_acn": 7,
        "total_freqavg": 174.5,
        "total_rateideal": 16.5,
        "fan1": 2100,
        "fan2": 0,
        "fan3": 0,
        "fan4": 0,
        "chain_acn1": 1,
        "chain_acs1": " o",
        "chain_hw1": 6,
        "chain_rate1": "8.10",
        "freq1": 150,
        "temp1": 0,
        "temp2_1": 0,
        "temp_chip1": "0-0-0-0",
        "temp_pcb1": "0-0-0-0",
        "temp_pic1": "0-0-0-0",
        "chain_acn2": 6,
        "chain_acs2": " oooo xo",
        "chain_hw2": 6,
        "chain_rate2": "4.10",
        "freq2": 199,
        "temp2": 61.4,
        "temp2_2": 61.4,
        "temp_chip2": "0-0-0-0",
        "temp_pcb2": "61-61-61-61",
        "temp_pic2": "0-0-0-0",
    }
    for n in (3, 4):
        expected |= {f"chain_acn{n}": 0, f"chain_acs{n}": "", f"chain_hw{n}": 0}
        expected |= {f"chain_rate{n}": "0", f"freq{n}": 0, f"temp{n}": 0, f"temp2_{n}": 0}
        expected |= {f"temp_{kind}{n}": "0-0-0-0" for kind in ("chip", "pcb", "pic")}
    assert block == expected


async def test_the_processor_is_the_hottest_where_no_stick_has_a_sensor() -> None:
    assert (await rows("stats"))[1]["temp_max"] == 48.25
    unknown = miner(host=host(cpu_temperature_c=None))
    assert (await rows("stats", unknown))[1]["temp_max"] == 0


async def test_estats() -> None:
    two = device(
        1,
        scale=0.5,
        ticket_difficulty=32.0,
        chips=(chip(0), chip(1, nonces_10m=(), frequency_reply_mhz=None)),
        target_mhz=200.0,
        elapsed_s=3900.0,
    )
    assert (await rows("estats", miner(devices=(device(0), two))))[1] == {
        "STATS": 1,
        "ID": "GSC1",
        "Elapsed": 3600,
        "Calls": 0,
        "Wait": 0,
        "Max": 0,
        "Min": 99999999,
        "Serial": "10024581",
        "Nonces": 140,
        "Accepted": 130,
        "TasksPerSec": 3.692308,
        "Tasks": 14400,
        "BusyWork": 5,
        "MaxTaskWait": 250000,
        "TicketDiff": 64,
        "NonceExpect": 16659.267088,
        "GHGHs": 8.4,
        "Rolling": 8400,
        "Resets": 1,
        "Frequency": 150,
        "FreqReq": 200,
        "Dups": 4,
        "Chips": 2,
        "FreqLocked": True,
        "Chip0Nonces": 100,
        "Chip0Dups": 1,
        # 81 found in 3300 s, where one in 33.3 s is expected of this chip
        "Chip0Ranges": "11/12/13/14/15/16/81/81.78%",
        "Chip0FreqSend": 150,
        "Chip0FreqReply": 149.5,
        "Chip1Nonces": 101,
        "Chip1Dups": 1,
        "Chip1FreqSend": 150,
    }


async def test_ranges_that_have_just_begun() -> None:
    young = device(0, elapsed_s=0.0, nominal_hs=0.0, chips=(chip(0, nonces_10m=(2,)),))
    row = (await rows("estats", miner(devices=(young,))))[0]
    assert row["Chip0Ranges"] == "2/0/0/0/0/0/2/0.00%"
    assert (row["TasksPerSec"], row["NonceExpect"]) == (0, 0)
