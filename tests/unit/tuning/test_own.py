"""Profiles of the owner's own: names, changes, what they mean for a stick, and their orders."""

from dataclasses import replace

import pytest

from luxminer.config.schema import ProfileConfig
from luxminer.control import CommandBus, NewProfile, RemoveProfile, RestoreProfile, SetProfile
from luxminer.device.wishes import Wish
from luxminer.errors import CommandError
from luxminer.tuning.book import ProfileBook
from luxminer.tuning.own import MAX_OWN, OwnProfiles, ProfileDesk, own_wish
from luxminer.tuning.profile import Profile
from luxminer.tuning.results import Results
from tests.unit.tuning.scripted import CORE, MODEL, ScriptedStick
from tests.unit.tuning.stick_twin import StickTwin

STICK = ScriptedStick(0, StickTwin(edge_mhz=300)).state()
WITH_CORE = ScriptedStick(0, StickTwin(edge_mhz=300), replace(MODEL, core=CORE)).state()


@pytest.mark.parametrize(
    "name", ["", "+1", "-2", "3", "12W", "150MHz", "default", "Tuned", "a,b", "x" * 33, "a\n", "é"]
)
def test_what_could_be_something_else_is_no_name(name: str) -> None:
    with pytest.raises(CommandError) as refused:
        OwnProfiles().put(name, 150, 0)
    assert refused.value.reason == "invalid-name"


def test_there_are_not_too_many() -> None:
    own = OwnProfiles()
    for number in range(MAX_OWN):
        assert not own.put(f"p{number}", 100, 0)
    assert own.put("p3", 101, 0), "one that is there can be changed"
    with pytest.raises(CommandError) as refused:
        own.put("more", 100, 0)
    assert refused.value.reason == "too-many"


def test_a_profile_becomes_what_it_was_first() -> None:
    own = OwnProfiles()
    own.put("quiet", 100, 0.0)
    for mhz in (110, 120):
        own.put("quiet", mhz, 0.3)
    again = OwnProfiles(own.all)
    again.restore("quiet")
    assert list(again.all) == [ProfileConfig(name="quiet", frequency_mhz=100)]
    again.restore("quiet")
    again.remove("quiet")
    assert not again.all
    with pytest.raises(CommandError, match="none yet"):
        again.remove("quiet")


@pytest.mark.parametrize(
    ("mhz", "volts", "plain", "with_core"),
    [
        (200, 0.0, Wish(mhz=200), Wish(mhz=200)),
        (200, 0.3, Wish(mhz=200), Wish(mhz=200, core_mv=300)),
        (999, 14.8, Wish(mhz=MODEL.max_mhz), Wish(mhz=MODEL.max_mhz)),
        (1, 0.0, Wish(mhz=MODEL.min_mhz), Wish(mhz=MODEL.min_mhz)),
    ],
)
def test_a_stick_does_what_its_model_can(
    mhz: float, volts: float, plain: Wish, with_core: Wish
) -> None:
    profile = ProfileConfig(name="mine", frequency_mhz=mhz, voltage_v=volts)
    assert own_wish(profile, STICK) == plain
    assert own_wish(profile, WITH_CORE) == with_core


async def test_one_in_force_is_set_anew_and_not_removed() -> None:
    bus, own, told = CommandBus(), OwnProfiles(), []
    profile = Profile("default", Results(), 2.0, own)
    ProfileDesk(own, profile, bus)

    async def set_profile(order: SetProfile) -> object:
        profile.set(order.profile)
        told.append(profile.wish_of(STICK).mhz)
        return ()

    bus.register(SetProfile, set_profile)
    assert await bus.send(NewProfile(name="quiet", mhz=100)) is False
    assert told == []
    await bus.send(SetProfile(profile="quiet"))
    book = ProfileBook(profile, [STICK])
    (row,) = (row for row in book.rows() if row.is_own)
    assert (row.name, row.mhz, row.step, book.name) == ("quiet", 100, None, "quiet")
    assert await bus.send(NewProfile(name="quiet", mhz=110)) is True
    await bus.send(RestoreProfile(name="quiet"))
    assert told == [100, 110, 100]
    with pytest.raises(CommandError) as refused:
        await bus.send(RemoveProfile(name="quiet"))
    assert refused.value.reason == "in-use"
    await bus.send(SetProfile(profile="default"))
    await bus.send(RemoveProfile(name="quiet"))
    assert not own.all
