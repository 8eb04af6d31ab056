"""How fast a stick may run: its owner's target, less what protection takes away for a time.

::

    target --trouble--> one step down --trouble--> ... --> LOWEST_PART of the target, not below
      ^------ one step up ------+<--- each time that all was quiet for the patience ---+

The target is only ever set by the owner. A step up that fails doubles the patience before the next
one, a step up that holds halves it, so a stick at its limit is not driven over it again and again.
No I/O, no clock; all times are monotonic seconds.

Ref: docs/sources.md, "Sticks" (cgminer lowers by steps, and may raise one after half an hour).
"""

import math
from collections.abc import Callable, Sequence

__all__ = [
    "LOWEST_PART",
    "MAX_QUIET_S",
    "QUIET_S",
    "SETTLE_S",
    "STEP_PART",
    "Guard",
    "clocks_below",
]

STEP_PART = 0.05
"""Of the target: one step, or one step of the dividers where that is more."""

LOWEST_PART = 0.5
"""Of the target: a stick that is in trouble even there is not helped by a lower clock."""

MAX_STEPS = round((1 - LOWEST_PART) / STEP_PART)

SETTLE_S = 30.0
"""After a step for so long trouble is still that of before: heat takes its time."""

QUIET_S = 300.0
"""Patience at first: so long all must be quiet before a step up."""

MAX_QUIET_S = 7200.0
"""Patience at most; from the lowest clock the target is reached in `MAX_STEPS` times this."""


def clocks_below(
    target_mhz: float, min_mhz: float, reach: Callable[[float], float]
) -> tuple[float, ...]:
    """Return the target and the clocks below it that protection may choose, falling.

    ``reach`` tells what the dividers give for a wish.
    """
    clocks = [target_mhz]
    for step in range(1, MAX_STEPS + 1):
        wish_mhz = target_mhz * (1 - STEP_PART * step)
        if wish_mhz >= min_mhz and (clock_mhz := reach(wish_mhz)) < clocks[-1]:
            clocks.append(clock_mhz)
    return tuple(clocks)


class Guard:
    """Keeps one stick at or below its target."""

    def __init__(self, clocks: Sequence[float], limit_mhz: float | None = None) -> None:
        """``clocks`` are those of `clocks_below`, the target first.

        ``limit_mhz`` is what was allowed when the stick ran before, None for all.
        """
        self._clocks = tuple(clocks)
        self._quiet_from_s = -math.inf
        self._settled_s = -math.inf
        self._rose_s: float | None = None
        self._patience_s = QUIET_S
        self._steps = 0
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
        return self._clocks[self._steps]

    @property
    def limit_mhz(self) -> float | None:
        """The same while it is less than the target, else None."""
        return self.clock_mhz if self._steps else None

    def start(self, now_s: float) -> None:
        """Take note that the chips start: what was quiet before does not count."""
        self._quiet_from_s = now_s

    def hold(self, now_s: float) -> None:
        """Take note of what is no trouble, but no reason to go faster either."""
        self._quiet_from_s = now_s

    def trouble(self, now_s: float) -> bool:
        """Step down unless it was just done, or cannot be; say whether the clock changed."""
        self._quiet_from_s = now_s
        if now_s < self._settled_s or self._steps == len(self._clocks) - 1:
            return False
        if self._rose_s is not None:
            has_held = now_s - self._rose_s >= self._patience_s
            self._change_patience(0.5 if has_held else 2.0)
            self._rose_s = None
        self._steps += 1
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
