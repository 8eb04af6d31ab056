"""Profiles: what all sticks can be set to."""

from dataclasses import dataclass

__all__ = ["ProfileSnapshot", "TunerSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSnapshot:
    """One profile, with estimates for all sticks that were ever seen."""

    name: str
    """``default``, ``tuned``, ``175MHz``, or ``+1`` where the ladders of the sticks differ."""
    order: str
    """What it is set by, whatever sticks there are: ``default``, ``tuned`` or a step."""
    step: int | None
    """From the default; None for one that is on no ladder."""
    mhz: float
    """Mean of the clocks of all sticks."""
    core_v: float | None
    """Mean of what is set; None where nothing sets it."""
    rate_hs: float
    power_w: float
    is_own: bool = False
    """Made by the owner; not on any ladder."""
    can_restore: bool = False
    """It was changed since it was made."""
    is_tuned: bool = False
    """Every stick that can be tuned has its result in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TunerSettings:
    goal: str = "rate"
    max_hw_error_percent: float = 2.0
