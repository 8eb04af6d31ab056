"""What the profile of the machine means for each stick. No I/O, no clock."""

import logging

from luxminer.device.state import DeviceState
from luxminer.device.wishes import Wish
from luxminer.tuning.ladder import ladder, ladder_clock, step_of
from luxminer.tuning.own import OwnProfiles, own_wish
from luxminer.tuning.results import Result, Results
from luxminer.tuning.search import CORE_PART, Setting

__all__ = ["Profile", "can_run"]

log = logging.getLogger(__name__)


class Profile:
    """The profile in force, over the results of all sticks."""

    def __init__(
        self,
        name: str,
        results: Results,
        max_hw_error_percent: float,
        own: OwnProfiles | None = None,
    ) -> None:
        """Begin with a profile. Raises CommandError ``unknown-profile``."""
        self.own = own or OwnProfiles()
        self.step: int | None = None
        self.name = name
        self.set(name)
        self.results = results
        self._max_hw_error_percent = max_hw_error_percent
        self._told: set[str] = set()
        """Sticks whose result cannot be used: said once."""

    def set(self, name: str) -> None:
        """Change to another profile. Raises CommandError ``unknown-profile``."""
        self.step = None if self.own.get(name) is not None else step_of(name)
        self.name = name

    def wish_of(self, state: DeviceState) -> Wish:
        """Return what the profile says for a stick; without a wish it keeps its own default."""
        own = self.own.get(self.name)
        if own is not None:
            return own_wish(own, state)
        if self.step == 0:
            return Wish()
        if self.step is not None:
            steps = ladder(
                default_mhz=state.default_mhz,
                min_mhz=state.min_mhz,
                max_mhz=state.max_mhz,
                step_mhz=state.step_mhz,
            )
            return Wish(mhz=ladder_clock(steps, self.step))
        return self.tuned_wish(state)

    def tuned_wish(self, state: DeviceState) -> Wish:
        """Return what ``tuned`` says for a stick; without a wish it has no result to be used."""
        result = self.result_of(state)
        if result is None or result.wrong_part * 100 > self._max_hw_error_percent:
            return Wish()
        return Wish(mhz=result.setting.mhz, core_mv=result.setting.core_mv)

    def result_of(self, state: DeviceState) -> Result | None:
        """Return what is verified for a stick and within the limits of its model."""
        result = self.results.get(state.identity, state.model)
        if result is None or not result.is_verified:
            return None
        if not can_run(state, result.setting):
            if state.identity not in self._told:
                self._told.add(state.identity)
                log.warning(
                    "device %d: %s is beyond its model, and not used", state.id, result.setting
                )
            return None
        return result


def can_run(state: DeviceState, setting: Setting) -> bool:
    """Tell whether a search on this stick could have come to this."""
    core, core_mv = state.core, setting.core_mv
    if core_mv is not None:
        if core is None or not core.min_mv <= core_mv <= core.max_mv:
            return False
        if abs(core_mv - core.default_mv) > core.default_mv * CORE_PART:
            return False
    return state.step_mhz > 0 and state.min_mhz <= setting.mhz <= state.max_mhz
