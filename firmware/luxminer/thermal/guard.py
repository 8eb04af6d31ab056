"""Protects one stick by its own sensor: slower when it is hot, at rest when that is dangerous.

No I/O, no clock. Ref: LUXminer API (temperature limits and overtemperature recovery).
"""

from luxminer.config.schema import ThermalConfig

__all__ = ["COOLER_C", "HARDER_S", "MAX_STEPS", "SOFTER_S", "Guard"]

HARDER_S = 30.0
"""A step down shows in the temperature within this time; until then no other is taken."""

SOFTER_S = 300.0
"""Between two steps up."""

COOLER_C = 5.0
"""So far below hot it steps up again."""

MAX_STEPS = 16
"""Of the ladder of clocks, downwards."""


class Guard:
    """What one stick has come to."""

    def __init__(self) -> None:
        self.steps = 0
        """Steps down from the owner's clock."""
        self.rest_words = ""
        """Why it rests; empty when it does not."""
        self.is_hot = False
        self.is_for_good = False
        """It rests until its owner changes something."""
        self._changed_s = float("-inf")
        self._bad_readings = 0

    def look(
        self, heat_c: float | None, now_s: float, limits: ThermalConfig, *, may_step: bool
    ) -> None:
        """Judge a reading; ``may_step`` says whether it is its business to change the clock."""
        if self.rest_words:
            self._look_at_rest(now_s, limits)
            return
        if heat_c is None:
            self._bad_readings += 1
            return
        self._bad_readings = 0
        self.is_hot = heat_c >= limits.hot_c
        since_s = now_s - self._changed_s
        if heat_c >= limits.dangerous_c:
            self._rest(f"{heat_c:.0f} C is {limits.dangerous_c} C or more", now_s, limits)
        elif not may_step:
            self.steps = 0
        elif self.is_hot and self.steps < MAX_STEPS and since_s >= HARDER_S:
            self.steps += 1
            self._changed_s = now_s
        elif heat_c < limits.hot_c - COOLER_C and self.steps and since_s >= SOFTER_S:
            self.steps -= 1
            self._changed_s = now_s

    def miss_sensor(self, now_s: float, limits: ThermalConfig) -> None:
        """Let a stick rest that is up and should have a sensor, but told no temperature."""
        if not self.rest_words and self._bad_readings > limits.max_bad_readings:
            self._rest("it tells no temperature, and thermal.min_per_board is 1", now_s, limits)

    def release(self) -> None:
        """Let it run again, after its owner has changed the limits."""
        self.rest_words = ""
        self.is_for_good = False
        self._bad_readings = 0

    def _rest(self, why: str, now_s: float, limits: ThermalConfig) -> None:
        self._bad_readings = 0
        self._changed_s = now_s
        self.is_for_good = not limits.overtemp_auto_recovery
        until = (
            "its owner changes a limit of temperature or wakes it"
            if self.is_for_good
            else f"{limits.recover_cooldown_minutes} min have passed"
        )
        self.rest_words = f"stopped: {why}; rests until {until}; look at its cooling"

    def _look_at_rest(self, now_s: float, limits: ThermalConfig) -> None:
        if self.is_for_good or now_s - self._changed_s < limits.recover_cooldown_minutes * 60:
            return
        self.release()
        self.is_hot = False
        self.steps = min(self.steps + 1, MAX_STEPS)  # not at once what it stopped for
        self._changed_s = now_s
