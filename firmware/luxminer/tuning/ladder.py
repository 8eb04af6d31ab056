"""Profiles: names for what all sticks are set to, and the ladder of clocks of each.

``default`` is each stick's own clock from the configuration, else that of its model. ``+1`` and
``-1`` are steps from there on each stick's own ladder. ``tuned`` is each stick at its own result.
No I/O, no clock.

Ref: LUXminer API (profiles: 16 steps down, 8 up).
"""

import re
from collections.abc import Mapping

from luxminer.errors import CommandError

__all__ = [
    "DEFAULT",
    "KNOWN_PROFILES",
    "STEPS_DOWN",
    "STEPS_UP",
    "TUNED",
    "ladder",
    "ladder_clock",
    "step_of",
]

DEFAULT = "default"
TUNED = "tuned"

STEPS_DOWN = 16
STEPS_UP = 8

KNOWN_PROFILES = f"{DEFAULT}, {TUNED}, -{STEPS_DOWN} to -1 and +1 to +{STEPS_UP}"

STEP_PART = 0.05
"""Of the default clock: a step, in whole steps of the model. LUXminer's are of 25 MHz, 5 % of the
usual clock of its machines."""

PROFILE = re.compile(r"[+-][0-9]{1,2}")


def step_of(profile: str) -> int | None:
    """Return the step that a profile means, None for ``tuned``.

    Raises CommandError ``unknown-profile``; a step needs its sign.
    """
    if profile == DEFAULT:
        return 0
    if profile == TUNED:
        return None
    step = int(profile) if PROFILE.fullmatch(profile) else STEPS_UP + 1
    if not -STEPS_DOWN <= step <= STEPS_UP:
        reason = f"no profile {profile!r}; known: {KNOWN_PROFILES}"
        raise CommandError("unknown-profile", reason)
    return step


def ladder(
    *, default_mhz: float, min_mhz: float, max_mhz: float, step_mhz: float
) -> dict[int, float]:
    """Return the clock of each step that a stick can run at, rising; step 0 is ``default_mhz``."""
    if step_mhz <= 0:
        return {0: default_mhz}
    width_mhz = max(1, round(default_mhz * STEP_PART / step_mhz)) * step_mhz
    clocks = {0: default_mhz}
    for step in range(-STEPS_DOWN, STEPS_UP + 1):
        mhz = default_mhz + step * width_mhz
        if min_mhz <= mhz <= max_mhz:
            clocks[step] = mhz
    return dict(sorted(clocks.items()))


def ladder_clock(clocks: Mapping[int, float], step: int) -> float:
    """Return the clock of a step; beyond its end the ladder goes no further."""
    return clocks[min(max(step, min(clocks)), max(clocks))]
