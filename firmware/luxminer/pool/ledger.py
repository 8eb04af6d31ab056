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

__all__ = ["MAX_REASONS", "OTHER_REASON", "ShareLedger", "add_tallies"]

MAX_REASONS = 32
"""Different reasons kept apart in one tally; the ones beyond share `OTHER_REASON`."""

OTHER_REASON = "other"


class _Tally:
    """One mutable row of the ledger."""

    __slots__ = (
        "accepted",
        "best_share",
        "difficulty_accepted",
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

    def __init__(self) -> None:
        self.shares = 0
        self.accepted = 0
        self.rejected: dict[str, int] = {}
        self.stale = 0
        self.dropped: dict[str, int] = {}
        self.unanswered = 0
        self.waiting = 0
        self.difficulty_accepted = Fraction(0)
        self.difficulty_rejected = Fraction(0)
        self.difficulty_stale = Fraction(0)
        self.best_share = Fraction(0)
        self.found_blocks = 0
        self.last_share_wall_s: float | None = None
        self.last_share_difficulty = Fraction(0)
        self.last_share_pool: int | None = None

    def opened(self, share: Share) -> None:
        self.shares += 1
        self.waiting += 1
        self.found_blocks += share.is_block
        self.best_share = max(self.best_share, share.difficulty)

    def settled(self, share: Share, result: ShareResult, pool: int | None, wall_s: float) -> None:
        difficulty = share.work.job.difficulty
        self.waiting -= 1
        match result.outcome:
            case Outcome.ACCEPTED:
                self.accepted += 1
                self.difficulty_accepted += difficulty
                self.last_share_wall_s = wall_s
                self.last_share_difficulty = difficulty
                self.last_share_pool = pool
            case Outcome.REJECTED:
                _count(self.rejected, result.reason)
                self.difficulty_rejected += difficulty
            case Outcome.STALE:
                self.stale += 1
                self.difficulty_stale += difficulty
            case Outcome.DROPPED:
                _count(self.dropped, result.reason)
            case Outcome.UNANSWERED:
                self.unanswered += 1

    def snapshot(self, position_of: Callable[[int], int | None]) -> ShareTally:
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
            difficulty_rejected=self.difficulty_rejected,
            difficulty_stale=self.difficulty_stale,
            best_share=self.best_share,
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
        self._total = _Tally()
        self._pools: dict[int, _Tally] = {}
        self._devices: dict[int, _Tally] = {}
        self._open: dict[Share, tuple[int | None, list[_Tally]]] = {}
        self._before = ShareTally()

    @property
    def waiting(self) -> int:
        """Shares that have not reached their end."""
        return len(self._open)

    def restore(self, before: ShareTally) -> None:
        """Count on from what earlier runs of the service booked; nothing waits any more there."""
        assert not before.waiting, before
        self._before = before

    def opened(self, share: Share, pool: int | None) -> None:
        """Book a share just found for pool number ``pool``, None when that pool was removed.

        Asserts that the share is new.
        """
        assert share not in self._open, share
        rows = [self._total, self._devices.setdefault(share.device_id, _Tally())]
        if pool is not None:
            rows.append(self._pools.setdefault(pool, _Tally()))
        self._open[share] = (pool, rows)
        for row in rows:
            row.opened(share)

    def settled(self, share: Share, result: ShareResult) -> None:
        """Book the end of a share. Asserts that it was waiting."""
        assert share in self._open, (share, result)
        pool, rows = self._open.pop(share)
        wall_s = self._clock.wall()
        for row in rows:
            row.settled(share, result, pool, wall_s)

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
    return ShareTally(
        shares=before.shares + after.shares,
        accepted=before.accepted + after.accepted,
        rejected=_add_reasons(before.rejected, after.rejected),
        stale=before.stale + after.stale,
        dropped=_add_reasons(before.dropped, after.dropped),
        unanswered=before.unanswered + after.unanswered,
        waiting=before.waiting + after.waiting,
        difficulty_accepted=before.difficulty_accepted + after.difficulty_accepted,
        difficulty_rejected=before.difficulty_rejected + after.difficulty_rejected,
        difficulty_stale=before.difficulty_stale + after.difficulty_stale,
        best_share=max(before.best_share, after.best_share),
        found_blocks=before.found_blocks + after.found_blocks,
        last_share_wall_s=last.last_share_wall_s,
        last_share_difficulty=last.last_share_difficulty,
        last_share_pool=last.last_share_pool,
    )


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
