"""The tables of the share history, and how its file is opened."""

import sqlite3
from pathlib import Path

__all__ = ["FILE_NAME", "SCHEMA_VERSION", "ForeignSchema", "is_damage", "open_history"]

FILE_NAME = "ledger.db"

SCHEMA_VERSION = 1

PAGE_BYTES = 4096
MAX_DB_BYTES = 128 << 20
"""The last bound; rows are limited so that it is not reached."""

CACHE_KIB = 256
BUSY_S = 5.0
"""A user's program that reads in the same moment is waited for so long."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pools (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL, user TEXT NOT NULL, UNIQUE (url, user));
CREATE TABLE sticks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, version TEXT NOT NULL,
    started_s REAL NOT NULL, ended_s REAL, totals TEXT NOT NULL);
CREATE TABLE shares (
    id INTEGER PRIMARY KEY, found_s REAL NOT NULL, ended_s REAL, pool_id INTEGER NOT NULL,
    stick_id INTEGER NOT NULL, difficulty REAL NOT NULL, work_difficulty REAL NOT NULL,
    is_block INTEGER NOT NULL, is_sent INTEGER NOT NULL, outcome TEXT NOT NULL,
    reason TEXT NOT NULL, latency_s REAL);
CREATE INDEX waiting ON shares (id) WHERE outcome = 'waiting';
CREATE TABLE days (
    day TEXT NOT NULL, pool_id INTEGER NOT NULL, stick_id INTEGER NOT NULL,
    outcome TEXT NOT NULL, reason TEXT NOT NULL, shares INTEGER NOT NULL,
    work_difficulty REAL NOT NULL, best_share REAL NOT NULL,
    PRIMARY KEY (day, pool_id, stick_id, outcome, reason)) WITHOUT ROWID;
CREATE VIEW share_list AS
    SELECT s.id, s.id >> 32 AS run, datetime(s.found_s, 'unixepoch', 'localtime') AS found,
        p.url AS pool, p.user, t.name AS stick, s.difficulty, s.work_difficulty, s.outcome,
        s.reason, s.latency_s, s.is_block
    FROM shares s JOIN pools p ON p.id = s.pool_id JOIN sticks t ON t.id = s.stick_id;
CREATE VIEW daily AS
    SELECT day, p.url AS pool, p.user, t.name AS stick, outcome, reason, sum(shares) AS shares,
        sum(difficulty) AS work_difficulty, max(best) AS best_share
    FROM (
        SELECT day, pool_id, stick_id, outcome, reason, shares, work_difficulty AS difficulty,
            best_share AS best FROM days
        UNION ALL
        SELECT date(found_s, 'unixepoch'), pool_id, stick_id, outcome, reason, 1,
            work_difficulty, difficulty FROM shares)
    JOIN pools p ON p.id = pool_id JOIN sticks t ON t.id = stick_id
    GROUP BY day, pool_id, stick_id, outcome, reason;
"""
"""``shares.id`` is ``run << 32 | number``. Days are those of UTC; ``earlier`` stands for all that
are too long ago to be told apart."""

DAMAGE = {
    sqlite3.SQLITE_ERROR,  # a table or a column is missing
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_FORMAT,
}


class ForeignSchema(ValueError):
    """A database that another program, or a later version, has made."""


def is_damage(error: Exception) -> bool:
    """Tell a database that is no use from a disk that is full, read-only or slow."""
    if isinstance(error, sqlite3.Error):
        code: int | None = getattr(error, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in DAMAGE
    return isinstance(error, ValueError)


def open_history(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open or make the database; True when it is new. A transaction is open when this returns.

    Raises sqlite3.Error, and ForeignSchema.
    """
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        is_new = _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection, is_new


def _prepare(connection: sqlite3.Connection) -> bool:
    for setting in (
        f"page_size = {PAGE_BYTES}",
        f"cache_size = -{CACHE_KIB}",
        "mmap_size = 0",
        "temp_store = MEMORY",
        f"max_page_count = {MAX_DB_BYTES // PAGE_BYTES}",
    ):
        connection.execute(f"PRAGMA {setting}")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    is_empty: bool = connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None
    if version != SCHEMA_VERSION and not (version == 0 and is_empty):
        raise ForeignSchema(f"its tables are of version {version}, not {SCHEMA_VERSION}")
    connection.execute("PRAGMA journal_mode = WAL")
    # What is committed is out of the journal: it has to be on the disk.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    if is_empty:
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return is_empty
