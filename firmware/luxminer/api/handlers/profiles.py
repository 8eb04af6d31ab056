"""Commands about profiles and the tuner."""

import re

from luxminer.api.fields.profiles import PROFILE_SECTION, SET_SECTION, Applied
from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Args, Refusal
from luxminer.control import (
    NewProfile,
    RemoveProfile,
    RestoreProfile,
    SetProfile,
    StartTuning,
    StopTuning,
)
from luxminer.telemetry.model import MinerSnapshot, ProfileSnapshot

__all__ = [
    "CHANGED",
    "NO_PROFILE",
    "autotunerset",
    "profileget",
    "profilenew",
    "profilerem",
    "profilerestore",
    "profileset",
    "tunerswitch",
]

NO_PROFILE = 430
CHANGED = 384
ON = ("on", "true")

SELECTOR = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(THs|kW|W)", re.IGNORECASE)
"""The profile whose estimate is the nearest; of two, the slower one."""


async def profileget(context: Context, args: Args) -> Outcome:
    found = _find(context.miner, args.text("profile"))
    return Outcome(
        sections=(PROFILE_SECTION.of(context.miner, [found]),), facts={"profile": found.name}
    )


async def profileset(context: Context, args: Args) -> Outcome:
    found = _find(context.miner, args.text("profile"))
    await context.bus.send(SetProfile(profile=found.order))
    applied = Applied(
        profile=found.name,
        frequency_step=args.number("frequency_step"),
        voltage_step=args.number("voltage_step"),
    )
    return Outcome(sections=(SET_SECTION.of(context.miner, [applied]),))


async def profilenew(context: Context, args: Args) -> Outcome:
    order = NewProfile(
        name=args.text("name"), mhz=args.number("frequency"), core_v=args.number("voltage")
    )
    was_there = await context.bus.send(order)
    return Outcome(code=CHANGED if was_there else None)


async def profilerem(context: Context, args: Args) -> Outcome:
    await context.bus.send(RemoveProfile(name=args.text("name")))
    return Outcome()


async def profilerestore(context: Context, args: Args) -> Outcome:
    await context.bus.send(RestoreProfile(name=args.text("name")))
    return Outcome()


async def autotunerset(context: Context, args: Args) -> Outcome:
    return await _switch(context, is_on=args.flag("enabled"))


async def tunerswitch(context: Context, args: Args) -> Outcome:
    return await _switch(context, is_on=args.text("state") in ON)


async def _switch(context: Context, *, is_on: bool) -> Outcome:
    """As the setting does at the start: sticks run at their results unless a profile is set."""
    await context.bus.send(StartTuning() if is_on else StopTuning())
    if is_on and context.miner.profile == "default":
        await context.bus.send(SetProfile(profile="tuned"))
    return Outcome(facts={"state": "on" if is_on else "off"})


def _find(miner: MinerSnapshot, text: str) -> ProfileSnapshot:
    """Find a profile by its name, its step or a selector. Raises Refusal."""
    profiles = miner.read_profiles()
    for profile in profiles:
        if text.lower() in (profile.name.lower(), profile.order.lower()):
            return profile
    match = SELECTOR.fullmatch(text)
    if match is None:
        names = ", ".join(profile.name for profile in profiles)
        raise Refusal(NO_PROFILE, profile=text[:60], known=names)
    wanted, unit = float(match[1]), match[2].lower()

    def distance(profile: ProfileSnapshot) -> float:
        if unit == "ths":
            return abs(profile.rate_hs / 1e12 - wanted)
        return abs(profile.power_w - wanted * (1000 if unit == "kw" else 1))

    return min(profiles, key=distance)
