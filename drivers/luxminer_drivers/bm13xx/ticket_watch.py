"""Whether chips keep to their ticket mask, told from the nonces that come."""

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.ticket import check_for

__all__ = ["TicketWatch"]


class TicketWatch:
    """Judges the nonces since a mask was set, and how often it may be set again."""

    def __init__(self) -> None:
        self._retries = 0
        self.is_wrong = False
        """The mask must be sent again."""
        self.set(1)

    def set(self, difficulty: int) -> None:
        """Take note that the mask was sent; what was heard so far says nothing any more."""
        self._retries = self._retries + 1 if self.is_wrong else 0
        self.is_wrong = False
        self._check = check_for(difficulty)
        self._count = -facts.TICKET_CHECK_SKIP
        self._too_easy = 0
        self._easiest = float("inf")

    def heard(self, difficulty: float) -> None:
        """Take note of a right nonce by the difficulty of its hash."""
        self._count += 1
        if self._count <= 0 or self._retries >= facts.TICKET_RETRIES:
            return
        self._easiest = min(self._easiest, difficulty)
        self._too_easy += difficulty < self._check.difficulty - facts.TICKET_TOO_EASY_MARGIN
        too_hard = self._count >= self._check.nonces and self._easiest >= self._check.easier_than
        self.is_wrong = too_hard or self._too_easy >= facts.TICKET_TOO_EASY_NONCES
