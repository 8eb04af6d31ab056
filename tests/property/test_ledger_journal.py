"""Shares and their ends, with the service killed at any byte of its journal, and started again.

What the kernel took before a kill is what the file holds. A power cut may leave less of it, down to
what the database has already.
"""

import os
import sqlite3
import tempfile
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from luxminer.pool.history import ENDED_REASON, ShareHistory
from luxminer.pool.journal import FILE_NAME, Journal
from luxminer.pool.ledger import ShareLedger
from luxminer.pool.schema import FILE_NAME as DB_NAME
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.telemetry.model import ShareTally
from luxminer.work.job import Share
from tests.unit.pool.pieces import FakeClock, a_job, a_share

JOB = a_job(difficulty=Fraction(7, 3))
ENDS = st.sampled_from(
    [
        ShareResult(outcome=Outcome.ACCEPTED, latency_s=0.05),
        ShareResult(outcome=Outcome.REJECTED, reason="duplicate"),
        ShareResult(outcome=Outcome.STALE),
        ShareResult(outcome=Outcome.DROPPED, reason="connection lost"),
        ShareResult(outcome=Outcome.UNANSWERED),
    ]
)


class Life(RuleBasedStateMachine):
    """Some runs of the service over one state directory, beside a plain list of what happened."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.state_dir = Path(self.folder.name)
        self.clock = FakeClock()
        self.fates: dict[Share, str] = {}
        """Of all shares of all runs whose lines are in the file: what a reader must find."""
        self.moved = 0
        self.start()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.journal.close()
            self.folder.cleanup()

    def start(self) -> None:
        self.journal = Journal(self.state_dir / FILE_NAME, "test")
        self.journal.start(self.clock.wall())
        self.ledger = ShareLedger(self.clock, lambda _: None)
        self.waiting: list[Share] = []
        self.sent: set[Share] = set()
        self.before = self.move()
        self.ledger.restore(self.before)

    def move(self) -> ShareTally:
        history = ShareHistory(self.state_dir, self.journal.path)
        moved = history.move(self.journal.name, self.journal.size, self.clock.wall())
        self.moved = moved.offset
        return moved.before

    # What happens --------------------------------------------------------------------------------

    @rule(difficulty=st.integers(1, 10**6), is_block=st.booleans())
    def find(self, difficulty: int, is_block: bool) -> None:
        share = a_share(JOB, difficulty=Fraction(difficulty, 3), is_block=is_block)
        self.clock.advance(1)
        self.ledger.opened(share, 0, pool_name="stratum+tcp://p", device_name="stick")
        self.journal.opened(share, self.clock.wall(), "stratum+tcp://p", "user", "stick")
        self.journal.flush()
        self.waiting.append(share)
        self.fates[share] = "dropped"

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        if self.waiting:
            share = data.draw(st.sampled_from(self.waiting))
            self.journal.sent(share)
            self.fates[share] = "unanswered"

    @rule(data=st.data(), result=ENDS)
    def settle(self, data: st.DataObject, result: ShareResult) -> None:
        if self.waiting:
            share = data.draw(st.sampled_from(self.waiting))
            self.waiting.remove(share)
            self.ledger.settled(share, result)
            self.journal.settled(share, result, self.clock.wall())
            self.fates[share] = result.outcome.value

    @rule(is_restarted=st.booleans())
    def visit(self, is_restarted: bool) -> None:
        before = self.move()
        assert before == self.before
        if is_restarted:
            self.journal.restart(before, self.ledger.total())

    @rule()
    def visit_that_was_killed_before_its_end(self) -> None:
        """The database has it, and nobody heard: the same bytes are offered again."""
        assert self.move() == self.move() == self.before

    @rule()
    def lose_the_database(self) -> None:
        """Totals stand in the journal as well, once it was begun with them."""
        if self.journal.path.read_bytes().split(b"\n")[0].endswith(b"null]"):
            return
        (self.state_dir / DB_NAME).write_bytes(b"no database" * 400)
        assert self.move() == self.before

    @rule()
    def kill(self) -> None:
        self.journal.close()  # writes nothing: all lines were handed over
        self.begin_again()

    @rule(data=st.data())
    def cut_a_line_short(self, data: st.DataObject) -> None:
        """Kill amid the last write: nobody was told of it yet, so it did not happen."""
        share = a_share(JOB)
        whole = self.journal.size
        self.journal.opened(share, self.clock.wall(), "stratum+tcp://p", "user", "stick")
        self.journal.flush()
        cut = data.draw(st.integers(whole, self.journal.size - 2))
        os.truncate(self.journal.path, cut)
        self.journal.close()
        self.begin_again()

    def begin_again(self) -> None:
        self.clock.advance(60)
        ended = self.ledger.lifetime()
        self.start()
        fates = [*self.fates.values()]
        expected = {name.value: fates.count(name) for name in Outcome}
        assert self.before.balanced
        assert self.before.waiting == 0
        assert self.before.shares == ended.shares == len(self.fates)
        assert self.before.accepted == expected["accepted"]
        assert self.before.rejected_total == expected["rejected"]
        assert self.before.stale == expected["stale"]
        assert self.before.unanswered == expected["unanswered"]
        assert self.before.dropped_total == expected["dropped"]
        assert self.before.best_share == ended.best_share
        assert self.before.best_share_wall_s == ended.best_share_wall_s
        assert self.before.found_blocks == ended.found_blocks
        assert self.before.difficulty_accepted == expected["accepted"] * JOB.difficulty

    @invariant()
    def both_ledgers_hold(self) -> None:
        if hasattr(self, "ledger"):
            assert self.ledger.total().balanced
            assert self.ledger.lifetime().balanced
            assert self.ledger.lifetime().shares == len(self.fates)


class LongLife(Life):
    """The same for longer."""


Life.TestCase.settings = settings(max_examples=3, stateful_step_count=20, deadline=None)
LongLife.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
TestLongLife = pytest.mark.slow(LongLife.TestCase)


def rows(state_dir: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(state_dir / DB_NAME)) as db:
        return db.execute("SELECT outcome, reason FROM share_list ORDER BY id").fetchall()


@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_each_byte_of_a_journal_may_be_the_last(tmp_path: Path, step: int) -> None:
    """For each length of the file: as many shares as have their line, each with one fate."""
    journal = Journal(tmp_path / "whole" / FILE_NAME, "test")
    journal.start(1.0)
    shares = [a_share(JOB) for _ in range(3)]
    marks = {}
    for number, share in enumerate(shares, 1):
        journal.opened(share, 2.0, "stratum+tcp://p", "user", "stick")
        journal.flush()
        marks[journal.size - 1] = (number, "dropped", ENDED_REASON)
        if number > 1:
            journal.sent(share)
            marks[journal.size - 1] = (number, "unanswered", "")
        if number > 2:
            journal.settled(share, ShareResult(outcome=Outcome.ACCEPTED), 3.0)
            marks[journal.size - 1] = (number, "accepted", "")
    journal.close()
    data = journal.path.read_bytes()
    for length in sorted({*range(0, len(data), step), *marks, *(mark - 1 for mark in marks)}):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / FILE_NAME).write_bytes(data[:length])
        again = Journal(folder / FILE_NAME, "test")
        again.start(9.0)
        before = ShareHistory(folder, again.path).move(again.name, again.size, 9.0).before
        again.close()
        expected: dict[int, tuple[str, str]] = {}
        for mark, (number, outcome, reason) in marks.items():
            if mark <= length:
                expected[number] = (outcome, reason)
        assert before.balanced
        outcomes = [outcome for outcome, _ in expected.values()]
        for outcome, count in (
            ("accepted", before.accepted),
            ("unanswered", before.unanswered),
            ("dropped", before.dropped.get(ENDED_REASON, 0)),
        ):
            assert outcomes.count(outcome) == count, (length, outcome)
        assert rows(folder) == [expected[number] for number in sorted(expected)], length
