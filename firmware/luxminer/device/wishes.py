"""What a stick is to run at, and who says so. No I/O, no clock.

::

    heat  >  trial of the tuner  >  order of the owner  >  profile of all sticks  >  configuration

The first that says something decides, clock and core voltage each by itself. An order ends a trial,
a new profile ends an order. What heat demands leaves all others as they are.
"""

from dataclasses import dataclass, replace

__all__ = ["Wish", "Wishes", "with_chip_clock"]


def with_chip_clock(clocks_mhz: tuple[float, ...], chip: int, mhz: float) -> tuple[float, ...]:
    """Return the clocks of single chips with that of one changed; 0 is that of the stick."""
    clocks = [*clocks_mhz, *(0.0,) * (chip + 1 - len(clocks_mhz))]
    clocks[chip] = mhz
    return tuple(clocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Clock and core voltage; None has no wish."""

    mhz: float | None = None
    core_mv: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """All wishes for one stick. A trial is for a time, the others make its target."""

    default_mhz: float
    default_core_mv: int | None = None
    profile: Wish = Wish()
    order: Wish = Wish()
    trial: Wish | None = None
    heat_mhz: float | None = None
    """Clock in place of the target, for the temperature; a trial may be below it."""

    @property
    def target_mhz(self) -> float:
        """Clock when nothing is tried out."""
        said = (self.order.mhz, self.profile.mhz)
        return next((mhz for mhz in said if mhz is not None), self.default_mhz)

    @property
    def target_core_mv(self) -> int | None:
        """Core voltage when nothing is tried out; None for the default of the model."""
        said = (self.order.core_mv, self.profile.core_mv)
        return next((core_mv for core_mv in said if core_mv is not None), self.default_core_mv)

    @property
    def clock_mhz(self) -> float:
        """Clock now."""
        mhz = self.trial.mhz if self.trial is not None else None
        if self.heat_mhz is not None:
            return self.heat_mhz if mhz is None else min(mhz, self.heat_mhz)
        return self.target_mhz if mhz is None else mhz

    @property
    def core_mv(self) -> int | None:
        """Core voltage now; None for the default of the model."""
        core_mv = self.trial.core_mv if self.trial is not None else None
        return self.target_core_mv if core_mv is None else core_mv

    @property
    def has_order(self) -> bool:
        return self.order != Wish()

    def ordered(self, *, mhz: float | None = None, core_mv: int | None = None) -> "Wishes":
        """Return them with an order of the owner; what is None stays as it was ordered before."""
        order = Wish(
            mhz=self.order.mhz if mhz is None else mhz,
            core_mv=self.order.core_mv if core_mv is None else core_mv,
        )
        return replace(self, order=order, trial=None)
