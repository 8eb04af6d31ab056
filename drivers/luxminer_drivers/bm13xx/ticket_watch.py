"""Whether chips keep to their ticket mask, told from the nonces that come."""

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.ticket import check_for

__all__ = ["RATE_CHECKS", "TicketWatch"]

RATE_CHECKS = ((10.0, 1), (20.0, 5), (100.0, 60))
"""Expected nonces, and how many must have come by then, where nobody has proven the mask on such
sticks. No kind of wrong mask escapes this: one that lets only good nonces through may still keep
others back. The next harder mask gives half. Chance fails each once in 20,000 times or less, which
costs a few easy nonces."""


class TicketWatch:
    """Judges the nonces since a mask was set, and how often it may be set again."""

    def __init__(self) -> None:
        self.retries = 0
        """Times that the mask was sent again."""
        self.is_wrong = False
        """The mask must be sent again, or given up."""
        self.start(1)

    def start(self, difficulty: int) -> None:
        """Take note that another mask was sent."""
        self.retries = 0
        self._is_over = False
        self._sent(difficulty)

    def accept(self) -> None:
        """Take note that the mask was given up: there is nothing left to be tried."""
        self.is_wrong = False
        self._is_over = True

    def again(self, difficulty: int) -> None:
        """Take note that it was sent once more; what was heard so far says nothing any more."""
        self.retries += 1
        self._sent(difficulty)

    def _sent(self, difficulty: int) -> None:
        self.is_wrong = False
        self._check = check_for(difficulty)
        self._count = -facts.TICKET_CHECK_SKIP
        self._too_easy = 0
        self._easiest = float("inf")
        self._expected = 0.0
        self._found = 0

    @property
    def is_hopeless(self) -> bool:
        """Sending it again does not help."""
        return self.is_wrong and self.retries >= facts.TICKET_RETRIES

    def heard(self, difficulty: float) -> None:
        """Take note of a right nonce by the difficulty of its hash."""
        if self._is_over:
            return
        self._found += 1
        self._count += 1
        if self._count <= 0:
            return
        self._easiest = min(self._easiest, difficulty)
        self._too_easy += difficulty < self._check.difficulty - facts.TICKET_TOO_EASY_MARGIN
        too_hard = self._count >= self._check.nonces and self._easiest >= self._check.easier_than
        self.is_wrong |= too_hard or self._too_easy >= facts.TICKET_TOO_EASY_NONCES

    def expect(self, nonces: float) -> bool:
        """Take note of how many should have come since the last time; judge the first ones.

        Returns whether the rate says that the mask is right, or what it is does not matter.
        """
        if self._is_over or self._expected >= RATE_CHECKS[-1][0]:
            return not self.is_wrong
        before, self._expected = self._expected, self._expected + nonces
        self.is_wrong |= any(
            before < expected <= self._expected and self._found < least
            for expected, least in RATE_CHECKS
        )
        return False
