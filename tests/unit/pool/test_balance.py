"""What pools had of late: CGMiner's smoothing, and what follows for one that was away."""

import pytest

from luxminer.pool.balance import RecentWork, rolling


def test_intervals_are_smoothed_as_in_cgminer() -> None:
    utility, seen = 0.0, []
    for difficulty in (100, 100, 0, 0, 50):
        utility = rolling(utility, difficulty)
        seen.append(utility)
    expected = [38.650306748, 62.362151379, 38.258988576, 23.471772133, 33.725013578]
    assert seen == pytest.approx(expected)


def test_the_running_interval_counts_in_full() -> None:
    recent = RecentWork()
    recent.add(100.0)
    assert recent.difficulty == 100.0
    recent.end_interval()
    assert recent.difficulty == pytest.approx(63 / 1.63)
    recent.add(7.0)
    assert recent.difficulty == pytest.approx(63 / 1.63 + 7)


def test_an_outage_is_never_worth_more_than_an_interval() -> None:
    """However long it was: the work of all that time is smoothed to that of ten minutes."""
    recent = RecentWork()
    for _ in range(1000):
        recent.add(50.0)
        recent.end_interval()
    assert recent.difficulty <= 50.0
