"""The ledger's files when all goes well, when they are damaged, and when the disk is full."""

import asyncio
import json
import logging
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from luxminer.pool import journal as journals
from luxminer.pool import pruning
from luxminer.pool.journal import FILE_NAME
from luxminer.pool.keeper import RESTART_BYTES, LedgerKeeper
from luxminer.pool.ledger import ShareLedger
from luxminer.pool.schema import FILE_NAME as DB_NAME
from luxminer.pool.schema import open_history
from luxminer.pool.tallies import OLD_FILE_NAME, to_values
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.telemetry.model import ShareTally
from luxminer.work.job import Share
from tests.unit.pool.pieces import FakeClock, a_job, a_share

JOB = a_job(difficulty=Fraction(8))
ACCEPTED = ShareResult(outcome=Outcome.ACCEPTED, latency_s=0.125)


class Book:
    """Ledger and keeper of one run, as the desk uses them."""

    def __init__(self, state_dir: Path, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.ledger = ShareLedger(self.clock, lambda _: None)
        self.keeper = LedgerKeeper(state_dir, self.ledger, self.clock, "test")
        self.keeper.start()

    def find(self, difficulty: int = 16, url: str = "stratum+tcp://p", stick: str = "1") -> Share:
        share = a_share(JOB, difficulty=Fraction(difficulty))
        self.ledger.opened(share, 0, pool_name=url, device_name=stick)
        self.keeper.opened(share, url, "user", stick)
        self.keeper.flush()
        return share

    def settle(self, share: Share, result: ShareResult = ACCEPTED) -> None:
        self.keeper.sent(share)
        self.ledger.settled(share, result)
        self.keeper.settled(share, result)

    def accept(self, count: int) -> None:
        for _ in range(count):
            self.settle(self.find())


def ask(state_dir: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(state_dir / DB_NAME)) as db:
        return db.execute(query).fetchall()


async def a_run(state_dir: Path, accepted: int) -> ShareTally:
    """Live through one run; returns the totals of all runs at its end."""
    book = Book(state_dir)
    await book.keeper.save()
    book.accept(accepted)
    await book.keeper.end()
    return book.ledger.lifetime()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_each_share_has_a_row_with_its_fate(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.settle(book.find(99, "stratum+tcp://a", "10000001"))
    refused = ShareResult(outcome=Outcome.REJECTED, reason="duplicate")
    book.settle(book.find(8, "stratum+tcp://b", "10000002"), refused)
    await book.keeper.end()
    shown = "SELECT pool, user, stick, difficulty, outcome, reason, latency_s FROM share_list"
    assert ask(tmp_path, shown + " ORDER BY id") == [
        ("stratum+tcp://a", "user", "10000001", 99.0, "accepted", "", 0.125),
        ("stratum+tcp://b", "user", "10000002", 8.0, "rejected", "duplicate", None),
    ]
    daily = "SELECT pool, outcome, shares, work_difficulty, best_share FROM daily ORDER BY pool"
    assert ask(tmp_path, daily) == [
        ("stratum+tcp://a", "accepted", 1, 8.0, 99.0),
        ("stratum+tcp://b", "rejected", 1, 8.0, 8.0),
    ]
    assert names_in(tmp_path) == {DB_NAME, FILE_NAME}


async def test_the_best_share_for_ever_keeps_its_time_pool_and_stick(tmp_path: Path) -> None:
    first = Book(tmp_path, FakeClock(wall_s=1000.0))
    first.settle(first.find(10**6, "stratum+tcp://a", "10000001"))
    await first.keeper.end()
    book = Book(tmp_path, FakeClock(wall_s=2000.0))
    await book.keeper.save()
    book.settle(book.find(5, "stratum+tcp://b", "10000002"))
    best = book.ledger.lifetime()
    assert best.best_share == 10**6
    assert best.best_share_wall_s == 1000.0
    assert (best.best_share_pool, best.best_share_device) == ("stratum+tcp://a", "10000001")
    assert book.ledger.total().best_share_wall_s == 2000.0
    await book.keeper.end()


async def test_totals_of_an_earlier_version_are_taken_over_once(tmp_path: Path) -> None:
    old = ShareTally(shares=7, accepted=5, waiting=2, best_share=Fraction(10**9, 7))
    (tmp_path / OLD_FILE_NAME).write_text(json.dumps(to_values(old)))
    assert (await a_run(tmp_path, 1)).accepted == 6
    lifetime = await a_run(tmp_path, 1)
    assert (lifetime.accepted, lifetime.unanswered, lifetime.shares) == (7, 2, 9)
    assert lifetime.best_share == Fraction(10**9, 7)
    assert (tmp_path / f"{OLD_FILE_NAME}.bak").exists()
    assert not (tmp_path / OLD_FILE_NAME).exists()


async def test_a_damaged_old_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / OLD_FILE_NAME).write_bytes(b"{")
    assert (await a_run(tmp_path, 2)).accepted == 2
    assert (tmp_path / f"{OLD_FILE_NAME}.damaged").read_bytes() == b"{"


@pytest.mark.parametrize("damage", ["garbage", "truncated", "foreign", "no table", "nonsense"])
async def test_a_database_that_is_no_use_is_moved_aside_and_no_total_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    await a_run(tmp_path, 30)
    await a_run(tmp_path, 3)
    path = tmp_path / DB_NAME
    match damage:
        case "garbage":
            path.write_bytes(b"\xa5" * 9000)
        case "truncated":
            path.write_bytes(path.read_bytes()[:6000])
        case _:
            order = {
                "foreign": "PRAGMA user_version = 77",
                "no table": "DROP TABLE runs",
                "nonsense": "UPDATE meta SET value = '{' WHERE key = 'totals'",
            }[damage]
            with closing(sqlite3.connect(path)) as db, db:
                db.execute(order)
    with caplog.at_level(logging.WARNING):
        assert (await a_run(tmp_path, 2)).accepted == 35
    assert "kept as ledger.db.damaged" in caplog.text
    assert (tmp_path / f"{DB_NAME}.damaged").exists()
    assert (await a_run(tmp_path, 1)).accepted == 36


@pytest.mark.parametrize("content", [b"\xa5" * 3000 + b"\n", b"00000000 []\n", b"\n"])
async def test_a_journal_of_another_is_moved_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    await a_run(tmp_path, 3)
    (tmp_path / FILE_NAME).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert (await a_run(tmp_path, 2)).accepted == 5
    assert (tmp_path / f"{FILE_NAME}.damaged").read_bytes() == content


async def test_a_damaged_line_costs_its_own_share_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = Book(tmp_path)
    book.accept(3)
    path = tmp_path / FILE_NAME
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"user", b"usur")  # the first share is opened there
    path.write_bytes(b"\n".join(lines))
    with caplog.at_level(logging.WARNING):
        await book.keeper.end()
    assert "1 lines" in caplog.text
    assert ask(tmp_path, "SELECT count(*), min(outcome) FROM shares") == [(2, "accepted")]


async def test_two_services_do_not_share_a_journal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Book(tmp_path)
    await first.keeper.save()
    first.accept(2)
    second = Book(tmp_path)
    assert "another luxminer writes there" in caplog.text
    second.accept(5)
    await second.keeper.save()
    await second.keeper.end()
    await first.keeper.end()
    assert (await a_run(tmp_path, 0)).accepted == 2


async def test_a_folder_that_cannot_be_written_costs_no_share(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    book = Book(tmp_path)
    book.accept(2)
    await book.keeper.save()
    await book.keeper.end()
    assert book.ledger.lifetime().accepted == 2


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses writes beyond; ended with the context."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


async def test_a_full_disk_stops_nothing_and_totals_follow(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MAX_PENDING_BYTES", 4096)
    await a_run(tmp_path, 4)
    book = Book(tmp_path)
    await book.keeper.save()
    caplog.set_level(logging.INFO)
    with files_no_larger_than(3000):
        book.accept(50)
        await book.keeper.save()
        waiting = book.find()
    assert "mining goes on" in caplog.text
    assert "only counted" in caplog.text
    assert book.ledger.lifetime().accepted == 54
    await book.keeper.save()
    assert "written down again" in caplog.text
    book.settle(waiting)
    await book.keeper.end()
    lifetime = await a_run(tmp_path, 0)
    assert (lifetime.accepted, lifetime.shares, lifetime.balanced) == (55, 55, True)
    assert ask(tmp_path, "SELECT count(*) FROM shares WHERE outcome = 'waiting'") == [(0,)]


async def test_the_journal_is_bounded_while_no_database_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MAX_JOURNAL_BYTES", 20_000)
    monkeypatch.setattr(journals, "MAX_PENDING_BYTES", 4096)
    (tmp_path / DB_NAME).mkdir()
    book = Book(tmp_path)
    for _ in range(4):
        book.accept(50)
        await book.keeper.save()
    assert (tmp_path / FILE_NAME).stat().st_size <= 20_000
    await book.keeper.end()
    late = Book(tmp_path)
    await late.keeper.save()
    (tmp_path / DB_NAME).rmdir()
    await late.keeper.save()
    late.accept(1)
    await late.keeper.end()
    lost = 200 - late.ledger.lifetime().accepted + 1
    assert 0 < lost < 200  # the end of a run that could be written down nowhere
    assert (await a_run(tmp_path, 1)).accepted == 202 - lost


async def test_a_full_journal_goes_on_when_there_is_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MAX_JOURNAL_BYTES", 20_000)
    monkeypatch.setattr(journals, "MAX_PENDING_BYTES", 4096)
    (tmp_path / DB_NAME).mkdir()
    book = Book(tmp_path)
    book.accept(200)
    (tmp_path / DB_NAME).rmdir()
    await book.keeper.save()
    book.accept(1)
    await book.keeper.end()
    assert (await a_run(tmp_path, 0)).accepted == 201


@pytest.mark.slow
async def test_a_long_journal_is_begun_anew(tmp_path: Path) -> None:
    book = Book(tmp_path)
    await book.keeper.save()
    while (tmp_path / FILE_NAME).stat().st_size <= RESTART_BYTES:
        book.accept(100)
    open_one = book.find()
    await book.keeper.save()
    assert (tmp_path / FILE_NAME).stat().st_size < 4096
    book.settle(open_one)
    total = book.ledger.total().accepted
    await book.keeper.end()
    assert (await a_run(tmp_path, 0)).accepted == total


def test_old_and_too_many_rows_become_sums_of_their_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MAX_SHARE_ROWS", 10)
    monkeypatch.setattr(pruning, "MAX_DAY_ROWS", 3)
    add = "INSERT INTO shares VALUES (?, ?, NULL, 1, 1, ?, 2.0, 0, 1, ?, '', NULL)"
    day_s = 86_400.0
    now_s = 200 * day_s
    with closing(open_history(tmp_path / DB_NAME)[0]) as db:
        db.execute("INSERT INTO pools VALUES (1, 'a', 'u')")
        db.execute("INSERT INTO sticks VALUES (1, 's')")
        for number in range(1, 31):
            db.execute(add, (number, number * 10 * day_s, float(number), "accepted"))
        db.execute("UPDATE shares SET found_s = ? WHERE id > 20", (now_s,))
        pruning.prune(db, now_s)
        left = db.execute("SELECT min(id), count(*) FROM shares").fetchone()
        sums = db.execute("SELECT sum(shares), sum(work_difficulty), max(best_share) FROM days")
        assert left == (21, 10)
        assert sums.fetchone() == (20, 40.0, 20.0)
        days = db.execute("SELECT day, shares FROM days ORDER BY day DESC").fetchall()
        assert days[0] == ("earlier", 17)
        assert len(days) == 4
        assert db.execute("SELECT sum(shares) FROM daily").fetchone() == (30,)
        db.execute("UPDATE shares SET outcome = 'waiting' WHERE id = 21")
        pruning.prune(db, now_s + 1000 * day_s)
        assert db.execute("SELECT count(*) FROM shares").fetchone() == (10,)


def test_sqlite_is_not_imported_with_the_service() -> None:
    code = "import sys, luxminer.daemon; print('sqlite3' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"False\n"


async def test_visits_do_not_overlap(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.accept(10)
    await asyncio.gather(*(book.keeper.save() for _ in range(4)))
    await book.keeper.end()
    assert ask(tmp_path, "SELECT count(*) FROM shares") == [(10,)]
