"""The judge of one pool: what it finds, when, what it has done about it, and no false alarms."""

import random
from collections import Counter
from itertools import pairwise
from math import exp, log
from typing import Any

import pytest

from luxminer.pool.watchdog import (
    DEAD_AFTER_S,
    EXPECTED_SHARES,
    MAX_PENALTY_FACTOR,
    REJECT_RUN,
    Limits,
    PoolWatchdog,
    Sight,
    Step,
)
from luxminer.stratum.outcome import DropReason, Outcome, ShareResult

LIMITS = Limits(job_timeout_s=600.0, patience_s=60.0, penalty_s=600.0)
ACCEPTED = ShareResult(outcome=Outcome.ACCEPTED)
UNANSWERED = ShareResult(outcome=Outcome.UNANSWERED)
MONTH_S = 30 * 86400.0
MOST_SHARES_PER_S = 50.0


def rejected(reason: str = "other") -> ShareResult:
    return ShareResult(outcome=Outcome.REJECTED, reason=reason)


class Watched:
    """A pool whose state a test sets, looked at once a second."""

    def __init__(self, **state: Any) -> None:
        self.dog = PoolWatchdog(LIMITS)
        self.now_s = 1000.0
        self.nonces = 0
        self.state: dict[str, Any] = {"job_s": None, **state}
        self.found: list[tuple[float, str]] = []
        """When each event began."""
        self.steps: list[tuple[float, Step]] = []
        self.holding: dict[str, str] = {}

    def run(self, seconds: float, nonces_per_s: int = 0, result: ShareResult | None = None) -> None:
        for _ in range(round(seconds)):
            self.now_s += 1.0
            self.nonces += nonces_per_s
            for _ in range(nonces_per_s if result is not None else 0):
                assert result is not None
                self.dog.settled(result)
            sight = Sight(now_s=self.now_s, tickets={1.0: self.nonces}, **self.state)
            findings, step = self.dog.look(sight)
            before = self.holding
            self.holding = {finding.kind.code: finding.text for finding in findings}
            self.found += [(self.now_s, code) for code in self.holding if code not in before]
            if step is not None:
                self.steps.append((self.now_s, step))

    @property
    def codes(self) -> list[str]:
        return [code for _, code in self.found]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"connected": False, "subscribed": False, "authorized": False}, "POOL_UNREACHABLE"),
        ({"subscribed": False, "authorized": False}, "POOL_NOT_SUBSCRIBED"),
        ({"authorized": False}, "POOL_NO_LOGIN"),
        ({}, "POOL_NO_JOB"),
    ],
)
def test_what_does_not_come_about_is_said_by_how_far_it_came(
    state: dict[str, Any], code: str
) -> None:
    pool = Watched(alive=False, problem="its words", **state)
    pool.run(DEAD_AFTER_S)
    assert pool.found == []
    pool.run(2)
    assert pool.holding == {code: "its words"}
    pool.state["alive"] = True
    pool.run(1)
    assert pool.holding == {}
    assert pool.steps == [], "the connection acts by itself"


def test_the_obstacle_stays_what_it_was_while_the_next_login_is_under_way() -> None:
    pool = Watched(alive=False, connected=False, subscribed=False, authorized=False)
    pool.run(DEAD_AFTER_S + 2)
    pool.state |= {"connected": True, "pending": True}
    pool.run(2)
    assert pool.codes == ["POOL_UNREACHABLE"]
    pool.state["pending"] = False
    pool.run(1)
    assert list(pool.holding) == ["POOL_NOT_SUBSCRIBED"]


def test_a_refused_login_is_said_at_once_in_the_words_of_the_pool() -> None:
    pool = Watched(alive=False)
    pool.dog.login_refused("me.rig", "who are you?")
    pool.run(1)
    assert pool.holding == {"POOL_LOGIN_REFUSED": 'it refuses the login of me.rig: "who are you?"'}
    pool.dog.logged_in()
    pool.run(1)
    assert pool.holding == {}


def test_an_old_job_is_acted_on() -> None:
    pool = Watched(job_s=1000.0)
    pool.run(LIMITS.job_timeout_s - 1)
    assert pool.found == []
    pool.run(1)
    assert pool.codes == ["POOL_NO_JOB"]
    assert pool.steps == [(1600.0, Step.RENEW)]
    pool.state["job_s"] = pool.now_s
    pool.run(5)
    assert pool.holding == {}


def test_no_accepted_share_climbs_the_ladder_and_the_penalty_doubles() -> None:
    pool = Watched(addresses=2)
    pool.run(20_000, 1, UNANSWERED)
    assert pool.codes == ["POOL_NO_ACCEPTED_SHARE"]
    assert "unanswered" in pool.holding["POOL_NO_ACCEPTED_SHARE"]
    times = [at_s - 1000.0 for at_s, _ in pool.steps]
    steps = [step for _, step in pool.steps]
    assert steps[:3] == [Step.RENEW, Step.MOVE, Step.LEAVE_OUT]
    assert set(steps[3:]) == {Step.LEAVE_OUT}
    assert times[0] == pytest.approx(LIMITS.patience_s, abs=2)
    waits = [after - before for before, after in pairwise(times[2:])]
    for number, wait_s in enumerate(waits):
        least_s = LIMITS.penalty_s * min(2**number, MAX_PENALTY_FACTOR)
        assert least_s <= wait_s <= least_s + 2 * LIMITS.patience_s + 2


def test_a_slow_pool_climbs_too() -> None:
    """When all its alarms come further apart than two penalties."""
    pool = Watched()
    for _ in range(4 * 30):
        pool.run(59)
        pool.run(1, 1, UNANSWERED)
    assert [step for _, step in pool.steps][:2] == [Step.RENEW, Step.LEAVE_OUT]


def test_an_accepted_share_ends_the_event_and_later_the_climb() -> None:
    pool = Watched()
    pool.run(70, 1, UNANSWERED)
    assert pool.codes == ["POOL_NO_ACCEPTED_SHARE"]
    pool.run(1, 1, ACCEPTED)
    assert pool.holding == {}
    pool.run(300, 1, ACCEPTED)
    pool.run(70, 1, UNANSWERED)
    assert [step for _, step in pool.steps] == [Step.RENEW, Step.LEAVE_OUT], "a relapse"
    pool.dog.pardon()
    assert not pool.dog.is_left_out(pool.now_s)
    pool.run(3000, 1, ACCEPTED)
    pool.run(70, 1, UNANSWERED)
    assert [step for _, step in pool.steps][2:] == [Step.RENEW]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("stale", "POOL_REJECTS_STALE"),
        ("low difficulty", "POOL_REJECTS_LOW_DIFFICULTY"),
        ("duplicate", "POOL_REJECTS_SHARES"),
    ],
)
def test_shares_that_are_all_rejected_are_said_with_the_reason(reason: str, code: str) -> None:
    pool = Watched()
    pool.run(LIMITS.patience_s + 2, 1, rejected(reason))
    assert pool.codes == [code]
    assert f"61 {reason}" in pool.holding[code]
    assert [step for _, step in pool.steps] == [Step.RENEW]


def test_work_below_the_difficulty_counts_by_its_odds() -> None:
    pool = Watched(difficulty=100.0)
    pool.run(EXPECTED_SHARES * 100 - 5, 1)
    assert pool.found == []
    pool.run(110, 1)
    assert pool.codes == ["POOL_NO_ACCEPTED_SHARE"]
    assert "none was answered" in pool.holding["POOL_NO_ACCEPTED_SHARE"]


def test_dropped_shares_are_named() -> None:
    pool = Watched()
    lost = ShareResult(outcome=Outcome.DROPPED, reason=DropReason.CONNECTION_LOST)
    pool.run(70, 1, lost)
    assert "connection lost" in pool.holding["POOL_NO_ACCEPTED_SHARE"]


def test_many_breaks_are_said_and_nothing_of_a_pool_that_is_off() -> None:
    pool = Watched(breaks=3)
    pool.run(1)
    assert pool.holding == {}
    pool.state["breaks"] = 4
    pool.run(1)
    assert list(pool.holding) == ["POOL_UNSTABLE"]
    pool.run(601)
    assert pool.holding == {}
    pool.state |= {"enabled": False, "alive": False}
    pool.run(30)
    assert pool.holding == {}


def test_the_chance_of_a_false_alarm_in_thirty_days_is_below_one_in_a_thousand() -> None:
    """At the most shares that are ever sent; with a rate that is less, so is the chance."""
    gaps = MONTH_S * MOST_SHARES_PER_S
    assert gaps * exp(-EXPECTED_SHARES) < 1e-3
    assert log(gaps) + REJECT_RUN * log(0.3) < log(1e-3)


@pytest.mark.slow
def test_no_false_alarm_in_thirty_days_of_chance() -> None:
    """A share in 5 s by chance, one in twenty of them rejected."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    dog = PoolWatchdog(LIMITS)
    now_s, nonces, alarmed = 0.0, 0, Counter[str]()
    while now_s < MONTH_S:
        now_s += 5.0
        arrived = sum(rng.random() < 0.1 for _ in range(10))
        nonces += 10
        for _ in range(arrived):
            dog.settled(rejected("stale") if rng.random() < 0.05 else ACCEPTED)
        sight = Sight(now_s=now_s, tickets={1.0: nonces}, difficulty=10.0, job_s=now_s)
        alarmed.update(finding.kind.code for finding in dog.look(sight)[0])
    assert not alarmed
