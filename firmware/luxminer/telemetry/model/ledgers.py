"""Hash rates and the two ledgers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = [
    "NonceCounts",
    "Rates",
    "ShareTally",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Hashes per second from verified nonces, over windows and since the start."""

    average: float = 0.0
    s5: float = 0.0
    m1: float = 0.0
    m5: float = 0.0
    m15: float = 0.0
    m30: float = 0.0
    h1: float = 0.0
    h24: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceCounts:
    """First ledger: ``nonces = hw_errors + duplicates + below_target + shares``."""

    nonces: int = 0
    hw_errors: int = 0
    duplicates: int = 0
    below_target: int = 0
    shares: int = 0
    diff1_work: Fraction = Fraction(0)
    """Sum of the ticket difficulties of all right nonces: the work they stand for."""

    @property
    def balanced(self) -> bool:
        parts = self.hw_errors + self.duplicates + self.below_target + self.shares
        return self.nonces == parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTally:
    """Second ledger: ``shares = accepted + rejected + stale + dropped + unanswered + waiting``.

    ``rejected`` and ``dropped`` are keyed by reason. Difficulties are those of the work.
    """

    shares: int = 0
    accepted: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    stale: int = 0
    """Judged too old here and never sent."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Could not be delivered."""
    unanswered: int = 0
    waiting: int = 0
    difficulty_accepted: Fraction = Fraction(0)
    difficulty_accepted_squares: float = 0.0
    """Sum of the squares, of this run: how far the sum itself is left to chance."""
    difficulty_rejected: Fraction = Fraction(0)
    difficulty_stale: Fraction = Fraction(0)
    best_share: Fraction = Fraction(0)
    best_share_wall_s: float | None = None
    """When the best one was found; None also where that was not written down."""
    best_share_pool: str = ""
    """URL of its pool."""
    best_share_device: str = ""
    """Its stick: the serial number, or the place of one without."""
    found_blocks: int = 0
    last_share_wall_s: float | None = None
    """Last accepted share."""
    last_share_difficulty: Fraction = Fraction(0)
    last_share_pool: int | None = None
    """Position of its pool in the list of pools."""

    @property
    def rejected_total(self) -> int:
        return sum(self.rejected.values())

    @property
    def dropped_total(self) -> int:
        return sum(self.dropped.values())

    @property
    def balanced(self) -> bool:
        outcomes = self.accepted + self.rejected_total + self.stale + self.dropped_total
        return self.shares == outcomes + self.unanswered + self.waiting
