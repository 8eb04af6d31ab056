"""Commands about profiles and the tuner: what is asked of the owners, and what is answered."""

import json
from typing import Any

import pytest

from luxminer.api.render import to_json
from luxminer.api.requests import Request
from luxminer.control import Command, SetProfile, StartTuning, StopTuning
from luxminer.telemetry.model import TuningResult, TuningSnapshot
from luxminer.tuning.own import OwnProfiles, ProfileDesk
from luxminer.tuning.profile import Profile
from luxminer.tuning.results import Results
from tests.unit.api.snapshots import OWNER, VISITOR, Rig, bare_miner, device, miner


class Owners:
    """A rig whose orders are written down."""

    def __init__(self, rig: Rig | None = None) -> None:
        self.rig = rig or Rig()
        self.got: list[Command] = []
        for order in (SetProfile, StartTuning, StopTuning):
            self.rig.bus.register(order, self._take)
        self.session = self.rig.dispatcher.sessions.start()

    async def _take(self, order: Command) -> object:
        self.got.append(order)
        return ()

    async def ask(self, command: str, parameter: str = "") -> dict[str, Any]:
        answer = await self.rig.dispatcher.handle(Request(command, parameter), OWNER)
        tree: dict[str, Any] = json.loads(to_json(answer))
        return tree

    async def write(self, command: str, parameter: str = "") -> dict[str, Any]:
        return await self.ask(command, f"{self.session},{parameter}".rstrip(","))


def status(tree: dict[str, Any]) -> tuple[str, int]:
    return tree["STATUS"][0]["STATUS"], tree["STATUS"][0]["Code"]


async def test_profiles_have_what_clients_demand() -> None:
    tree = await Owners().ask("profiles")
    assert status(tree) == ("S", 323)
    assert [row["Profile Name"] for row in tree["PROFILES"]] == [
        "143.75MHz",
        "default",
        "156.25MHz",
        "162.5MHz",
    ]
    for row in tree["PROFILES"]:
        assert isinstance(row["Frequency"], int)
        assert isinstance(row["Watts"], int)
        assert isinstance(row["Step"], str)
    config = (await Owners().ask("config"))["CONFIG"][0]
    assert config["Profile"] in {row["Profile Name"] for row in tree["PROFILES"]}
    assert config["PowerLimit"] == 9


@pytest.mark.parametrize(
    ("asked", "name", "order"),
    [
        ("default", "default", "default"),
        ("156.25MHz", "156.25MHz", "+1"),
        ("156.25mhz", "156.25MHz", "+1"),
        ("+2", "162.5MHz", "+2"),
        ("-1", "143.75MHz", "-1"),
        ("8W", "143.75MHz", "-1"),
        ("0.01kW", "162.5MHz", "+2"),
        ("0.0172THs", "156.25MHz", "+1"),
        ("1.2THs", "162.5MHz", "+2"),
        ("0,+1,5,0.05", "156.25MHz", "+1"),
    ],
)
async def test_a_profile_is_set_by_name_step_or_selector(asked: str, name: str, order: str) -> None:
    owners = Owners()
    tree = await owners.write("profileset", asked)
    assert status(tree) == ("S", 321)
    assert tree["PROFILE"][0]["Profile"] == name
    assert owners.got == [SetProfile(profile=order)]


@pytest.mark.parametrize("asked", ["fast", "+7", "1.2", "W", "-1kW", "1e9THs", "{0}", "x" * 500])
async def test_a_profile_that_is_not_there_is_refused(asked: str) -> None:
    owners = Owners()
    for command in ("profileget", "profileset"):
        send = owners.ask if command == "profileget" else owners.write
        tree = await send(command, asked)
        assert status(tree) == ("E", 430)
        assert "156.25MHz" in tree["STATUS"][0]["Msg"]
    assert not owners.got


async def test_a_number_of_a_board_is_no_profile() -> None:
    owners = Owners()
    assert status(await owners.write("profileset", "0")) == ("E", 406)
    assert status(await owners.write("profileset")) == ("E", 406)
    assert status(await owners.ask("profileset", "nobody00,default")) == ("E", 403)
    assert not owners.got


async def test_one_profile_is_shown() -> None:
    tree = await Owners().ask("profileget", "+1")
    assert status(tree) == ("S", 379)
    assert tree["PROFILE"][0]["Frequency"] == 156


@pytest.mark.parametrize(
    ("command", "parameter"),
    [("autotunerset", "enabled=true"), ("tunerswitch", "on"), ("tunerswitch", "TRUE")],
)
async def test_the_tuner_is_switched_on_as_by_its_setting(command: str, parameter: str) -> None:
    owners = Owners()
    assert status(await owners.write(command, parameter)) == ("S", 381)
    assert owners.got == [StartTuning(), SetProfile(profile="tuned")]
    other = Owners(Rig(miner(profile="+1", profile_step=1)))
    await other.write(command, parameter)
    assert other.got == [StartTuning()]


async def test_the_tuner_is_switched_off() -> None:
    owners = Owners()
    assert status(await owners.write("autotunerset", "enabled=false")) == ("S", 381)
    assert status(await owners.write("tunerswitch", "off")) == ("S", 381)
    assert owners.got == [StopTuning(), StopTuning()]
    assert status(await owners.write("autotunerset", "false")) == ("E", 409)
    assert status(await owners.write("autotunerset", "enabled=perhaps")) == ("E", 408)
    assert status(await owners.write("tunerswitch", "perhaps")) == ("E", 408)


async def test_the_tuner_says_what_it_does() -> None:
    result = TuningResult(
        frequency_mhz=200.0,
        core_mv=None,
        rate_hs=11e9,
        hw_error_percent=1.5,
        power_w=None,
        goal="rate",
        max_hw_error_percent=2.0,
        stage="final",
        wall_s=0.0,
    )
    tuning = TuningSnapshot(is_tuning=True, progress="settles", measured=3, result=result)
    owners = Owners(Rig(miner(devices=(device(0, tuning=None), device(1, tuning=tuning)))))
    (row,) = (await owners.ask("tunerstatus"))["TUNERSTATUS"]
    assert (row["Board"], row["Status"], row["Progress"]) == (1, "Tuning", "settles")
    assert (row["Frequency"], row["HashrateMHS"], row["Stage"]) == (200.0, 11000.0, "final")
    settings = (await owners.ask("autotunerget"))["AUTOTUNER"][0]
    assert settings == {"Enabled": False, "Goal": "rate", "MaxHwErrorPercent": 2.0}


async def test_power_is_measured_only_where_every_stick_measures() -> None:
    measured = {"power_w": 4.6, "is_power_measured": True}
    for devices, expected in (
        ((device(0, **measured), device(1, **measured)), {"Watts": 9, "PSU": True}),
        ((device(0, **measured), device(1, power_w=4.2)), {"Watts": 9, "PSU": False}),
        ((device(0), device(1)), {"Watts": 0, "PSU": False}),
        ((), {"Watts": 0, "PSU": False}),
    ):
        tree = await Owners(Rig(miner(devices=devices))).ask("power")
        assert status(tree) == ("S", 311)
        assert tree["POWER"] == [expected]


async def test_the_status_in_one_row() -> None:
    row = (await Owners().ask("minerstatus"))["MINERSTATUS"][0]
    assert (row["Status"], row["Boards"], row["BoardsUp"]) == ("Mining", 2, 2)
    nothing = (await Owners(Rig(bare_miner())).ask("minerstatus"))["MINERSTATUS"][0]
    assert nothing["Status"] == "NoBoards"


async def test_visitors_may_look_and_not_set() -> None:
    owners = Owners()
    for command, letter in (("profiles", "S"), ("power", "S"), ("profileset", "E")):
        answer = await owners.rig.dispatcher.handle(Request(command, ""), VISITOR)
        assert json.loads(to_json(answer))["STATUS"][0]["STATUS"] == letter
    assert not owners.got


async def test_limits_are_those_of_settings_and_sticks() -> None:
    a1 = device(1, min_mhz=100.0, max_mhz=800.0, step_mhz=6.25, min_core_v=0.27, max_core_v=0.41)
    row = (await Owners(Rig(miner(devices=(device(0), a1)))).ask("limits"))["LIMITS"][0]
    assert (row["FrequencyMin"], row["FrequencyMax"], row["FrequencyDefault"]) == (6, 800, 150)
    assert (row["VoltageMin"], row["VoltageMax"]) == (0.27, 0.41)
    assert (row["FanSpeedMin"], row["FanSpeedMax"], row["FanSpeedDefault"]) == (-1, 100, -1)
    assert (row["TemperatureTarget"], row["TemperatureHot"], row["TemperaturePanic"]) == (
        75,
        85,
        95,
    )
    assert (row["PowerMinDefault"], row["PowerLimitDefault"]) == (8, 9)
    nothing = (await Owners(Rig(bare_miner(read_profiles=tuple))).ask("limits"))["LIMITS"][0]
    assert (nothing["FrequencyMax"], nothing["VoltageMax"], nothing["PowerLimitDefault"]) == (
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("asked", "accepted"),
    [
        ("bucket=1m", [1]),
        ("bucket=5m,window=latest", [1]),
        ("bucket=1m,partial=true", [1, 2]),
        ("bucket=1h,window=now", [2]),
        ("bucket=1m,window=5m", [0, 1]),
        ("window=2w,bucket=1d,partial=true", [0, 1, 2]),
    ],
)
async def test_metrics_of_a_window(asked: str, accepted: list[int]) -> None:
    tree = await Owners().ask("metrics", asked)
    assert status(tree) == ("S", 391)
    assert [row["Accepted"] for row in tree["METRICS"]] == accepted
    assert (tree["METRICS"][0]["HashrateMHS"], tree["METRICS"][0]["Power"]) == (16500.0, 8)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("", 406),
        ("window=1h", 406),
        ("bucket=2m", 408),
        ("bucket=1m,window=-1h", 408),
        ("bucket=1m,window=9999999w", 408),
        ("bucket=1m,partial=maybe", 408),
        ("1m", 409),
        ("bucket=1m,span=2", 410),
    ],
)
async def test_metrics_of_nothing_that_there_is(asked: str, code: int) -> None:
    assert status(await Owners().ask("metrics", asked)) == ("E", code)


async def test_profiles_of_the_owners_own() -> None:
    owners, own = Owners(), OwnProfiles()
    ProfileDesk(own, Profile("default", Results(), 2.0, own), owners.rig.bus)
    assert status(await owners.write("profilenew", "myprofile,700,14.8")) == ("S", 383)
    assert status(await owners.write("profilenew", "myprofile,650")) == ("S", 384)
    assert own.all[0].frequency_mhz == 650
    assert status(await owners.write("profilerestore", "myprofile")) == ("S", 386)
    assert (own.all[0].frequency_mhz, own.all[0].voltage_v) == (700, 14.8)
    for asked, code in (
        ("", 406),
        ("myprofile", 406),
        ("myprofile,0", 408),
        ("myprofile,1001", 408),
        ("myprofile,fast", 408),
        ("myprofile,500,-1", 408),
        ("12W,500", 431),
        ("default,500", 431),
    ):
        assert status(await owners.write("profilenew", asked)) == ("E", code), asked
    assert status(await owners.write("profilerem", "other")) == ("E", 432)
    assert status(await owners.write("profilerem", "myprofile")) == ("S", 385)
    assert status(await owners.write("profilerestore", "myprofile")) == ("E", 432)
    assert status(await owners.ask("profilerem", "myprofile")) == ("E", 403)
    assert not own.all
