"""Our ledger against those of the pools, share by share, in the database that the service wrote."""

import sqlite3
from collections import Counter
from pathlib import Path

from luxminer.pool.schema import FILE_NAME
from luxminer.work.job import Share
from luxminer_hil.acceptance.warp import WALL_S
from luxminer_hil.fakepool.ledger import ShareRecord
from luxminer_hil.outages.account import Account

__all__ = ["Ledgers"]

SETTLED_S = 1200.0
"""What was found so long ago is settled, is in the database, and has been read by its pool."""

MAX_COMPLAINTS = 20

Key = tuple[object, ...]
"""What a pool sees of a share: user, job, extranonce2, time and nonce."""


def row_key(difficulty: float) -> str:
    """Return what the database knows a share by: no two hashes have the same difficulty."""
    return f"{difficulty:.9e}"


class Ledgers:
    """Shares are forgotten once they have been compared, so that a long run takes no memory."""

    def __init__(self, account: Account, urls: list[str], users: list[str]) -> None:
        self._account = account
        self._urls = urls
        self._users = users
        self._found: dict[str, tuple[int, Key]] = {}
        self._judged: dict[Key, list[tuple[int, str, bool]]] = {}
        """Pool, user, and whether it was told to be accepted."""
        self._last_id = -1
        self.fates: Counter[str] = Counter()
        self.counted_all_the_same = 0
        """Unanswered here, and accepted at the pool."""
        self.unexplained = 0
        self.to_a_wrong_pool = 0
        self.complaints: list[str] = []
        """The first of them, in words."""

    def found(self, share: Share) -> None:
        """Take note of a share before it is handed to the manager."""
        work = share.work
        key = (work.job.user, work.job.job_id, work.extranonce2, work.ntime, share.nonce)
        self._found[row_key(float(share.difficulty))] = (work.job.pool_id, key)

    def judged(self, pool: int, record: ShareRecord) -> None:
        """Take note of a share as a pool got it."""
        key = (record.user, record.job_id, record.extranonce2, record.ntime, record.nonce)
        self._judged.setdefault(key, []).append((pool, record.user or "", record.accepted))

    def compare(self, state_dir: Path, *, is_last: bool = False) -> None:
        """Compare all that is settled."""
        until_s = float("inf") if is_last else self._account.now_s() - SETTLED_S
        with sqlite3.connect(f"file:{state_dir / FILE_NAME}?mode=ro", uri=True) as database:
            rows = database.execute(
                "SELECT s.id, s.found_s, p.url, s.difficulty, s.outcome, s.reason FROM shares s "
                "JOIN pools p ON p.id = s.pool_id WHERE s.id > ? ORDER BY s.id",
                (self._last_id,),
            ).fetchall()
        database.close()
        for number, found_wall_s, url, difficulty, outcome, reason in rows:
            found_s = found_wall_s - WALL_S
            if found_s > until_s:
                break
            self._last_id = number
            fate = f"{outcome}: {reason}" if reason else outcome
            self._row(row_key(difficulty), self._urls.index(url), fate, found_s)
        if is_last:
            for name in self._found:
                self._complain(f"share {name} is not in the ledger")
            for key in self._judged:
                self._complain(f"share {key} was never found")

    def _row(self, name: str, pool: int, fate: str, found_s: float) -> None:
        self.fates[fate] += 1
        made_for, key = self._found.pop(name, (None, ()))
        records = self._judged.pop(key, [])
        for where, user, _ in records:
            if where != pool or user != self._users[pool]:
                self.to_a_wrong_pool += 1
                self._complain(f"share of pool {pool} came to pool {where} as {user}")
        accepted = any(is_accepted for *_, is_accepted in records)
        refused = not all(is_accepted for *_, is_accepted in records)
        if made_for != pool:
            self._complain(f"share {name} of pool {pool} was found for another one, or never")
        elif fate == "accepted":
            if not accepted:
                self._complain(f"share accepted by pool {pool}, which does not know it")
        elif not self._account.explains(pool, fate, found_s):
            self._complain(f"pool {pool} at {found_s:.1f} s: {fate}, for no reason")
        elif fate.startswith("rejected") and not refused:
            self._complain(f"pool {pool} at {found_s:.1f} s: {fate}, which it never said")
        elif fate.startswith(("stale", "dropped")) and records:
            self._complain(f"pool {pool} at {found_s:.1f} s: {fate}, and yet it was sent")
        elif fate == "unanswered":
            self.counted_all_the_same += accepted

    def _complain(self, words: str) -> None:
        self.unexplained += 1
        if len(self.complaints) < MAX_COMPLAINTS:
            self.complaints.append(words)
