"""Clock of the chips: dividers for a wanted frequency, and the frequency of given dividers.

Ref: REFERENCE.md of the families, "Clock".
"""

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.facts import PllForm
from luxminer_drivers.common.fields import get_bits, put_bits

__all__ = ["Pll", "choose_pll", "clocks_of", "limited_mhz", "next_step", "round_up_mhz", "stopped"]

FLOAT_NOISE = 1e-6
"""Part of a step by which a request may exceed it before it means the next one."""

SEARCH_POSTS = range(1, 8)
"""Post dividers that a search tries. Ref: mujina."""
SEARCH_REFERENCES = (2, 1)
"""Reference dividers, the usual one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pll:
    """Dividers as the formula has them, whatever a family writes for them."""

    feedback: int
    reference: int
    post1: int
    post2: int

    @property
    def vco_mhz(self) -> float:
        """Frequency before the post dividers."""
        return facts.CRYSTAL_MHZ * self.feedback / self.reference

    @property
    def mhz(self) -> float:
        """Clock that these dividers give."""
        return self.vco_mhz / (self.post1 * self.post2)

    def encode(self, form: PllForm) -> int:
        """Return the value of the register."""
        is_fast = form.fast_mhz > 0 and self.vco_mhz >= form.fast_mhz
        return (
            put_bits(facts.PLL_PREFIX, form.prefix_fast if is_fast else form.prefix)
            | put_bits(facts.PLL_FEEDBACK, self.feedback)
            | put_bits(facts.PLL_REFERENCE, self.reference)
            | put_bits(facts.PLL_POST1, self.post1 - form.post_offset)
            | put_bits(facts.PLL_POST2, self.post2 - form.post_offset)
        )

    @classmethod
    def decode(cls, form: PllForm, value: int) -> "Pll | None":
        """Read the register; lock flag and prefix do not matter. None for a division by zero."""
        reference = get_bits(value, facts.PLL_REFERENCE)
        post1 = get_bits(value, facts.PLL_POST1) + form.post_offset
        post2 = get_bits(value, facts.PLL_POST2) + form.post_offset
        if not reference * post1 * post2:
            return None
        feedback = get_bits(value, facts.PLL_FEEDBACK)
        return cls(feedback=feedback, reference=reference, post1=post1, post2=post2)

    @staticmethod
    def is_locked(value: int) -> bool:
        """Tell whether a register that was read back says that the clock is stable."""
        return bool(get_bits(value, facts.PLL_LOCKED))


def round_up_mhz(form: PllForm, mhz: float) -> float:
    """Return the next multiple of the family's step that is not below ``mhz``."""
    return math.ceil(mhz / form.step_mhz - FLOAT_NOISE) * form.step_mhz


def limited_mhz(form: PllForm, mhz: float) -> float:
    """Return ``mhz`` or the nearest clock that the family can run at."""
    return min(max(mhz, form.min_mhz), form.max_mhz)


def stopped(form: PllForm) -> Pll:
    """Return the dividers that stop the chips. Only for families that can."""
    assert form.can_stop, form
    return Pll(feedback=0, reference=1, post1=1, post2=1)


def choose_pll(form: PllForm, mhz: float) -> Pll:
    """Return the dividers for the lowest clock of the family that is not below ``mhz``.

    A clock that was chosen is chosen again. Raises ValueError outside the family's range.
    """
    if not form.min_mhz <= mhz <= form.max_mhz:
        raise ValueError(f"{mhz} MHz: this chip runs at {form.min_mhz:g} to {form.max_mhz:g} MHz")
    return _plls(form)[bisect_left(clocks_of(form), mhz - FLOAT_NOISE * form.step_mhz)]


@cache
def clocks_of(form: PllForm) -> tuple[float, ...]:
    """Return all clocks of the family, rising: its steps, where dividers give them."""
    return tuple(pll.mhz for pll in _plls(form))


@cache
def _plls(form: PllForm) -> tuple[Pll, ...]:
    steps = range(round(form.min_mhz / form.step_mhz), round(form.max_mhz / form.step_mhz) + 1)
    found = {pll.mhz: pll for pll in (_of_step(form, step * form.step_mhz) for step in steps)}
    return tuple(found[mhz] for mhz in sorted(found))


def _of_step(form: PllForm, clock: float) -> Pll:
    """Return the dividers for a multiple of the family's step, or for the next they can give.

    The values are the ones that are proven on sticks where these give the clock exactly, else the
    slowest VCO that does.
    """
    band = next(
        each
        for each in form.bands
        if clock > each.above_mhz or (each.includes and clock == each.above_mhz)
    )
    divider = band.reference * band.post1 * band.post2
    feedback = math.ceil(clock * divider / facts.CRYSTAL_MHZ - FLOAT_NOISE)
    usual = Pll(feedback=feedback, reference=band.reference, post1=band.post1, post2=band.post2)
    if not form.search_to or usual.mhz == clock:
        return usual
    return min(_exact(form, clock), key=lambda pll: (pll.vco_mhz, pll.post1), default=usual)


def _exact(form: PllForm, clock: float) -> list[Pll]:
    """Return all dividers that give exactly this clock, in order of preference."""
    found = []
    for reference in SEARCH_REFERENCES:
        for post1 in SEARCH_POSTS:
            for post2 in range(1, post1 + 1):
                feedback = clock * reference * post1 * post2 / facts.CRYSTAL_MHZ
                if feedback.is_integer() and form.search_from <= feedback <= form.search_to:
                    found.append(
                        Pll(feedback=int(feedback), reference=reference, post1=post1, post2=post2)
                    )
    return found


def next_step(form: PllForm, now_mhz: float, target_mhz: float) -> float:
    """Return the next clock of the family on the way from ``now_mhz`` to that for ``target_mhz``.

    It is no more than a step away, or the nearest where dividers leave a wider gap.
    """
    clocks = clocks_of(form)
    target_mhz = choose_pll(form, target_mhz).mhz
    if target_mhz > now_mhz:
        index = max(
            bisect_right(clocks, now_mhz + form.step_mhz) - 1, bisect_right(clocks, now_mhz)
        )
        return min(clocks[index], target_mhz)
    if target_mhz < now_mhz:
        index = min(bisect_left(clocks, now_mhz - form.step_mhz), bisect_left(clocks, now_mhz) - 1)
        return max(clocks[index], target_mhz)
    return target_mhz
