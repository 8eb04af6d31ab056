"""The second ledger: what became of every share, per pool, per stick and in total.

``shares = accepted + rejected(reason) + stale + dropped(reason) + unanswered + waiting`` holds
after every call. A share is booked once, when found, and reaches one end once. What comes for a
share that has its end already (an answer after it was booked unanswered) is not booked again:
counters that users read never fall. The ledger decides nothing and sends nothing.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction

from luxminer.clock import Clock
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.telemetry.model import ShareTally
from luxminer.work.job import Share

__all__ = ["MAX_REASONS", "OTHER_REASON", "ShareLedger", "Tally", "add_tallies"]

MAX_REASONS = 32
"""Different reasons kept apart in one tally; the ones beyond share `OTHER_REASON`."""

OTHER_REASON = "other"

EXACT_BITS = 2048
"""Sums stay exact until their denominator is longer: a pool that names targets at random would
lengthen it with every share."""


class Tally:
    """One mutable row of the ledger."""

    __slots__ = (
        "accepted",
        "best_share",
        "best_share_device",
        "best_share_pool",
        "best_share_wall_s",
        "difficulty_accepted",
        "difficulty_accepted_squares",
        "difficulty_rejected",
        "difficulty_stale",
        "dropped",
        "found_blocks",
        "last_share_difficulty",
        "last_share_pool",
        "last_share_wall_s",
        "rejected",
        "shares",
        "stale",
        "unanswered",
        "waiting",
    )

    def __init__(self, start: ShareTally | None = None) -> None:
        start = start or ShareTally()
        self.shares = start.shares
        self.accepted = start.accepted
        self.rejected: dict[str, int] = dict(start.rejected)
        self.stale = start.stale
        self.dropped: dict[str, int] = dict(start.dropped)
        self.unanswered = start.unanswered
        self.waiting = start.waiting
        self.difficulty_accepted = start.difficulty_accepted
        self.difficulty_accepted_squares = start.difficulty_accepted_squares
        self.difficulty_rejected = start.difficulty_rejected
        self.difficulty_stale = start.difficulty_stale
        self.best_share = start.best_share
        self.best_share_wall_s = start.best_share_wall_s
        self.best_share_pool = start.best_share_pool
        self.best_share_device = start.best_share_device
        self.found_blocks = start.found_blocks
        self.last_share_wall_s = start.last_share_wall_s
        self.last_share_difficulty = start.last_share_difficulty
        self.last_share_pool: int | None = None

    def opened(
        self, difficulty: Fraction, *, is_block: bool, wall_s: float, pool: str, device: str
    ) -> None:
        """Book a share of this difficulty; pool and stick by lasting names."""
        self.shares += 1
        self.waiting += 1
        self.found_blocks += is_block
        if difficulty > self.best_share:
            self.best_share = difficulty
            self.best_share_wall_s = wall_s
            self.best_share_pool = pool
            self.best_share_device = device

    def settled(
        self, outcome: Outcome, reason: str, difficulty: Fraction, pool: int | None, wall_s: float
    ) -> None:
        """Book the end of a share of work of this difficulty."""
        self.waiting -= 1
        match outcome:
            case Outcome.ACCEPTED:
                self.accepted += 1
                self.difficulty_accepted = _sum(self.difficulty_accepted, difficulty)
                self.difficulty_accepted_squares += float(difficulty) ** 2
                self.last_share_wall_s = wall_s
                self.last_share_difficulty = difficulty
                self.last_share_pool = pool
            case Outcome.REJECTED:
                _count(self.rejected, reason)
                self.difficulty_rejected = _sum(self.difficulty_rejected, difficulty)
            case Outcome.STALE:
                self.stale += 1
                self.difficulty_stale = _sum(self.difficulty_stale, difficulty)
            case Outcome.DROPPED:
                _count(self.dropped, reason)
            case Outcome.UNANSWERED:
                self.unanswered += 1

    def ended(self, dropped: int, reason: str) -> None:
        """Book the end of all that waits: so many were never sent, the others never answered."""
        dropped = min(dropped, self.waiting)
        if dropped:
            _count(self.dropped, reason, dropped)
        self.unanswered += self.waiting - dropped
        self.waiting = 0

    def snapshot(self, position_of: Callable[[int], int | None] = lambda _: None) -> ShareTally:
        pool = self.last_share_pool
        return ShareTally(
            shares=self.shares,
            accepted=self.accepted,
            rejected=dict(self.rejected),
            stale=self.stale,
            dropped=dict(self.dropped),
            unanswered=self.unanswered,
            waiting=self.waiting,
            difficulty_accepted=self.difficulty_accepted,
            difficulty_accepted_squares=self.difficulty_accepted_squares,
            difficulty_rejected=self.difficulty_rejected,
            difficulty_stale=self.difficulty_stale,
            best_share=self.best_share,
            best_share_wall_s=self.best_share_wall_s,
            best_share_pool=self.best_share_pool,
            best_share_device=self.best_share_device,
            found_blocks=self.found_blocks,
            last_share_wall_s=self.last_share_wall_s,
            last_share_difficulty=self.last_share_difficulty,
            last_share_pool=None if pool is None else position_of(pool),
        )


class ShareLedger:
    """Books shares and their ends. Every call takes constant time.

    Pools are booked under numbers that are never used twice; ``position_of`` turns one into the
    position that users see, None for a pool that was removed.
    """

    def __init__(self, clock: Clock, position_of: Callable[[int], int | None]) -> None:
        self._clock = clock
        self._position_of = position_of
        self._total = Tally()
        self._pools: dict[int, Tally] = {}
        self._devices: dict[int, Tally] = {}
        self._open: dict[Share, tuple[int | None, list[Tally]]] = {}
        self._before = ShareTally()

    @property
    def waiting(self) -> int:
        """Shares that have not reached their end."""
        return len(self._open)

    def restore(self, before: ShareTally) -> None:
        """Count on from what earlier runs of the service booked; nothing waits any more there."""
        assert not before.waiting, before
        self._before = before

    def opened(
        self, share: Share, pool: int | None, *, pool_name: str = "", device_name: str = ""
    ) -> None:
        """Book a share just found for pool number ``pool``, None when that pool was removed.

        The names are lasting ones, for the best share. Asserts that the share is new.
        """
        assert share not in self._open, share
        rows = [self._total, self._devices.setdefault(share.device_id, Tally())]
        if pool is not None:
            rows.append(self._pools.setdefault(pool, Tally()))
        self._open[share] = (pool, rows)
        wall_s = self._clock.wall()
        for row in rows:
            row.opened(
                share.difficulty,
                is_block=share.is_block,
                wall_s=wall_s,
                pool=pool_name,
                device=device_name,
            )

    def settled(self, share: Share, result: ShareResult) -> None:
        """Book the end of a share. Asserts that it was waiting."""
        assert share in self._open, (share, result)
        pool, rows = self._open.pop(share)
        wall_s, difficulty = self._clock.wall(), share.work.job.difficulty
        for row in rows:
            row.settled(result.outcome, result.reason, difficulty, pool, wall_s)

    def forget_pool(self, pool: int) -> None:
        """Give up the row of a removed pool; its shares stay in all other rows."""
        self._pools.pop(pool, None)

    def total(self) -> ShareTally:
        """All shares of this run, those of removed pools included."""
        return self._total.snapshot(self._position_of)

    def pool(self, pool: int) -> ShareTally:
        row = self._pools.get(pool)
        return row.snapshot(self._position_of) if row is not None else ShareTally()

    def device(self, device_id: int) -> ShareTally:
        row = self._devices.get(device_id)
        return row.snapshot(self._position_of) if row is not None else ShareTally()

    def lifetime(self) -> ShareTally:
        """All shares of this run and of the ones before it."""
        return add_tallies(self._before, self.total())


def add_tallies(before: ShareTally, after: ShareTally) -> ShareTally:
    """Join the ledgers of two times; what is "last" comes from ``after`` where it has any."""
    last = after if after.last_share_wall_s is not None else before
    best = after if after.best_share > before.best_share else before
    return ShareTally(
        shares=before.shares + after.shares,
        accepted=before.accepted + after.accepted,
        rejected=_add_reasons(before.rejected, after.rejected),
        stale=before.stale + after.stale,
        dropped=_add_reasons(before.dropped, after.dropped),
        unanswered=before.unanswered + after.unanswered,
        waiting=before.waiting + after.waiting,
        difficulty_accepted=_sum(before.difficulty_accepted, after.difficulty_accepted),
        difficulty_accepted_squares=(
            before.difficulty_accepted_squares + after.difficulty_accepted_squares
        ),
        difficulty_rejected=_sum(before.difficulty_rejected, after.difficulty_rejected),
        difficulty_stale=_sum(before.difficulty_stale, after.difficulty_stale),
        best_share=best.best_share,
        best_share_wall_s=best.best_share_wall_s,
        best_share_pool=best.best_share_pool,
        best_share_device=best.best_share_device,
        found_blocks=before.found_blocks + after.found_blocks,
        last_share_wall_s=last.last_share_wall_s,
        last_share_difficulty=last.last_share_difficulty,
        last_share_pool=last.last_share_pool,
    )


def _sum(left: Fraction, right: Fraction) -> Fraction:
    """Add exactly, or to half of `EXACT_BITS` behind the point when that would grow without end."""
    total = left + right
    if total.denominator.bit_length() > EXACT_BITS:
        unit = 1 << EXACT_BITS // 2
        total = Fraction(total.numerator * unit // total.denominator, unit)
    return total


def _add_reasons(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    counts = dict(before)
    for reason, number in after.items():
        _count(counts, reason, number)
    return counts


def _count(counts: dict[str, int], reason: str, number: int = 1) -> None:
    """Add to ``reason``, or to `OTHER_REASON` when there are too many different ones."""
    if reason not in counts and len(counts) >= MAX_REASONS - 1:
        reason = OTHER_REASON
    counts[reason] = counts.get(reason, 0) + number
