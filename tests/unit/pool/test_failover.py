"""The choice among pools: first that works, no flapping, never without need; turns and parts."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from luxminer.pool.failover import choose, divide, next_in_turn

FAILBACK_S = 120.0


@dataclass(eq=False)
class Candidate:
    alive: bool = True
    has_job: bool = True
    alive_since_s: float = 0.0
    on_probation: bool = False
    left_out: bool = False


def dead() -> Candidate:
    return Candidate(alive=False, has_job=False)


def test_the_first_that_works_is_taken() -> None:
    backup = Candidate()
    assert choose([dead(), backup, Candidate()], None, 0.0, FAILBACK_S) is backup
    assert choose([], None, 0.0, FAILBACK_S) is None
    assert choose([dead(), dead()], None, 0.0, FAILBACK_S) is None


def test_a_dead_pool_is_left_at_once_even_for_one_on_probation() -> None:
    active, backup = dead(), Candidate(on_probation=True, alive_since_s=99.0)
    assert choose([active, backup], active, 100.0, FAILBACK_S) is backup


def test_one_that_failed_is_preferred_again_only_after_its_time() -> None:
    primary, backup = Candidate(on_probation=True, alive_since_s=100.0), Candidate()
    order = [primary, backup]
    assert choose(order, backup, 219.9, FAILBACK_S) is backup
    assert choose(order, backup, 220.0, FAILBACK_S) is primary


def test_one_that_never_failed_is_preferred_at_once() -> None:
    primary, backup = Candidate(alive_since_s=100.0), Candidate()
    assert choose([primary, backup], backup, 100.0, FAILBACK_S) is primary


def test_while_the_active_pool_logs_in_again_its_job_is_kept() -> None:
    active = Candidate(alive=False)
    assert choose([active, Candidate()], active, 0.0, FAILBACK_S) is active


def test_a_job_without_a_login_is_better_than_none() -> None:
    early = Candidate(alive=False)
    assert choose([dead(), early], None, 0.0, FAILBACK_S) is early
    assert choose([early, working := Candidate()], None, 0.0, FAILBACK_S) is working


def test_one_that_is_left_out_works_only_when_no_other_can() -> None:
    useless, backup = Candidate(alive=False, left_out=True), Candidate()
    assert choose([useless, backup], useless, 0.0, FAILBACK_S) is backup
    assert choose([useless, dead()], useless, 0.0, FAILBACK_S) is useless
    assert next_in_turn([useless, backup], useless) is backup
    assert next_in_turn([useless, dead()], useless) is useless
    assert divide([useless, backup], lambda _: 1.0) == [(backup, 1.0)]


def test_turns_go_on_from_the_one_that_works() -> None:
    a, b, c = Candidate(), dead(), Candidate()
    order = [a, b, c]
    assert next_in_turn(order, None) is a
    assert next_in_turn(order, c) is c
    assert next_in_turn(order, b) is c
    assert next_in_turn(order, c, move_on=True) is a
    assert next_in_turn(order, a, move_on=True) is c
    assert next_in_turn([a, b], a, move_on=True) is a
    assert next_in_turn([b], b) is None
    assert next_in_turn([], a) is None
    assert next_in_turn([b, c], a) is c  # one that was taken away


def test_one_that_logs_in_again_keeps_its_turn() -> None:
    early = Candidate(alive=False)
    assert next_in_turn([Candidate(), early], early) is early


def test_the_quota_zero_means_only_when_no_other_works() -> None:
    quotas = {Candidate(): 0.0, Candidate(): 2.0, dead(): 5.0, Candidate(): 3.0}
    members = list(quotas)
    assert divide(members, lambda m: quotas[m]) == [(members[1], 2.0), (members[3], 3.0)]
    assert divide(members[:1] + members[2:3], lambda m: quotas[m]) == [(members[0], 1.0)]
    early = Candidate(alive=False)
    assert divide([early, members[0]], lambda m: quotas.get(m, 7.0)) == [(members[0], 1.0)]
    assert divide([early], lambda _: 7.0) == [(early, 7.0)]
    assert divide([], lambda _: 1.0) == []


candidates = st.builds(
    lambda state, since, probation: Candidate(
        alive=state == 2, has_job=state > 0, alive_since_s=since, on_probation=probation
    ),
    st.integers(0, 2),
    st.sampled_from([0.0, 50.0, 100.0]),
    st.booleans(),
)


@given(st.lists(candidates, max_size=5), st.integers(0, 5), st.sampled_from([0.0, 60.0]))
def test_whatever_the_pools_are(order: list[Candidate], index: int, failback_s: float) -> None:
    active = order[index] if index < len(order) else None
    best = choose(order, active, 100.0, failback_s)
    if best is None:
        assert not any(pool.has_job for pool in order)
        return
    assert best.has_job
    if any(pool.alive for pool in order) and best is not active:
        assert best.alive
    assert choose(order, best, 100.0, failback_s) in order[: order.index(best) + 1]
    if active is not None and active.alive and order.index(best) > order.index(active):
        raise AssertionError("left a working pool for a worse one")
