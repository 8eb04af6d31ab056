"""Commands for single sticks: what is ordered, and what is answered."""

import json
from dataclasses import replace
from typing import Any

import pytest

from luxminer.api.render import to_json
from luxminer.api.requests import Request
from luxminer.control import Command, StartTuning, StopTuning
from luxminer.control.sticks import (
    DisableDevice,
    EnableDevice,
    RebootDevice,
    RestartHealth,
    SetFrequency,
    SetHealth,
    SetHotplug,
    SetStickFan,
    SetVoltage,
    StopRamp,
)
from luxminer.errors import CommandError
from luxminer.telemetry.model import ChipVerdict
from tests.unit.api.snapshots import OWNER, Rig, chip, device, miner, pulled

ORDERS: tuple[type[Command], ...] = (
    DisableDevice,
    EnableDevice,
    RebootDevice,
    RestartHealth,
    SetFrequency,
    SetHealth,
    SetHotplug,
    SetStickFan,
    SetVoltage,
    StopRamp,
    StartTuning,
    StopTuning,
)
WITH_SID = {
    "frequencyset",
    "frequencystop",
    "voltageset",
    "reboot",
    "enableboard",
    "disableboard",
    "healthchipset",
    "healthctrlset",
}


async def ask(
    command: str, parameter: str, *, answer: Any = True, rig: Rig | None = None
) -> tuple[dict[str, Any], list[Command]]:
    """Return the reply, and the orders that were given."""
    rig, orders = rig or Rig(), []

    async def take(order: Command) -> Any:
        orders.append(order)
        if isinstance(answer, Exception):
            raise answer
        return answer

    for kind in ORDERS:
        rig.bus.register(kind, take)
    if command in WITH_SID:
        parameter = f"{rig.dispatcher.sessions.start()},{parameter}"
    tree = json.loads(to_json(await rig.dispatcher.handle(Request(command, parameter), OWNER)))
    return tree, orders


@pytest.mark.parametrize(
    ("command", "parameter", "code", "order"),
    [
        ("frequencyset", "1,200", 302, SetFrequency(device_id=1, mhz=200)),
        ("frequencyset", "1,200.5,0,5", 302, SetFrequency(device_id=1, mhz=200.5, chip=0)),
        ("frequencystop", "0", 368, StopRamp(device_id=0)),
        ("voltageset", "0,0.35", 369, SetVoltage(device_id=0, core_mv=350)),
        ("reboot", "1", 305, RebootDevice(device_id=1, delay_s=5)),
        ("reboot", "1,30", 305, RebootDevice(device_id=1, delay_s=30)),
        ("reboot", "1,0", 305, RebootDevice(device_id=1, delay_s=None)),
        ("reboot", "1,-1", 305, RebootDevice(device_id=1, delay_s=None)),
        ("healthchipset", "1", 372, RestartHealth(device_id=1)),
        ("healthchipset", "1,0", 372, RestartHealth(device_id=1, chip=0)),
        ("healthctrlset", "60,0.5", 374, SetHealth(readings=60, factor=0.5)),
        ("enableboard", "1", 370, EnableDevice(device_id=1)),
        ("disableboard", "1", 371, DisableDevice(device_id=1)),
        ("ascdisable", "1", 111, DisableDevice(device_id=1)),
        ("hotplug", "7", 100, SetHotplug(interval_s=7)),
        ("hotplug", "0", 101, SetHotplug(interval_s=0)),
        ("ascset", "0,freq,200", 119, SetFrequency(device_id=0, mhz=200)),
        ("ascset", "0,TARGET,9999", 119, SetFrequency(device_id=0, mhz=500)),
        ("ascset", "0,freq,0", 119, SetFrequency(device_id=0, mhz=6.25)),
        ("ascset", "0,chip,0:100", 119, SetFrequency(device_id=0, mhz=100, chip=0)),
        ("ascset", "0,chip,0:0", 119, SetFrequency(device_id=0, mhz=0, chip=0)),
        ("ascset", "0,reset", 119, RebootDevice(device_id=0, delay_s=0)),
        ("ascset", "0,corev,350", 119, SetVoltage(device_id=0, core_mv=350)),
        ("ascset", "0,lockfreq", 119, StopTuning(device_id=0)),
        ("ascset", "0,setfan,130", 119, SetStickFan(device_id=0, percent=100)),
    ],
)
async def test_each_is_one_order(command: str, parameter: str, code: int, order: Command) -> None:
    tree, orders = await ask(command, parameter, answer=199.6 if "freq" in command else True)
    assert tree["STATUS"][0]["Code"] == code
    assert orders == [order]


async def test_the_clock_that_is_given_is_answered() -> None:
    tree, _ = await ask("frequencyset", "1,200", answer=199.6)
    assert tree["RAMP"] == [{"Board": 1, "Frequency": 200, "FrequencyStep": 0, "TargetChip": "all"}]
    tree, _ = await ask("frequencyset", "1,200,0", answer=199.6)
    assert tree["RAMP"][0]["TargetChip"] == "0"


async def test_a_reboot_says_whether_it_stays_off() -> None:
    tree, _ = await ask("reboot", "1")
    assert tree["REBOOT"] == [{"Board": 1, "IsShutdown": False}]
    tree, _ = await ask("reboot", "1,0")
    assert tree["REBOOT"] == [{"Board": 1, "IsShutdown": True}]


@pytest.mark.parametrize(
    ("command", "parameter", "reason", "code", "words"),
    [
        ("frequencyset", "1,200,0", "unsupported", 421, "Board 1 does not support per-chip"),
        ("frequencyset", "1,2000", "out-of-range", 404, "no way"),
        ("voltageset", "1,0.3", "unsupported", 422, "Board 1 has no voltage control"),
        ("ascset", "1,corev,300", "unsupported", 120, "ASC 1 set failed: corev only for GSA1/2"),
        ("ascset", "1,corev,300", "out-of-range", 120, "ASC 1 set failed: no way"),
        ("ascset", "1,freq,300", "failed", 120, "ASC 1 set failed: no way"),
        ("ascset", "1,setfan,30", "unsupported", 120, "set failed: setfan only for GSA1/2 V2.1/V3"),
        ("ascset", "1,chip,0:3", "unsupported", 120, "failed: chip:freq only valid for BM1397"),
        ("ascset", "1,chip,7:30", "unknown-chip", 120, "ASC 1 set failed: invalid chip 7"),
    ],
)
async def test_what_the_owner_of_the_stick_refuses(
    command: str, parameter: str, reason: str, code: int, words: str
) -> None:
    tree, orders = await ask(command, parameter, answer=CommandError(reason, "no way"))
    assert len(orders) == 1
    assert tree["STATUS"][0]["Code"] == code
    assert words in tree["STATUS"][0]["Msg"]


@pytest.mark.parametrize(
    ("command", "parameter", "code", "words"),
    [
        ("ascset", "", 15, ""),
        ("ascset", "0", 116, ""),
        ("ascset", "9", 116, ""),
        ("ascset", "9,help", 107, "range is 0 - 1"),
        ("ascset", "0,help", 118, "ASC 0 set help: freq: MHz of all chips"),
        ("ascset", "0,bogus", 120, "ASC 0 set failed: Unknown option: bogus"),
        ("ascset", "0,freq", 120, "ASC 0 set failed: missing freq"),
        ("ascset", "0,freq,fast", 120, "invalid value 'fast': give MHz"),
        ("ascset", "0,freq,nan", 120, "give MHz"),
        ("ascset", "0,freq,-1", 120, "give MHz"),
        ("ascset", "0,chip", 120, "missing chip:freq"),
        ("ascset", "0,chip,200", 120, "not chip:freq"),
        ("ascset", "0,usbprop,300", 120, "usbprop only for BM1397"),
        ("ascset", "0,usbprop", 120, "missing usec"),
        ("ascset", "0,waitfactor", 120, "missing value"),
        ("ascset", "0,waitfactor,0.5", 120, "not needed here"),
        ("ascset", "0,require,0.5", 120, "not set by hand"),
        ("ascset", "0,zeromaxt", 120, "no highest temperature"),
        ("ascset", "0,unlockfreq", 119, "ASC 0 set OK"),
        ("ascenable", "0", 108, "ASC 0 already enabled"),
        ("frequencyset", "7,200", 107, "range is 0 - 1"),
        ("frequencyset", "0", 406, ""),
        ("frequencyset", "0,fast", 408, "fast"),
        ("voltageset", "0,-1", 408, "-1"),
        ("healthchipset", "1,4", 420, "has no chip 4"),
        ("healthchipget", "1,4", 420, "has no chip 4"),
        ("healthchipget", "4", 107, ""),
        ("healthctrlset", "0,0.5", 408, ""),
        ("healthctrlset", "60,nan", 408, ""),
        ("healthctrlset", "60", 406, ""),
        ("hotplug", "", 103, ""),
        ("hotplug", "10000", 99, "(10000) must be 0..9999"),
        ("hotplug", "x", 99, "(x) must be 0..9999"),
        ("reboot", "", 15, ""),
        ("reboot", "0,soon", 408, "soon"),
    ],
)
async def test_mistakes_order_nothing(command: str, parameter: str, code: int, words: str) -> None:
    tree, orders = await ask(command, parameter)
    assert tree["STATUS"][0]["Code"] == code
    assert words in tree["STATUS"][0]["Msg"]
    assert orders == []


@pytest.mark.parametrize("command", sorted(WITH_SID))
async def test_the_session_is_looked_at_first(command: str) -> None:
    rig = Rig()
    tree = json.loads(to_json(await rig.dispatcher.handle(Request(command, "wrong,99"), OWNER)))
    assert tree["STATUS"][0]["Code"] == 403


@pytest.mark.parametrize("command", ["frequencyset", "voltageset", "reboot"])
async def test_a_miner_that_sleeps_refuses(command: str) -> None:
    rig = Rig()
    rig.change(thermal=replace(rig.snapshot.thermal, is_asleep=True))
    tree, orders = await ask(command, "0,1", rig=rig)
    assert tree["STATUS"][0]["Code"] == 423
    assert orders == []


async def test_enabling() -> None:
    rig = Rig(miner(devices=(device(0, enabled=False), device(1, is_shut_down=True))))
    tree, orders = await ask("ascenable", "0", rig=rig)
    assert tree["STATUS"][0]["Code"] == 110
    assert orders == [EnableDevice(device_id=0)]
    rig = Rig(miner(devices=(device(0), device(1, is_shut_down=True))))
    tree, orders = await ask("ascenable", "1", rig=rig)
    assert (tree["STATUS"][0]["Code"], len(orders)) == (110, 1)
    rig = Rig(miner(devices=(pulled(0, enabled=False),)))
    tree, orders = await ask("ascenable", "0", rig=rig)
    assert (tree["STATUS"][0]["Code"], orders) == (115, [])
    tree, orders = await ask("ascdisable", "0", answer=False)
    assert tree["STATUS"][0]["Code"] == 109


async def test_the_core_voltage_that_is_set_is_shown() -> None:
    rig = Rig(miner(devices=(device(0, core_mv=350, voltage_v=5.1),)))
    tree, _ = await ask("voltageget", "0", rig=rig)
    assert tree["VOLTAGE"] == [{"Board": 0, "Voltage": 0.35, "IsOnBoard": True}]
    tree, _ = await ask("voltageget", "0")
    assert tree["VOLTAGE"] == [{"Board": 0, "Voltage": 0.0, "IsOnBoard": False}]


async def test_the_health_of_chips_is_shown() -> None:
    verdict = ChipVerdict(found=102, expected=100.4, least=21, wall_s=1_700_000_000.5)
    ill = replace(verdict, found=20)
    chips = (
        chip(0, verdict=verdict, rates_hs=(1e9, 2e9, 3e9)),
        chip(1, verdict=ill),
        chip(2, verdict=None),
    )
    rig = Rig(miner(devices=(device(0), device(1, chips=chips))))
    tree, _ = await ask("healthchipget", "1,0", rig=rig)
    assert tree["CHIPS"] == [
        {
            "Board": 1,
            "Chip": 0,
            "Column": 0,
            "Domain": 0,
            "Row": 0,
            "Frequency": 150,
            "GHS 1m": 1.0,
            "GHS 5m": 2.0,
            "GHS 15m": 3.0,
            "IsChecking": False,
            "HashCount": 102,
            "HashExpected": 100,
            "HashMin": 21,
            "Healthy": "Y",
            "Score": 101.59,
            "When": 1_700_000_000_500,
        }
    ]
    tree, _ = await ask("healthchipget", "", rig=Rig(rig.snapshot))
    assert [row["Healthy"] for row in tree["CHIPS"]] == ["Y", "Y", "N", "Unknown"]
    assert "Score" not in tree["CHIPS"][3]
    tree, _ = await ask("healthctrl", "")
    assert tree["HEALTHCTRL"] == [{"HealthAmpFactor": 0.2, "HealthNumReadings": 120}]
