"""What the pool counts. Every submit ends as accepted or as rejected with one reason."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from luxminer_hil.fakepool.judge import Reason

__all__ = ["Books", "Ledger", "ShareRecord"]

MAX_SHARES = 10_000
"""Share records that are kept; the counts go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRecord:
    """One submit and its verdict. Numbers that the submit did not have are None."""

    number: int
    """Counts all submits from 1."""
    at_s: float
    """Seconds since the pool started."""
    connection: int
    user: str | None
    job_id: str | None
    extranonce2: bytes | None
    ntime: int | None
    nonce: int | None
    version: int | None
    """Complete version field that the pool rebuilt."""
    reason: Reason | None
    """None for an accepted share: one that was told so, and is booked as such."""
    judged: Reason | None
    """What the arithmetic says; another than ``reason`` only where a script lies."""
    asked: Fraction | None
    """Difficulty in force for the job in this session."""
    difficulty: Fraction | None
    """Difficulty of the hash itself."""
    block_hash: bytes | None
    """Header order; reversed it is what explorers show."""
    is_block: bool
    answered: bool
    """False while the pool was told not to answer submits."""

    @property
    def accepted(self) -> bool:
        return self.reason is None

    def as_json(self) -> dict[str, object]:
        """Plain values: 32-bit fields as eight hex digits, the hash in display order."""
        return {
            "share": self.number,
            "at_s": round(self.at_s, 3),
            "connection": self.connection,
            "accepted": self.accepted,
            "reason": self.reason,
            "judged": self.judged,
            "user": self.user,
            "job": self.job_id,
            "extranonce2": None if self.extranonce2 is None else self.extranonce2.hex(),
            "ntime": _word(self.ntime),
            "nonce": _word(self.nonce),
            "version": _word(self.version),
            "asked": _float(self.asked),
            "difficulty": _float(self.difficulty),
            "hash": None if self.block_hash is None else self.block_hash[::-1].hex(),
            "block": self.is_block,
            "answered": self.answered,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All counts at one moment: ``submitted == accepted + sum(rejected.values())``."""

    submitted: int
    accepted: int
    rejected: Mapping[Reason, int]
    """Only reasons that occurred."""
    difficulty_accepted: Fraction
    """Sum of the difficulties that were asked for, not of those the hashes had."""
    difficulty_rejected: Fraction
    """The same for rejected shares of known jobs."""
    blocks: int
    """Accepted shares that meet the network target of their job."""
    unanswered: int
    """Judged, but the answer was held back on order."""
    bad_lines: int
    """Lines from clients that are no request: not JSON, too long, unknown method."""
    connections: int
    """Accepted since the start."""

    def as_json(self) -> dict[str, object]:
        return {
            "submitted": self.submitted,
            "accepted": self.accepted,
            "rejected": dict(self.rejected),
            "difficulty_accepted": float(self.difficulty_accepted),
            "difficulty_rejected": float(self.difficulty_rejected),
            "blocks": self.blocks,
            "unanswered": self.unanswered,
            "bad_lines": self.bad_lines,
            "connections": self.connections,
        }


class Books:
    """The owner of the counts."""

    def __init__(self) -> None:
        self.shares: deque[ShareRecord] = deque(maxlen=MAX_SHARES)
        self.bad_lines = 0
        self.connections = 0
        self.submitted = 0
        self.accepted = 0
        self._rejected: Counter[Reason] = Counter()
        self._difficulty_accepted = Fraction(0)
        self._difficulty_rejected = Fraction(0)
        self._blocks = 0
        self._unanswered = 0

    def book(self, share: ShareRecord) -> None:
        self.shares.append(share)
        self.submitted += 1
        self._unanswered += not share.answered
        self._blocks += share.is_block
        if share.reason is None:
            self.accepted += 1
            self._difficulty_accepted += share.asked or 0
        else:
            self._rejected[share.reason] += 1
            self._difficulty_rejected += share.asked or 0

    def ledger(self) -> Ledger:
        return Ledger(
            submitted=self.submitted,
            accepted=self.accepted,
            rejected=dict(self._rejected),
            difficulty_accepted=self._difficulty_accepted,
            difficulty_rejected=self._difficulty_rejected,
            blocks=self._blocks,
            unanswered=self._unanswered,
            bad_lines=self.bad_lines,
            connections=self.connections,
        )


def _word(value: int | None) -> str | None:
    return None if value is None else f"{value:08x}"


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
