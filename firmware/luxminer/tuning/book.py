"""The list of profiles, by name, and which of them is in force. No I/O, no clock.

Where all sticks have the same ladder its steps are named by their clocks, as in LuxOS, else by
their numbers. Estimates are for all sticks that were ever seen, also those that are pulled.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from statistics import fmean

from luxminer.device.state import DeviceState
from luxminer.device.wishes import Wish
from luxminer.telemetry.model import ProfileSnapshot
from luxminer.tuning.estimate import power_w, rate_hs
from luxminer.tuning.ladder import DEFAULT, TUNED, ladder, ladder_clock
from luxminer.tuning.own import own_wish
from luxminer.tuning.profile import Profile

__all__ = ["ProfileBook"]

Ladder = Mapping[int, float]

MAX_LADDERS = 64
"""Kept: every snapshot wants them."""


@lru_cache(MAX_LADDERS)
def _ladder(default_mhz: float, min_mhz: float, max_mhz: float, step_mhz: float) -> Ladder:
    return ladder(default_mhz=default_mhz, min_mhz=min_mhz, max_mhz=max_mhz, step_mhz=step_mhz)


class ProfileBook:
    """Made for one moment: the sticks as they are, and the profile in force."""

    def __init__(self, profile: Profile, states: Sequence[DeviceState]) -> None:
        self._profile = profile
        self._states = states
        self._ladders: Mapping[int, Ladder] = {
            state.id: _ladder(state.default_mhz, state.min_mhz, state.max_mhz, state.step_mhz)
            for state in states
        }
        settable = [self._ladders[state.id] for state in states if state.step_mhz > 0]
        self._steps = sorted({step for each in settable for step in each} | {0})
        self._common = (
            settable[0] if settable and settable.count(settable[0]) == len(settable) else None
        )

    def rows(self) -> tuple[ProfileSnapshot, ...]:
        """Return all profiles, the slowest first."""
        found = [self._row(step) for step in self._steps]
        wishes = {state.id: self._profile.tuned_wish(state) for state in self._states}
        is_in_force = self._profile.name == TUNED
        if is_in_force or any(wish != Wish() for wish in wishes.values()):
            found.append(self._tuned(wishes))
        found += [
            self._made(
                own.name,
                own.name,
                None,
                partial(own_wish, own),
                is_own=True,
                can_restore=own.first_frequency_mhz > 0,
            )
            for own in self._profile.own.all
        ]
        return tuple(sorted(found, key=lambda row: row.mhz))

    @property
    def name(self) -> str:
        """Name of the profile in force, which is one of the rows."""
        step = self._profile.step
        return (
            self._profile.name
            if step is None
            else self._name(min(max(step, self._steps[0]), self._steps[-1]))
        )

    def name_of(self, state: DeviceState) -> str:
        """Name of what a stick runs at: by order of its owner it may be another step."""
        if state.has_order:
            for step, mhz in self._ladders[state.id].items():
                if mhz == state.target_mhz:
                    return self._name(step)
        return self.name

    def _name(self, step: int) -> str:
        if step == 0:
            return DEFAULT
        return f"{step:+d}" if self._common is None else f"{self._common[step]:g}MHz"

    def _row(self, step: int) -> ProfileSnapshot:
        clock = {key: ladder_clock(clocks, step) for key, clocks in self._ladders.items()}
        return self._made(
            self._name(step),
            DEFAULT if step == 0 else f"{step:+d}",
            step,
            lambda state: Wish(mhz=clock[state.id]),
        )

    def _tuned(self, wishes: Mapping[int, Wish]) -> ProfileSnapshot:
        tunable = [state.id for state in self._states if state.step_mhz > 0]
        return self._made(
            TUNED,
            TUNED,
            None,
            lambda state: wishes[state.id],
            is_tuned=bool(tunable) and all(wishes[each] != Wish() for each in tunable),
        )

    def _made(
        self,
        name: str,
        order: str,
        step: int | None,
        wish_of: Callable[[DeviceState], Wish],
        *,
        is_tuned: bool = False,
        is_own: bool = False,
        can_restore: bool = False,
    ) -> ProfileSnapshot:
        clocks, volts, rate, power = [], [], 0.0, 0.0
        for state in self._states:
            wish = wish_of(state)
            mhz = state.default_mhz if wish.mhz is None else wish.mhz
            clocks.append(mhz)
            hashes = rate_hs(state, mhz)
            rate += hashes
            power += power_w(state, hashes)
            if state.core is not None:
                core_mv = state.core.default_mv if wish.core_mv is None else wish.core_mv
                volts.append(core_mv / 1000)
        return ProfileSnapshot(
            name=name,
            order=order,
            step=step,
            mhz=fmean(clocks) if clocks else 0.0,
            core_v=fmean(volts) if volts else None,
            rate_hs=rate,
            power_w=power,
            is_tuned=is_tuned,
            is_own=is_own,
            can_restore=can_restore,
        )
