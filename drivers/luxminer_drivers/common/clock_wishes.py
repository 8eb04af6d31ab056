"""Which clocks the owner wants: that of the stick, and those of single chips.

A chip that has a clock of its own keeps it until it gives it up; the clock of the stick is that of
all others. Where no others are left, the clock of the stick is the mean of the chips, as wish and
as report, and an order for the stick waits for chips that give up their own. No I/O.
"""

from collections.abc import Mapping
from statistics import fmean

from luxminer.device.contract import DeviceOptions
from luxminer.errors import ConfigError
from luxminer_drivers.common.facts import MAX_CHIPS
from luxminer_drivers.common.family import Family
from luxminer_drivers.common.guard import clocks_below

__all__ = ["ClockWishes"]


class ClockWishes:
    """The wishes for one stick, checked against its model and rounded by its dividers."""

    def __init__(self, options: DeviceOptions, family: Family) -> None:
        """Take over what is configured. Raises ConfigError."""
        self._model = options.model
        self._family = family
        self._stick_mhz = self._reachable(options.frequency_mhz)
        self._chip_mhz: dict[int, float] = {}
        for chip, mhz in enumerate(options.chip_mhz):
            if mhz:
                self.set_chip(chip, mhz)

    def set_stick(self, mhz: float) -> None:
        """Take the clock of the stick. Raises ConfigError out of the model's range."""
        self._stick_mhz = self._reachable(mhz)

    def set_chip(self, chip: int, mhz: float) -> None:
        """Take a clock for one chip; with 0 it has that of the stick.

        Raises ConfigError for a chip or a clock that there is not, or a stick that cannot.
        """
        title = self._model.title
        if mhz and not self._model.sets_chips:
            raise ConfigError(
                f"the chips of a {title} all have one clock",
                key="chip_frequency_mhz",
                value=mhz,
                cure="set the clock of the stick",
            )
        last = (self._chips or MAX_CHIPS) - 1
        if not 0 <= chip <= last:
            raise ConfigError(
                f"this {title} has no chip {chip}",
                key="chip_frequency_mhz",
                value=mhz,
                cure=f"they count from 0 to {last}",
            )
        self._chip_mhz.pop(chip, None)
        if mhz:
            self._chip_mhz[chip] = self._reachable(mhz)

    def _reachable(self, mhz: float) -> float:
        low, high = self._model.min_mhz, self._model.max_mhz
        if not low <= mhz <= high:
            raise ConfigError(
                f"{mhz:g} MHz is out of range for a {self._model.title}",
                key="frequency_mhz",
                value=mhz,
                cure=f"give {low:g} to {high:g}",
            )
        return self._family.reach(mhz)

    @property
    def _chips(self) -> int:
        return self._family.chips or self._model.chips

    @property
    def own_mhz(self) -> Mapping[int, float]:
        """Clocks of single chips, of those that there are."""
        chips = self._chips or MAX_CHIPS
        return {chip: mhz for chip, mhz in self._chip_mhz.items() if chip < chips}

    @property
    def beyond(self) -> int | None:
        """The last chip that is named and does not answer."""
        return max(self._chip_mhz.keys() - self.own_mhz.keys(), default=None)

    @property
    def clocks(self) -> tuple[float, ...]:
        """The target and the clocks below it, as `Guard` wants them."""
        own = self.own_mhz
        target_mhz = fmean(own.values()) if self._is_each(own) else self._stick_mhz
        return clocks_below(target_mhz, self._model.min_mhz, self._family.reach)

    def pass_on(self, part: float) -> None:
        """Tell the family what each chip is to have; protection leaves ``part`` of it."""
        low_mhz = self._model.min_mhz
        self._family.chip_mhz = {
            chip: self._family.reach(max(mhz * part, low_mhz)) for chip, mhz in self.own_mhz.items()
        }

    def _is_each(self, own: Mapping[int, float]) -> bool:
        """Tell whether no chip is left that has the clock of the stick."""
        return 0 < len(own) == self._chips

    # What the chips run at

    @property
    def mhz(self) -> float:
        """Clock of the stick now."""
        family = self._family
        return fmean(family.clocks_mhz) if self._is_each(family.chip_mhz) else family.mhz

    def are_reached(self, stick_mhz: float) -> bool:
        """Tell whether all chips run at what was passed on, and at this clock of the stick."""
        family = self._family
        is_there = self._is_each(family.chip_mhz) or family.mhz == stick_mhz
        return is_there and family.are_chips_set
