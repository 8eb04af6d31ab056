"""Profiles of the owner's own: a clock and a core voltage under a name. No I/O, no clock."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from luxminer.config.schema import ProfileConfig
from luxminer.control import CommandBus, NewProfile, RemoveProfile, RestoreProfile, SetProfile
from luxminer.device.state import DeviceState
from luxminer.device.wishes import Wish
from luxminer.errors import CommandError
from luxminer.tuning.ladder import DEFAULT, TUNED

__all__ = ["MAX_OWN", "OwnProfiles", "ProfileDesk", "own_wish"]

MAX_OWN = 64

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._ -]{0,31}")
"""Begins with a letter: what begins with a digit or a sign is a clock, an estimate or a step."""


class OwnProfiles:
    """The list of them. Raises CommandError: ``invalid-name``, ``too-many``."""

    def __init__(self, profiles: Sequence[ProfileConfig] = ()) -> None:
        self._found: dict[str, ProfileConfig] = {}
        for profile in profiles:
            if profile.name in self._found:
                raise CommandError("invalid-name", f"{profile.name!r} is there twice")
            self._keep(profile)

    @property
    def all(self) -> tuple[ProfileConfig, ...]:
        return tuple(self._found.values())

    def get(self, name: str) -> ProfileConfig | None:
        return self._found.get(name)

    def put(self, name: str, mhz: float, core_v: float) -> bool:
        """Add a profile, or change one; True when it was there. Remembers what it was first."""
        old = self._found.get(name)
        new = ProfileConfig(name=name, frequency_mhz=mhz, voltage_v=core_v)
        if old is not None:
            first_mhz = old.first_frequency_mhz or old.frequency_mhz
            first_v = old.first_voltage_v if old.first_frequency_mhz else old.voltage_v
            new = replace(new, first_frequency_mhz=first_mhz, first_voltage_v=first_v)
        self._keep(new)
        return old is not None

    def remove(self, name: str) -> None:
        """Forget one. Raises CommandError ``unknown-profile``."""
        del self._found[self._known(name).name]

    def restore(self, name: str) -> None:
        """Make it what it was first. Raises CommandError ``unknown-profile``."""
        old = self._known(name)
        if old.first_frequency_mhz:
            self._found[name] = ProfileConfig(
                name=name, frequency_mhz=old.first_frequency_mhz, voltage_v=old.first_voltage_v
            )

    def _known(self, name: str) -> ProfileConfig:
        found = self._found.get(name)
        if found is None:
            known = ", ".join(self._found) or "none yet"
            raise CommandError("unknown-profile", f"no profile of your own {name!r}; {known}")
        return found

    def _keep(self, profile: ProfileConfig) -> None:
        name = profile.name
        if NAME.fullmatch(name) is None or name.lower() in (DEFAULT, TUNED):
            raise CommandError(
                "invalid-name",
                f"{name!r} cannot be the name of a profile; up to 32 letters, digits, blanks and "
                f". _ - after a letter can, other than {DEFAULT} and {TUNED}",
            )
        if name not in self._found and len(self._found) >= MAX_OWN:
            raise CommandError("too-many", f"there are {MAX_OWN} profiles already; remove one")
        self._found[name] = profile


def own_wish(profile: ProfileConfig, state: DeviceState) -> Wish:
    """Return what it says for a stick, within what its model can."""
    if state.step_mhz <= 0:
        return Wish()
    mhz = min(max(profile.frequency_mhz, state.min_mhz), state.max_mhz)
    core_mv = round(profile.voltage_v * 1000)
    core = state.core
    if core is None or not core.min_mv <= core_mv <= core.max_mv:
        return Wish(mhz=mhz)
    return Wish(mhz=mhz, core_mv=core_mv)


class InForce(Protocol):
    """The profile in force."""

    name: str


class ProfileDesk:
    """Takes the orders about them. One in force that changes is set anew."""

    def __init__(self, own: OwnProfiles, in_force: InForce, bus: CommandBus) -> None:
        self._own = own
        self._in_force = in_force
        self._bus = bus
        bus.register(NewProfile, self._new)
        bus.register(RemoveProfile, self._remove)
        bus.register(RestoreProfile, self._restore)

    async def _new(self, order: NewProfile) -> object:
        was_there = self._own.put(order.name, order.mhz, order.core_v)
        await self._set_anew(order.name)
        return was_there

    async def _remove(self, order: RemoveProfile) -> object:
        if self._in_force.name == order.name:
            raise CommandError("in-use", f"{order.name!r} is in force; set another one first")
        self._own.remove(order.name)
        return None

    async def _restore(self, order: RestoreProfile) -> object:
        self._own.restore(order.name)
        await self._set_anew(order.name)
        return None

    async def _set_anew(self, name: str) -> None:
        if self._in_force.name == name:
            await self._bus.send(SetProfile(profile=name))
