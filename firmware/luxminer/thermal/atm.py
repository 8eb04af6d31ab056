"""Advanced thermal management: all sticks step down when it is hot, and up when it has cooled.

No I/O, no clock. Ref: LUXminer API (atm, atmset).
"""

from luxminer.config.schema import AtmConfig
from luxminer.device.state import DeviceState
from luxminer.tuning.ladder import STEPS_DOWN, ladder, step_of

__all__ = ["Atm", "bounds", "clock_at"]

NEAR_MHZ = 0.001


def bounds(config: AtmConfig, owner_step: int | None) -> tuple[int, int]:
    """Return lowest and highest step from what the owner has set; ``tuned`` counts as default.

    Raises CommandError ``unknown-profile``.
    """
    own = owner_step or 0
    lowest = -STEPS_DOWN if not config.min_profile else step_of(config.min_profile) or 0
    highest = step_of(config.max_profile) or 0
    return min(lowest, highest) - own, highest - own


def clock_at(state: DeviceState, steps: int) -> float | None:
    """Return the clock that lies so many steps of a stick's ladder from what its owner has set.

    None where that is the owner's own clock, or nothing sets the clock.
    """
    if not steps or state.step_mhz <= 0:
        return None
    target_mhz = state.target_mhz
    clocks = ladder(
        default_mhz=state.default_mhz,
        min_mhz=state.min_mhz,
        max_mhz=state.max_mhz,
        step_mhz=state.step_mhz,
    ).values()
    below = [mhz for mhz in reversed(clocks) if mhz < target_mhz - NEAR_MHZ]
    above = [mhz for mhz in clocks if mhz > target_mhz + NEAR_MHZ]
    way = below if steps < 0 else above
    if not way:
        return None
    return way[min(abs(steps), len(way)) - 1]


class Atm:
    """Where all sticks are; ``steps`` counts from what the owner has set."""

    def __init__(self, now_s: float, steps: int = 0) -> None:
        self.steps = steps
        self._started_s = now_s
        self._changed_s = float("-inf")

    def look(
        self,
        heat_c: float | None,
        now_s: float,
        config: AtmConfig,
        *,
        hot_c: int,
        owner_step: int | None,
    ) -> bool:
        """Judge the hottest reading; True when the steps have changed."""
        before = self.steps
        lowest, highest = bounds(config, owner_step)
        self.steps = min(max(self.steps, lowest), highest) if config.enabled else 0
        waits = (
            now_s - self._started_s < config.startup_minutes * 60
            or now_s - self._changed_s < config.post_ramp_minutes * 60
        )
        if config.enabled and heat_c is not None and not waits:
            if heat_c >= hot_c and self.steps > lowest:
                self.steps -= 1
            elif heat_c < hot_c - config.temp_window and self.steps < highest:
                self.steps += 1
        if self.steps == before:
            return False
        self._changed_s = now_s
        return True
