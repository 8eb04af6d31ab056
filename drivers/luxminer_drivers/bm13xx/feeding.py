"""Whether the link brings tasks as fast as chips are done with them, and what to do if not."""

from luxminer_drivers.bm13xx import chain, facts
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm13xx.pll import clocks_of
from luxminer_drivers.common.family import Ceiling

__all__ = ["fed_ceiling", "shortage_words"]

FED_PART = 0.8
"""A task may come after so much of what it keeps chips busy: a busy host is late at times, and they
begin it anew."""

ROLL = f"use a pool that lets versions be rolled ({facts.VERSION_MASK:08x})"


def fed_ceiling(family: Family, chips: int, mask: int, line_s: float) -> Ceiling | None:
    """Return the highest clock at which chips that roll versions get tasks in time.

    Faster ones would hash the same headers again. ``mask`` is that of the versions, ``line_s`` what
    the link takes for a task. None where they do at any clock; the lowest clock where they do at
    none, and then `shortage_words` tells what is still wrong.
    """
    clocks = clocks_of(family.pll)
    highest_mhz = next(
        (
            mhz
            for mhz in reversed(clocks)
            if chain.task_life_s(family, chips, mhz, mask=mask) * FED_PART >= line_s
        ),
        clocks[0],
    )
    if highest_mhz == clocks[-1]:
        return None
    why = f"its link brings a task each {line_s * 1e3:.1f} ms, and faster chips repeat it meanwhile"
    return Ceiling(mhz=highest_mhz, why=f"{why}; {ROLL}")


def shortage_words(life_s: float, line_s: float) -> str:
    """Return in words that chips are done with a task before the next, empty when they are not."""
    if line_s <= life_s:
        return ""
    return (
        f"a task keeps the chips busy for {life_s * 1e3:.1f} ms and its link brings one each "
        f"{line_s * 1e3:.1f} ms; {ROLL}, else a lower clock saves power"
    )
