"""Commands about temperatures, fans, lights and sleep: what is ordered, and what is answered."""

import json
from dataclasses import replace
from typing import Any

import pytest

from luxminer.api.render import to_json
from luxminer.api.requests import Request
from luxminer.config.schema import AtmConfig, FanConfig, ThermalConfig
from luxminer.control import Command, Curtail, Heat, SetHeat, SetLed, SetProfile
from luxminer.errors import CommandError
from luxminer.telemetry.model import ThermalSnapshot
from tests.unit.api.snapshots import OWNER, Rig, bare_miner, miner


async def ask(
    command: str, parameter: str, *, answer: Any = True, rig: Rig | None = None, sid: bool = True
) -> tuple[dict[str, Any], list[Command]]:
    """Return the reply, and the orders that were given."""
    rig, orders = rig or Rig(), []

    async def take(order: Command) -> Any:
        orders.append(order)
        if isinstance(answer, Exception):
            raise answer
        return answer

    for kind in (SetHeat, Curtail, SetLed, SetProfile):
        rig.bus.register(kind, take)
    if sid:
        parameter = f"{rig.dispatcher.sessions.start()},{parameter}"
    tree = json.loads(to_json(await rig.dispatcher.handle(Request(command, parameter), OWNER)))
    return tree, orders


def code(tree: dict[str, Any]) -> int:
    return int(tree["STATUS"][0]["Code"])


def heat(section: Heat, **settings: Any) -> SetHeat:
    return SetHeat(section=section, settings=settings)


@pytest.mark.parametrize(
    ("command", "parameter", "expected", "order"),
    [
        (
            "tempctrlset",
            "55,65,70",
            330,
            heat(Heat.THERMAL, target_c=55, hot_c=65, dangerous_c=70),
        ),
        ("tempctrlset", "hot_temp=80", 330, heat(Heat.THERMAL, hot_c=80)),
        ("tempctrlset", "chip_hot_temp=81", 330, heat(Heat.THERMAL, hot_c=81)),
        ("tempctrlset", ",,99", 330, heat(Heat.THERMAL, dangerous_c=99)),
        ("tempsensorset", "min_per_board=1", 205, heat(Heat.THERMAL, min_per_board=1)),
        (
            "hashboardoptsset",
            "overtemp_auto_recovery=false",
            207,
            heat(Heat.THERMAL, overtemp_auto_recovery=False),
        ),
        ("immersionswitch", "on", 209, heat(Heat.THERMAL, immersion=True)),
        ("fanset", "speed=40,min_fans=1", 208, heat(Heat.FAN, speed=40, min_fans=1)),
        ("fanset", "-1,0", 208, heat(Heat.FAN, speed=-1, min_fans=0)),
        ("fanset", "min_speed=-1", 208, heat(Heat.FAN, min_speed=20)),
        (
            "atmset",
            "enabled=true,min_profile=-4,temp_window=5.0",
            340,
            heat(Heat.ATM, enabled=True, min_profile="-4", temp_window=5.0),
        ),
        ("atmset", "min_profile=", 340, heat(Heat.ATM, min_profile="")),
        ("curtail", "sleep", 335, Curtail(sleep=True)),
        ("curtail", "wakeup,mode=unsafe", 335, Curtail(sleep=False)),
        ("ledset", "red,on", 210, SetLed(color="red", state="on")),
        ("ledset", "red,flash", 210, SetLed(color="red", state="blink")),
    ],
)
async def test_orders(command: str, parameter: str, expected: int, order: Command) -> None:
    tree, orders = await ask(command, parameter)
    assert (code(tree), orders) == (expected, [order])


@pytest.mark.parametrize(
    ("command", "parameter", "answer", "expected", "said"),
    [
        ("tempctrlset", "warm", True, 408, "Invalid target_temp 'warm' - 20 to 125"),
        ("tempctrlset", "heat=3", True, 410, "Unknown key 'heat'"),
        ("tempctrlset", "water_inlet_dangerous_temp=50", True, 444, "no water"),
        ("tempctrlset", "90,80,70", CommandError("invalid", "is 80"), 443, "is 80"),
        ("hashboardoptsset", "no_pic_protection_mode=true", True, 445, "no PIC"),
        ("fanset", "speed=101", True, 408, "-1 to 100"),
        ("fanset", "speed=50", CommandError("no-fan", "none"), 440, "fan.device"),
        ("immersionswitch", "maybe", True, 408, "on or off"),
        ("atmset", "temp_window=11", True, 408, "1 to 10"),
        ("atmset", "enabled", True, 409, "key/value"),
        ("curtail", "doze", True, 408, "one of sleep, wakeup"),
        ("curtail", "", True, 406, "Missing parameter 'action'"),
        ("curtail", "sleep", False, 441, "already"),
        ("ledset", "blue,on", True, 408, "one of red, green"),
        ("ledset", "red,on", CommandError("no-led", "no red LED"), 442, "no red LED"),
    ],
)
async def test_refusals(
    command: str, parameter: str, answer: Any, expected: int, said: str
) -> None:
    tree, _ = await ask(command, parameter, answer=answer)
    assert code(tree) == expected
    assert said in tree["STATUS"][0]["Msg"]


async def test_limits_are_taken_without_a_session_but_not_with_a_wrong_one() -> None:
    tree, orders = await ask("tempctrlset", "55,65,70", sid=False)
    assert (code(tree), len(orders)) == (330, 1)
    assert tree["TEMPCTRL"] == [
        {
            "ChipDangerous": 70,
            "ChipHot": 65,
            "Dangerous": 70,
            "Hot": 65,
            "Target": 55,
            "WaterInletDangerous": 0,
        }
    ]
    for wrong in ("wrongsid,55,65,70", "12345678,55,65,70", "", ",55,65,70"):
        tree, orders = await ask("tempctrlset", wrong, sid=False)
        assert (code(tree) in (401, 403), orders) == (True, []), wrong
    tree, orders = await ask("fanset", "speed=3", sid=False)
    assert (code(tree), orders) == (403, [])


async def test_the_default_profile_comes_back_only_when_management_ends() -> None:
    rig = Rig(miner(profile="+2", profile_step=2))
    _, orders = await ask("atmset", "enabled=false,prevent_oc=true", rig=rig)
    assert orders == [heat(Heat.ATM, enabled=False), SetProfile(profile="default")]
    rig = Rig(miner(profile="+2", profile_step=2))
    _, orders = await ask("atmset", "enabled=true,prevent_oc=true", rig=rig)
    assert orders == [heat(Heat.ATM, enabled=True)]


async def test_config_and_temperature_replies_follow_the_state() -> None:
    now = ThermalSnapshot(
        limits=ThermalConfig(target_c=50, hot_c=60, dangerous_c=70, immersion=True),
        fan=FanConfig(speed=33),
        atm=AtmConfig(enabled=True, min_profile="-4", max_profile="+2"),
        is_asleep=True,
        leds={"red": "blink"},
    )
    rig = Rig(replace(bare_miner(), thermal=now))
    tree, _ = await ask("config", "", rig=rig, sid=False)
    config = tree["CONFIG"][0]
    assert config["CurtailMode"] == "Sleep"
    assert config["IsPowerSupplyOn"] is False
    assert (config["ImmersionMode"], config["Cooling"]) == (True, "Immersion")
    assert config["IsAtmEnabled"] is True
    assert (config["RedLed"], config["GreenLed"]) == ("blink", "off")
    rig = Rig(replace(bare_miner(), thermal=now))
    tree, _ = await ask("tempctrl", "", rig=rig, sid=False)
    limits = tree["TEMPCTRL"][0]
    assert (limits["Target"], limits["Hot"], limits["Dangerous"]) == (50.0, 60.0, 70.0)
    assert limits["Mode"] == "Automatic", "there is no fan"
    rig = Rig(replace(bare_miner(), thermal=now))
    tree, _ = await ask("atm", "", rig=rig, sid=False)
    atm = tree["ATM"][0]
    assert (atm["Enabled"], atm["MinProfileStep"], atm["MaxProfileStep"]) == (True, "-4", "2")
    rig = Rig(replace(bare_miner(), thermal=now))
    tree, _ = await ask("fans", "", rig=rig, sid=False)
    assert "FANS" not in tree
    assert tree["FANCTRL"][0]["MinFans"] == 0
