"""The second ledger: every share is booked once and ends once, in every row alike."""

from fractions import Fraction

import pytest

from luxminer.pool.ledger import MAX_REASONS, OTHER_REASON, ShareLedger, add_tallies
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.telemetry.model import ShareTally
from tests.unit.pool.pieces import FakeClock, a_job, a_share

ACCEPTED = ShareResult(outcome=Outcome.ACCEPTED)


def a_ledger() -> ShareLedger:
    return ShareLedger(FakeClock(wall_s=1000.0), lambda pool: pool)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (ACCEPTED, {"accepted": 1, "difficulty_accepted": Fraction(8)}),
        (
            ShareResult(outcome=Outcome.REJECTED, reason="duplicate"),
            {"rejected": {"duplicate": 1}, "difficulty_rejected": Fraction(8)},
        ),
        (
            ShareResult(outcome=Outcome.STALE),
            {"stale": 1, "difficulty_stale": Fraction(8)},
        ),
        (
            ShareResult(outcome=Outcome.DROPPED, reason="connection lost"),
            {"dropped": {"connection lost": 1}},
        ),
        (ShareResult(outcome=Outcome.UNANSWERED), {"unanswered": 1}),
    ],
)
def test_a_share_waits_and_then_has_one_end(
    result: ShareResult, expected: dict[str, object]
) -> None:
    ledger = a_ledger()
    share = a_share(a_job(difficulty=Fraction(8)), device_id=3)
    ledger.opened(share, 5)
    for tally in (ledger.total(), ledger.pool(5), ledger.device(3)):
        assert (tally.shares, tally.waiting, tally.balanced) == (1, 1, True)

    ledger.settled(share, result)

    for tally in (ledger.total(), ledger.pool(5), ledger.device(3)):
        assert (tally.shares, tally.waiting, tally.balanced) == (1, 0, True)
        for name, value in expected.items():
            assert getattr(tally, name) == value, name
    assert ledger.waiting == 0


def test_only_an_accepted_share_is_the_last_one() -> None:
    ledger = a_ledger()
    first, second = a_share(a_job(difficulty=Fraction(3))), a_share(a_job(difficulty=Fraction(9)))
    ledger.opened(first, 2)
    ledger.opened(second, 4)
    ledger.settled(first, ACCEPTED)
    ledger.settled(second, ShareResult(outcome=Outcome.REJECTED, reason="stale"))

    total = ledger.total()
    assert total.last_share_pool == 2
    assert total.last_share_wall_s == 1000.0
    assert total.last_share_difficulty == 3


def test_rows_know_nothing_of_each_other() -> None:
    ledger = a_ledger()
    share = a_share(a_job(), device_id=0)
    ledger.opened(share, 0)
    assert ledger.pool(1) == ledger.device(1) == ShareTally()


def test_best_share_and_blocks_count_when_found_not_when_accepted() -> None:
    ledger = a_ledger()
    for difficulty in (5, 900, 20):
        share = a_share(a_job(), difficulty=Fraction(difficulty), is_block=difficulty == 900)
        ledger.opened(share, 0)
    assert ledger.total().best_share == 900
    assert ledger.total().found_blocks == 1


def test_a_share_is_neither_booked_nor_ended_twice() -> None:
    ledger = a_ledger()
    share = a_share(a_job())
    with pytest.raises(AssertionError):
        ledger.settled(share, ACCEPTED)
    ledger.opened(share, 0)
    with pytest.raises(AssertionError):
        ledger.opened(share, 0)
    ledger.settled(share, ShareResult(outcome=Outcome.UNANSWERED))
    with pytest.raises(AssertionError):
        ledger.settled(share, ACCEPTED)
    assert ledger.total().unanswered == 1


def test_a_flood_of_reasons_cannot_grow_the_tally() -> None:
    ledger = a_ledger()
    for number in range(200):
        share = a_share(a_job())
        ledger.opened(share, 0)
        ledger.settled(share, ShareResult(outcome=Outcome.REJECTED, reason=f"reason {number}"))
    total = ledger.total()
    assert len(total.rejected) == MAX_REASONS
    assert total.rejected[OTHER_REASON] == 200 - (MAX_REASONS - 1)
    assert total.balanced


def test_a_removed_pool_leaves_its_shares_in_the_totals() -> None:
    ledger = a_ledger()
    early, late = a_share(a_job()), a_share(a_job())
    ledger.opened(early, 7)
    ledger.forget_pool(7)
    ledger.settled(early, ACCEPTED)
    ledger.opened(late, None)
    ledger.settled(late, ShareResult(outcome=Outcome.DROPPED, reason="pool removed"))

    assert ledger.pool(7) == ShareTally()
    assert ledger.total().accepted == 1
    assert ledger.total().dropped == {"pool removed": 1}
    assert ledger.total().balanced


def test_the_pool_of_the_last_share_is_shown_by_its_position() -> None:
    positions = {7: 1}
    ledger = ShareLedger(FakeClock(), positions.get)
    share = a_share(a_job())
    ledger.opened(share, 7)
    ledger.settled(share, ACCEPTED)
    assert ledger.total().last_share_pool == 1
    positions.clear()
    assert ledger.total().last_share_pool is None


def test_a_snapshot_does_not_change_later() -> None:
    ledger = a_ledger()
    share = a_share(a_job())
    before = ledger.total()
    ledger.opened(share, 0)
    ledger.settled(share, ShareResult(outcome=Outcome.DROPPED, reason="connection lost"))
    assert before == ShareTally()


def test_lifetime_counts_on_from_earlier_runs() -> None:
    ledger = a_ledger()
    earlier = ShareTally(
        shares=10,
        accepted=7,
        rejected={"stale": 1, "duplicate": 1},
        unanswered=1,
        difficulty_accepted=Fraction(70),
        best_share=Fraction(1234),
        last_share_wall_s=500.0,
        last_share_difficulty=Fraction(10),
    )
    ledger.restore(earlier)
    assert ledger.lifetime() == earlier

    share = a_share(a_job(difficulty=Fraction(8)), difficulty=Fraction(99))
    ledger.opened(share, 0)
    assert ledger.lifetime().waiting == 1
    ledger.settled(share, ACCEPTED)

    lifetime = ledger.lifetime()
    assert lifetime.balanced
    assert lifetime.accepted == 8
    assert lifetime.difficulty_accepted == 78
    assert lifetime.best_share == 1234
    assert lifetime.last_share_wall_s == 1000.0
    assert ledger.total().accepted == 1


def test_adding_keeps_the_bound_on_reasons() -> None:
    left = ShareTally(shares=31, rejected={f"a{n}": 1 for n in range(31)})
    right = ShareTally(shares=31, rejected={f"b{n}": 1 for n in range(31)})
    joined = add_tallies(left, right)
    assert joined.balanced
    assert len(joined.rejected) == MAX_REASONS
