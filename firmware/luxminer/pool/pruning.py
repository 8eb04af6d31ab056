"""Keeps the share history small: old rows become sums of their day."""

import sqlite3

__all__ = ["KEEP_DAYS", "MAX_DAY_ROWS", "MAX_SHARE_ROWS", "prune"]

KEEP_DAYS = 90
MAX_SHARE_ROWS = 200_000
"""20 MiB."""
MAX_DAY_ROWS = 50_000
ROWS_AT_ONCE = 5_000
"""Folded in one transaction, also when far more are old: it stays short."""

DAY_S = 86_400

_FOLD = """
INSERT INTO days
    SELECT date(found_s, 'unixepoch'), pool_id, stick_id, outcome, reason, count(*),
        sum(work_difficulty), max(difficulty)
    FROM shares WHERE id <= ? GROUP BY 1, 2, 3, 4, 5
ON CONFLICT DO UPDATE SET shares = shares + excluded.shares,
    work_difficulty = work_difficulty + excluded.work_difficulty,
    best_share = max(best_share, excluded.best_share)
"""

_FOLD_DAYS = """
INSERT INTO days
    SELECT 'earlier', pool_id, stick_id, outcome, reason, sum(shares), sum(work_difficulty),
        max(best_share)
    FROM days WHERE day <= ? AND day != 'earlier' GROUP BY 2, 3, 4, 5
ON CONFLICT DO UPDATE SET shares = shares + excluded.shares,
    work_difficulty = work_difficulty + excluded.work_difficulty,
    best_share = max(best_share, excluded.best_share)
"""


def prune(db: sqlite3.Connection, wall_s: float) -> None:
    """Fold the oldest rows that are too old or too many, in the transaction that is open."""
    last = _last_to_fold(db, wall_s)
    if last is None:
        return
    db.execute(_FOLD, (last,))
    db.execute("DELETE FROM shares WHERE id <= ?", (last,))
    far = "SELECT day FROM days WHERE day != 'earlier' ORDER BY day DESC LIMIT 1 OFFSET ?"
    too_many = db.execute(far, (MAX_DAY_ROWS,)).fetchone()
    if too_many is not None:
        db.execute(_FOLD_DAYS, too_many)
        db.execute("DELETE FROM days WHERE day <= ? AND day != 'earlier'", too_many)


def _last_to_fold(db: sqlite3.Connection, wall_s: float) -> int | None:
    """Return the number of the last row to fold, None when there is none.

    Rows that wait stay, and those behind them.
    """
    beyond = "SELECT id FROM shares ORDER BY id DESC LIMIT 1 OFFSET ?"
    too_many = db.execute(beyond, (MAX_SHARE_ROWS,)).fetchone()
    oldest = "SELECT id, found_s, outcome FROM shares ORDER BY id LIMIT ?"
    last = None
    for number, found_s, outcome in db.execute(oldest, (ROWS_AT_ONCE,)):
        is_old = found_s < wall_s - KEEP_DAYS * DAY_S
        if outcome == "waiting" or not (is_old or (too_many and number <= too_many[0])):
            break
        last = number
    return last
