"""Moves the share journal into the database: every call is one transaction, from a thread.

How far the journal was read is kept in the same transaction, so a line counts once, whenever the
process ends. A run that did not end in order is ended when the next one begins: what had left for
the pool is unanswered, what had not is dropped. The connection is open only meanwhile.

This module and `schema` import SQLite; nothing else does.
"""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from luxminer.errors import LedgerError
from luxminer.pool.journal import set_aside
from luxminer.pool.ledger import Tally, add_tallies
from luxminer.pool.pruning import prune
from luxminer.pool.records import MAX_LINE_BYTES, Kind, decode
from luxminer.pool.schema import FILE_NAME, is_damage, open_history
from luxminer.pool.tallies import OLD_FILE_NAME, from_values, load_old, to_values
from luxminer.stratum.outcome import Outcome
from luxminer.telemetry.model import ShareTally

__all__ = ["ENDED_REASON", "Moved", "ShareHistory"]

log = logging.getLogger(__name__)

ENDED_REASON = "service ended"
"""Of shares that had not left when the service was killed."""

WAITING = "waiting"
MAX_RUNS = 1000
MAX_NAMES = 1000
OTHER = "other"
"""Stands for all pools or sticks beyond `MAX_NAMES`."""

QUERIES = {
    2: (
        "SELECT id FROM pools WHERE url = ? AND user = ?",
        "SELECT count(*) FROM pools",
        "INSERT INTO pools (url, user) VALUES (?, ?)",
    ),
    1: (
        "SELECT id FROM sticks WHERE name = ?",
        "SELECT count(*) FROM sticks",
        "INSERT INTO sticks (name) VALUES (?)",
    ),
}
"""Find, count and add a pool (URL, user) or a stick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What the database knows now: totals of all ended runs, and how far the journal is in it."""

    before: ShareTally
    offset: int


class ShareHistory:
    """The database of one state directory. Calls block."""

    def __init__(self, state_dir: Path, journal: Path) -> None:
        self._state_dir = state_dir
        self._path = state_dir / FILE_NAME
        self._journal = journal

    def move(self, name: str, end: int, wall_s: float) -> Moved:
        """Take the lines of the journal ``name`` up to byte ``end``.

        A database that is no use is moved aside, and the journal read from its start, where the
        totals stand. Raises LedgerError when nothing could be done now: try again later.
        """
        try:
            try:
                return self._move(name, end, wall_s)
            except (sqlite3.Error, ValueError) as exc:
                if not is_damage(exc):
                    raise
                for suffix in ("-wal", "-shm"):
                    beside = self._path.with_name(FILE_NAME + suffix)
                    if beside.exists():
                        set_aside(beside, f"belongs to {FILE_NAME}")
                set_aside(self._path, f"cannot be used: {exc}")
                return self._move(name, end, wall_s)
        except (sqlite3.Error, OSError, ValueError) as exc:
            raise LedgerError(f"{self._path}: {exc}") from exc

    def totals(self) -> ShareTally:
        """Return the totals of all runs without changing anything. Raises LedgerError."""
        uri = f"{self._path.absolute().as_uri()}?immutable=1"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as db:
                rows = dict(db.execute("SELECT key, value FROM meta"))
                last = db.execute("SELECT totals FROM runs ORDER BY id DESC LIMIT 1").fetchone()
            tally = Tally(add_tallies(_tally(rows["totals"]), _tally(last[0])))
        except (sqlite3.Error, ValueError, KeyError, TypeError) as exc:
            raise LedgerError(f"{self._path}: {exc}") from exc
        tally.ended(0, ENDED_REASON)
        return tally.snapshot()

    def _move(self, name: str, end: int, wall_s: float) -> Moved:
        db, is_new = open_history(self._path)
        with closing(db):
            batch = _Batch(db, wall_s)
            start = 0 if is_new else batch.offset_of(name)
            moved_old = batch.take_old(self._state_dir)
            damaged = 0
            for line in _lines(self._journal, start, end):
                try:
                    batch.apply(*decode(line))
                except (ValueError, TypeError, ZeroDivisionError, OverflowError):
                    damaged += bool(line)
            batch.end(name, end)
            prune(db, wall_s)
            db.execute("COMMIT")
            before = replace(batch.before.snapshot(), difficulty_accepted_squares=0.0)
        if damaged:
            words = "%d lines of %s are damaged; the shares they told of are not listed"
            log.warning(words, damaged, self._journal)
        if moved_old:
            self._put_old_away()
        return Moved(before=before, offset=end)

    def _put_old_away(self) -> None:
        old = self._state_dir / OLD_FILE_NAME
        try:
            if old.exists():
                old.replace(old.with_name(f"{OLD_FILE_NAME}.bak"))
                log.info("totals of %s are in %s now", OLD_FILE_NAME, FILE_NAME)
        except OSError as exc:
            log.warning("%s cannot be renamed: %s; it is not needed any more", old, exc)


class _Batch:
    """What one call changes, inside its transaction."""

    def __init__(self, db: sqlite3.Connection, wall_s: float) -> None:
        self._db = db
        self._wall_s = wall_s
        self._meta: dict[str, str] = dict(db.execute("SELECT key, value FROM meta"))
        stored = self._meta.get("totals")
        self.before = Tally(_tally(stored) if stored is not None else None)
        self._run: int | None = None
        self._token = ""
        self._totals = Tally()
        last = db.execute("SELECT id, token, totals FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        if last is not None and self._meta.get("running") == last[1]:
            self._run, self._token = last[0], last[1]
            self._totals = Tally(_tally(last[2]))
        self._ids: dict[tuple[str, ...], int] = {}

    def offset_of(self, name: str) -> int:
        """Return how far this journal is in already."""
        return int(self._meta.get("offset", "0")) if self._meta.get("journal") == name else 0

    def take_old(self, state_dir: Path) -> bool:
        """Take over the totals that earlier versions kept, once; True when they are in."""
        if "migrated" in self._meta:
            return True
        try:
            old = load_old(state_dir)
        except ValueError as exc:
            set_aside(state_dir / OLD_FILE_NAME, f"is damaged ({exc}): totals start at zero")
            old = None
        except OSError as exc:
            log.warning("totals of earlier versions cannot be read, and are left alone: %s", exc)
            return False
        if old is not None:
            self.before = Tally(add_tallies(old, self.before.snapshot()))
        self._meta["migrated"] = "1"
        return True

    def apply(self, kind: Kind, items: Any) -> None:
        """Take one line. Raises ValueError, TypeError or an arithmetic error for nonsense."""
        if kind is Kind.HEAD:
            if "totals" not in self._meta and items[2] is not None:
                self.before = Tally(from_values(items[2]))  # those of earlier versions are in it
            return
        token, rest = str(items[0]), items[1:]
        if not self._is_running(token, kind, rest):
            return
        match kind:
            case Kind.OPENED:
                self._opened(*rest)
            case Kind.SENT:
                sent = "UPDATE shares SET is_sent = 1 WHERE id = ?"
                self._db.execute(sent, (self._id(rest[0]),))
            case Kind.ENDED:
                self._ended(*rest)
            case Kind.TOTALS:
                self._totals = Tally(from_values(rest[0]))
            case Kind.WAITING:
                self._insert(*rest)
            case Kind.STOPPED:
                stopped = "UPDATE runs SET ended_s = ? WHERE id = ?"
                self._db.execute(stopped, (float(rest[0]), self._run))
            case _:
                pass

    def end(self, name: str, offset: int) -> None:
        """Keep what stands beside the rows."""
        if self._run is not None:
            self._save_run()
        self._meta |= {
            "totals": _text(self.before),
            "journal": name,
            "offset": str(offset),
            "running": self._token,
        }
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", self._meta.items())
        old = "DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - ?"
        self._db.execute(old, (MAX_RUNS,))

    # Runs ----------------------------------------------------------------------------------------

    def _is_running(self, token: str, kind: Kind, rest: Any) -> bool:
        """Begin the run of a line if it is new; False for one that is over."""
        if token == self._token:
            return True
        known = "SELECT 1 FROM runs WHERE token = ?"
        if self._db.execute(known, (token,)).fetchone() is not None:
            return False
        started_s, version = (
            (float(rest[0]), str(rest[1])) if kind is Kind.RUN else (self._wall_s, "")
        )
        self._end_run()
        begin = "INSERT INTO runs (token, version, started_s, totals) VALUES (?, ?, ?, '')"
        self._run = self._db.execute(begin, (token, version, started_s)).lastrowid
        self._token, self._totals = token, Tally()
        return True

    def _end_run(self) -> None:
        """End the run before: nobody speaks for its shares any more."""
        unsent = (
            "UPDATE shares SET outcome = 'dropped', reason = ?, ended_s = ? "
            "WHERE outcome = 'waiting' AND NOT is_sent"
        )
        dropped = self._db.execute(unsent, (ENDED_REASON, self._wall_s)).rowcount
        sent = "UPDATE shares SET outcome = 'unanswered', ended_s = ? WHERE outcome = 'waiting'"
        self._db.execute(sent, (self._wall_s,))
        if self._run is None:
            return
        if self._totals.waiting:
            words = "the run before ended with %d shares on their way: %d unanswered, %d dropped"
            waiting = self._totals.waiting
            log.warning(words, waiting, max(0, waiting - dropped), min(dropped, waiting))
        self._totals.ended(dropped, ENDED_REASON)
        self._save_run()
        self.before = Tally(add_tallies(self.before.snapshot(), self._totals.snapshot()))

    def _save_run(self) -> None:
        save = "UPDATE runs SET totals = ? WHERE id = ?"
        self._db.execute(save, (_text(self._totals), self._run))

    # Shares --------------------------------------------------------------------------------------

    def _id(self, number: Any) -> int:
        if type(number) is not int or not 0 < number < 1 << 32:
            raise ValueError(f"{number!r} is no number of a share")
        assert self._run is not None
        return self._run << 32 | number

    def _opened(
        self,
        number: int,
        wall_s: float,
        url: str,
        user: str,
        stick: str,
        difficulty: str,
        work_difficulty: str,
        is_block: bool,
    ) -> None:
        row = (number, wall_s, url, user, stick, difficulty, work_difficulty, is_block, False)
        if self._insert(*row):
            self._totals.opened(
                Fraction(difficulty),
                is_block=bool(is_block),
                wall_s=float(wall_s),
                pool=url,
                device=stick,
            )

    def _insert(
        self,
        number: int,
        wall_s: float,
        url: str,
        user: str,
        stick: str,
        difficulty: str,
        work_difficulty: str,
        is_block: bool,
        is_sent: bool,
    ) -> bool:
        """Add a row that waits; False when it is there."""
        row = (
            self._id(number),
            float(wall_s),
            self._name_id(str(url), str(user)),
            self._name_id(str(stick)),
            float(Fraction(difficulty)),
            float(Fraction(work_difficulty)),
            bool(is_block),
            bool(is_sent),
            WAITING,
        )
        add = "INSERT OR IGNORE INTO shares VALUES (?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, '', NULL)"
        return self._db.execute(add, row).rowcount == 1

    def _ended(
        self,
        number: int,
        wall_s: float,
        outcome: str,
        reason: str,
        latency_s: float | None,
        work_difficulty: str,
    ) -> None:
        result, difficulty = Outcome(outcome), Fraction(work_difficulty)
        end = (
            "UPDATE shares SET outcome = ?, reason = ?, latency_s = ?, ended_s = ? "
            "WHERE id = ? AND outcome = 'waiting'"
        )
        latency_s = float(latency_s) if latency_s is not None else None
        values = (result.value, str(reason), latency_s, float(wall_s), self._id(number))
        if self._db.execute(end, values).rowcount:
            self._totals.settled(result, str(reason), difficulty, None, float(wall_s))

    def _name_id(self, *names: str) -> int:
        """Return the number of a pool (URL, user) or stick, that of `OTHER` when too many."""
        if names not in self._ids:
            find, count, add = QUERIES[len(names)]
            found = self._db.execute(find, names).fetchone()
            if found is None:
                other = (OTHER,) * len(names)
                if names != other and self._db.execute(count).fetchone()[0] >= MAX_NAMES:
                    return self._name_id(*other)
                found = (self._db.execute(add, names).lastrowid,)
            self._ids[names] = found[0]
        return self._ids[names]


def _lines(path: Path, start: int, end: int) -> Iterator[bytes]:
    """Yield the lines between two bytes of a file, one too long in pieces."""
    with path.open("rb") as file:
        file.seek(start)
        while start < end:
            line = file.readline(min(MAX_LINE_BYTES + 1, end - start))
            if not line:
                return
            start += len(line)
            yield line.removesuffix(b"\n")


def _tally(text: str) -> ShareTally:
    return from_values(json.loads(text))


def _text(tally: Tally) -> str:
    return json.dumps(to_values(tally.snapshot()))
