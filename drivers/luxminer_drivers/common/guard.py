"""How fast a stick may run: its owner's target, less what protection takes away for a time.

::

    target --trouble--> one step down --trouble--> ... --> LOWEST_PART of the target, not below
      ^------ one step up ------+<--- each time that all was quiet for the patience ---+

The target is only ever set by the owner. A step goes down from the clock in force, which is less
than what is allowed while the chips are still on their way up, and may then be below the lowest
part. A step up that fails doubles the patience before the next one, a step up that holds halves it,
so a stick at its limit is not driven over it again and again. A ceiling is what the family sets for
reasons of its own; it comes and goes at once. No I/O, no clock; all times are monotonic seconds.

Ref: docs/sources.md, "Sticks" (cgminer lowers by steps, and may raise one after half an hour).
"""

import math
from collections.abc import Callable, Sequence

__all__ = [
    "LOWEST_PART",
    "MAX_QUIET_S",
    "MAX_STEPS",
    "QUIET_S",
    "SETTLE_S",
    "STEP_PART",
    "Guard",
    "clocks_below",
]

FLOAT_NOISE = 1e-9

STEP_PART = 0.05
"""Of the target: one step, or one step of the dividers where that is more."""

LOWEST_PART = 0.5
"""Of the target: a stick that is in trouble even there is not helped by a lower clock."""

MAX_STEPS = round(1 / STEP_PART) - 1

SETTLE_S = 30.0
"""After a step for so long trouble is still that of before: heat takes its time."""

QUIET_S = 300.0
"""Patience at first: so long all must be quiet before a step up."""

MAX_QUIET_S = 7200.0
"""Patience at most; from any clock the target is reached in `MAX_STEPS` times this."""


def clocks_below(
    target_mhz: float, min_mhz: float, reach: Callable[[float], float]
) -> tuple[float, ...]:
    """Return the target and the clocks below it that protection may choose, falling.

    ``reach`` tells what the dividers give for a wish. All down to ``min_mhz`` are there.
    """
    clocks = [target_mhz]
    for step in range(1, MAX_STEPS + 1):
        wish_mhz = target_mhz * (1 - STEP_PART * step)
        if wish_mhz >= min_mhz and (clock_mhz := reach(wish_mhz)) < clocks[-1]:
            clocks.append(clock_mhz)
    if (clock_mhz := reach(min_mhz)) < clocks[-1]:
        clocks.append(clock_mhz)
    return tuple(clocks)


class Guard:
    """Keeps one stick at or below its target."""

    def __init__(self, clocks: Sequence[float], limit_mhz: float | None = None) -> None:
        """``clocks`` are those of `clocks_below`, the target first.

        ``limit_mhz`` is what was allowed when the stick ran before, None for all.
        """
        self._steps = 0
        self.retarget(clocks)
        self._ceiling_mhz = math.inf
        self._quiet_from_s = -math.inf
        self._settled_s = -math.inf
        self._rose_s: float | None = None
        self._patience_s = QUIET_S
        if limit_mhz is not None:
            above = sum(clock_mhz > limit_mhz for clock_mhz in self._clocks)
            self._steps = min(above, len(self._clocks) - 1)

    @property
    def target_mhz(self) -> float:
        """What the owner wants."""
        return self._clocks[0]

    @property
    def clock_mhz(self) -> float:
        """What the stick may run at: the target or less."""
        return min(self._clocks[self._steps], self._ceiling_mhz)

    @property
    def limit_mhz(self) -> float | None:
        """The same while it is less than the target, else None."""
        return self.clock_mhz if self.clock_mhz < self.target_mhz else None

    def retarget(self, clocks: Sequence[float]) -> None:
        """Take over another target; as many steps as before are taken off it."""
        self._clocks = tuple(clocks)
        lowest_mhz = LOWEST_PART * self._clocks[0] * (1 - FLOAT_NOISE)
        self._last = sum(clock_mhz >= lowest_mhz for clock_mhz in self._clocks) - 1
        self._steps = min(self._steps, len(self._clocks) - 1)

    def cap(self, ceiling_mhz: float) -> bool:
        """Allow no more than this, whatever else is allowed; say whether the clock changed."""
        before_mhz, self._ceiling_mhz = self.clock_mhz, ceiling_mhz
        return self.clock_mhz != before_mhz

    def start(self, now_s: float) -> None:
        """Take note that the chips start: what was quiet before does not count."""
        self._quiet_from_s = now_s

    def hold(self, now_s: float) -> None:
        """Take note of what is no trouble, but no reason to go faster either."""
        self._quiet_from_s = now_s

    def trouble(self, now_s: float, in_force_mhz: float = math.inf) -> bool:
        """Step down unless it was just done, or cannot be; say whether the clock changed.

        ``in_force_mhz`` is what the chips run at; they may be on their way up.
        """
        self._quiet_from_s = now_s
        in_force_mhz = min(in_force_mhz, self.clock_mhz)
        below = sum(clock_mhz >= in_force_mhz for clock_mhz in self._clocks)
        is_high = in_force_mhz == self.clock_mhz >= self._clocks[self._last]
        last = self._last if is_high else len(self._clocks) - 1
        steps = min(max(below, self._steps + 1), last)
        if now_s < self._settled_s or steps <= self._steps:
            return False
        if self._rose_s is not None:
            has_held = now_s - self._rose_s >= self._patience_s
            self._change_patience(0.5 if has_held else 2.0)
            self._rose_s = None
        self._steps = steps
        self._settled_s = now_s + SETTLE_S
        return True

    def recover(self, now_s: float) -> bool:
        """Step up when all was quiet for long enough; say whether the clock changed."""
        if not self._steps or now_s - self._quiet_from_s < self._patience_s:
            return False
        if self._rose_s is not None:
            self._change_patience(0.5)
        self._steps -= 1
        self._rose_s = self._quiet_from_s = now_s
        return True

    def lift(self) -> None:
        """Go back to the target at once: the clock was not the cause."""
        self._steps = 0
        self._rose_s = None

    def _change_patience(self, factor: float) -> None:
        self._patience_s = min(max(self._patience_s * factor, QUIET_S), MAX_QUIET_S)
