"""Clocks of a chain: that of all chips, and those of single chips that have one of their own."""

from collections.abc import Mapping

from luxminer_drivers.bm13xx.facts import PllForm
from luxminer_drivers.bm13xx.pll import Pll, choose_pll, next_step

__all__ = ["Clocks"]


class Clocks:
    """What is set on the chips now, and the next step to what is wanted. No I/O."""

    def __init__(self, form: PllForm, pll: Pll) -> None:
        self._form = form
        self.pll = pll
        """Of all chips that are not in ``own``."""
        self.own: dict[int, Pll] = {}

    def of(self, index: int) -> Pll:
        return self.own.get(index, self.pll)

    def all_mhz(self, chips: int) -> tuple[float, ...]:
        """Return the clock of each chip of a chain."""
        return tuple(self.of(index).mhz for index in range(chips))

    def are_set(self, wishes: Mapping[int, float]) -> bool:
        """Tell whether exactly these chips have clocks of their own, and those that are wished."""
        return self.own.keys() == wishes.keys() and all(
            self.own[index].mhz == mhz for index, mhz in wishes.items()
        )

    def step(
        self, target_mhz: float, wishes: Mapping[int, float], chips: int
    ) -> Mapping[int, Pll] | None:
        """Go one step towards what is wanted.

        Returns the chips to be set one by one; None when all are to be set to ``pll``.
        """
        before = [self.of(index) for index in range(chips)]
        targets = dict.fromkeys(self.own, target_mhz) | dict(wishes)
        own = {index: self._stepped(self.of(index), mhz) for index, mhz in targets.items()}
        self.pll = self._stepped(self.pll, target_mhz)
        self.own = {
            index: pll
            for index, pll in own.items()
            if index in wishes or pll != self.pll  # else it follows the others again
        }
        if not own:
            return None
        return {index: pll for index, old in enumerate(before) if (pll := self.of(index)) != old}

    def _stepped(self, now: Pll, target_mhz: float) -> Pll:
        return choose_pll(self._form, next_step(self._form, now.mhz, target_mhz))
