"""Keeps the share ledger over restarts: journal at once, database later, totals at the start.

SQLite is imported by the first visit to the database, which comes after the first work has gone to
the sticks, in the thread that makes the visit.
"""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from luxminer.clock import Clock
from luxminer.errors import LedgerError
from luxminer.logs import RateLimit
from luxminer.pool.journal import FILE_NAME, Journal
from luxminer.pool.ledger import ShareLedger
from luxminer.stratum.outcome import ShareResult
from luxminer.telemetry.model import ShareTally
from luxminer.work.job import Share

if TYPE_CHECKING:
    from luxminer.pool.history import Moved

__all__ = ["FIRST_S", "SAVE_S", "LedgerKeeper"]

log = logging.getLogger(__name__)

FIRST_S = 0.3
"""From the start to the first visit: the sticks come first."""

SAVE_S = 300.0
"""Between visits: the journal is as safe, and each one rewrites some 40 KiB of an SD card."""

RESTART_BYTES = 256 << 10
"""A journal longer than this is begun anew when the database has it."""

STOP_S = 1.5
"""At the end, how long the last visit is waited for; what it does not take waits in the journal."""


class LedgerKeeper:
    """Writes down what is booked in ``ledger``. Without a state directory it does nothing."""

    def __init__(
        self, state_dir: Path | None, ledger: ShareLedger, clock: Clock, version: str
    ) -> None:
        self._state_dir = state_dir
        self._ledger = ledger
        self._clock = clock
        self._journal = Journal(state_dir / FILE_NAME, version) if state_dir is not None else None
        self._moved = 0
        self._is_loaded = False
        self._visit = asyncio.Lock()
        self.errors = 0
        """Of ours, while the database was visited."""
        self._limit = RateLimit()

    def start(self) -> None:
        """Open the journal. When that fails, the ledger is in memory only."""
        if self._journal is None:
            return
        try:
            self._journal.start(self._clock.wall())
        except OSError as exc:
            is_taken = isinstance(exc, BlockingIOError)
            reason = "another luxminer writes there" if is_taken else str(exc)
            words = "shares of this run are not written down: %s: %s; mining goes on"
            log.warning(words, self._journal.path, reason)
            self._journal = None

    # Shares --------------------------------------------------------------------------------------

    def opened(self, share: Share, url: str, user: str, device: str) -> None:
        if self._journal is not None:
            self._journal.opened(share, self._clock.wall(), url, user, device)

    def sent(self, share: Share) -> None:
        """Note that a share is about to leave for its pool."""
        if self._journal is not None:
            self._journal.sent(share)

    def settled(self, share: Share, result: ShareResult) -> None:
        if self._journal is not None:
            self._journal.settled(share, result, self._clock.wall())

    def flush(self) -> None:
        """Write down what `opened` noted and nothing followed."""
        if self._journal is not None:
            self._journal.flush()

    # The database --------------------------------------------------------------------------------

    async def save(self) -> None:
        """Bring what is new to the database; the first time, let the ledger count on from it."""
        async with self._visit:
            try:
                if self._journal is not None:
                    await self._move(self._journal)
                elif self._state_dir is not None and not self._is_loaded:
                    self._loaded(await asyncio.to_thread(_totals, self._state_dir))
            except (LedgerError, OSError, ImportError) as exc:  # Python can come without SQLite
                if self._limit.admit("save", self._clock.monotonic()) is not None:
                    log.warning("share history: %s; tried again later, mining goes on", exc)
            except Exception:
                self.errors += 1
                if self._limit.admit("error", self._clock.monotonic()) is not None:
                    log.exception("share history: error of ours; mining goes on")

    async def _move(self, journal: Journal) -> None:
        assert self._state_dir is not None
        journal.catch_up(self._ledger.total())
        end, has_begun = journal.size, not journal.has_more  # else earlier runs are not over yet
        if self._is_loaded and end == self._moved and has_begun:
            return
        wall_s = self._clock.wall()
        moved = await asyncio.to_thread(_move, self._state_dir, journal, end, wall_s)
        is_first, self._moved = not self._is_loaded, moved.offset
        if has_begun:
            self._loaded(moved.before)
        is_all = journal.is_open and moved.offset == journal.size
        if is_all and (is_first or journal.has_more or journal.size > RESTART_BYTES):
            has_more = journal.has_more
            journal.restart(moved.before if self._is_loaded else None, self._ledger.total())
            self._moved = 0 if has_more else journal.size
            if not self._is_loaded and not journal.has_more:
                await self._move(journal)

    def _loaded(self, before: ShareTally) -> None:
        if not self._is_loaded:
            self._is_loaded = True
            self._ledger.restore(before)

    async def end(self) -> None:
        """Save for the last time, and give the journal up; later shares are not written down."""
        if self._journal is None:
            return
        self._journal.stopped(self._clock.wall())
        last = asyncio.ensure_future(self.save())
        await asyncio.wait({last}, timeout=STOP_S)
        self._journal.close()
        self._journal = None


def _move(state_dir: Path, journal: Journal, end: int, wall_s: float) -> "Moved":
    from luxminer.pool.history import ShareHistory

    return ShareHistory(state_dir, journal.path).move(journal.name, end, wall_s)


def _totals(state_dir: Path) -> ShareTally:
    from luxminer.pool.history import ShareHistory

    return ShareHistory(state_dir, state_dir / FILE_NAME).totals()
