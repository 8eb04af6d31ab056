"""Where each share goes, and what became of it: booked, brought to its own pool, told."""

import logging
from collections.abc import Callable
from pathlib import Path

from luxminer.clock import Clock
from luxminer.limits import TokenBucket
from luxminer.logs import RateLimit
from luxminer.pool.blocks import BlockStore
from luxminer.pool.keeper import LedgerKeeper
from luxminer.pool.ledger import ShareLedger
from luxminer.pool.pool import Pool
from luxminer.pool.roster import Roster
from luxminer.stratum.outcome import DropReason, Outcome, ShareResult
from luxminer.work.job import Share

__all__ = ["SUBMIT_BURST", "ShareDesk"]

log = logging.getLogger(__name__)

SUBMITS_PER_S = 50.0
SUBMIT_BURST = 200
"""More shares than this mean an absurdly low difficulty; they would only cost CPU and network."""

BLOCKS_PER_S = 1.0
BLOCK_BURST = 20


class ShareDesk:
    """A share goes to the pool and session that its job came from, whichever are active by then."""

    def __init__(
        self,
        roster: Roster,
        clock: Clock,
        state_dir: Path | None,
        *,
        version: str = "",
        device_name: Callable[[int], str] = str,
    ) -> None:
        """``version`` is that of the service, ``device_name`` gives sticks their lasting names."""
        self._roster = roster
        self._clock = clock
        self._bucket = TokenBucket(SUBMITS_PER_S, SUBMIT_BURST)
        self._block_bucket = TokenBucket(BLOCKS_PER_S, BLOCK_BURST)
        self._limit = RateLimit()
        self.ledger = ShareLedger(clock, roster.position_of)
        self.keeper = LedgerKeeper(state_dir, self.ledger, clock, version)
        self.blocks = BlockStore(state_dir)
        self._device_name = device_name

    def submit(self, share: Share) -> None:
        """Book a share and bring it to the pool it belongs to, within this call if it can go."""
        pool = self._roster.by_number(share.work.job.pool_id)
        url, user = (pool.shown_url, pool.config.user) if pool is not None else ("", "")
        device = self._device_name(share.device_id)
        number = pool.number if pool is not None else None
        self.ledger.opened(share, number, pool_name=url, device_name=device)
        self.keeper.opened(share, url, user, device)
        if share.is_block:
            self.blocks.keep(share, self._clock.wall())
        if pool is None:
            self.settled(None, share, ShareResult(outcome=Outcome.DROPPED, reason="pool removed"))
        elif not self._may_submit(share):
            self.settled(pool, share, ShareResult(outcome=Outcome.DROPPED, reason="rate limit"))
        else:
            pool.client.submit(share)
        self.keeper.flush()

    def _may_submit(self, share: Share) -> bool:
        """Bound the shares of an absurdly low difficulty; blocks have a bound of their own."""
        now_s = self._clock.monotonic()
        return self._bucket.take(now_s) or (share.is_block and self._block_bucket.take(now_s))

    def settled(self, pool: Pool | None, share: Share, result: ShareResult) -> None:
        """Book the end of a share."""
        self.ledger.settled(share, result)
        self.keeper.settled(share, result)
        position = self._roster.position_of(pool.number) if pool is not None else None
        match result.outcome:
            case Outcome.ACCEPTED:
                log.info(
                    "pool %s accepted share: difficulty %.6g of %.6g, stick %d, %.0f ms",
                    position,
                    share.difficulty,
                    share.work.job.difficulty,
                    share.device_id,
                    1000 * (result.latency_s or 0.0),
                )
            case Outcome.REJECTED:
                words = "pool %s rejected share from stick %d: %s (%s)"
                if self._may_log(f"reject {result.reason} {position}"):
                    log.warning(words, position, share.device_id, result.reason, result.text)
            case Outcome.DROPPED | Outcome.UNANSWERED:
                if pool is not None:
                    pool.remote_failures += result.reason in set(DropReason)
                if self._may_log(result.outcome):
                    words = "pool %s: share from stick %d %s: %s"
                    reason = result.reason or result.text or "no answer"
                    log.warning(words, position, share.device_id, result.outcome, reason)
            case Outcome.STALE:
                log.info("share from stick %d is stale: the pool has a newer job", share.device_id)

    def _may_log(self, key: str) -> bool:
        return self._limit.admit(key, self._clock.monotonic()) is not None
