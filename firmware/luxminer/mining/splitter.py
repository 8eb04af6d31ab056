"""Divides work among several takers in the ratio of their quotas, measured in difficulty.

Two books are kept, both in units of difficulty 1 and zero in sum over all takers: what each is owed
of the work handed out, and what it is owed of the work found. A chip finds by chance, so only the
second makes the difficulties that pools count come out in the ratio, and it weighs more; but it is
bounded, so that a taker whose work finds nothing cannot take the work of all others. Old debts
fade. What was owed before takers or quotas changed is forgotten: a taker that was away gets its
part from now on, and nothing for the time before.
"""

from collections.abc import Hashable, Mapping, Set
from typing import Generic, TypeVar

__all__ = ["Splitter"]

K = TypeVar("K", bound=Hashable)

LUCK_WEIGHT = 8.0
"""Of a difference in work found against one in work handed out. The ninth part of what chance does
remains; a greater weight would make pieces for one taker longer for little."""

MAX_LUCK = 0.1
"""Of the work of `MEMORY_S`: so much more than its quota a taker gets for having found less."""

MEMORY_S = 600.0
"""In which a debt of work handed out fades to a third."""


class Splitter(Generic[K]):
    """Chooses who gets the next piece of work.

    Sizes of pieces may differ as they like: debts never grow beyond a few pieces, and with them the
    error of any span of time.
    """

    def __init__(self, quotas: Mapping[K, float], behind: Mapping[K, float] | None = None) -> None:
        """Begin with fresh books for takers with quotas above 0.

        ``behind`` tells what difficulty takers had less than the others before, to be made up for.
        """
        total = sum(quotas.values())
        assert all(quota > 0 for quota in quotas.values()), quotas
        self._places = {taker: place for place, taker in enumerate(quotas)}
        self._takers = tuple(quotas)
        self._quotas = tuple(quotas.values())
        self._total = total
        # Times the sum of the quotas, so that whole quotas and pieces add up without rounding.
        self._owed = [total * (behind or {}).get(taker, 0.0) for taker in quotas]
        self._luck = list(self._owed)
        self._handed = 0.0
        self._faded_s: float | None = None

    def choose(self, piece: float, now_s: float, passed: Set[K] = frozenset()) -> K:
        """Return who shall have a piece of this difficulty, none of ``passed``.

        Nothing is booked but the time. Asserts that somebody is left.
        """
        self._fade(now_s)
        most = self._total * MAX_LUCK * self._handed
        best, best_claim = None, 0.0
        for place, taker in enumerate(self._takers):
            luck = LUCK_WEIGHT * self._luck[place]
            claim = self._owed[place] + self._quotas[place] * piece + min(max(luck, -most), most)
            if (best is None or claim > best_claim) and taker not in passed:
                best, best_claim = taker, claim
        assert best is not None, passed
        return best

    def handed(self, taker: K, piece: float) -> None:
        """Book work for a taker; a negative piece takes back what was booked too much."""
        self._book(self._owed, taker, piece)
        self._handed += piece

    def found(self, taker: K, difficulty: float) -> None:
        """Book what a chip has found for a taker."""
        self._book(self._luck, taker, difficulty)

    def _book(self, book: list[float], taker: K, difficulty: float) -> None:
        for place, quota in enumerate(self._quotas):
            book[place] += quota * difficulty
        book[self._places[taker]] -= self._total * difficulty

    def _fade(self, now_s: float) -> None:
        if self._faded_s is not None and now_s > self._faded_s:
            left = max(0.0, 1.0 - (now_s - self._faded_s) / MEMORY_S)
            self._owed = [owed * left for owed in self._owed]
            self._handed *= left
        self._faded_s = now_s
