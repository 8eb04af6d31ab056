"""Work of one job: order, what devices share, ntime, exhaustion."""

from dataclasses import replace
from fractions import Fraction

import pytest

from luxminer.work import generator
from luxminer.work.generator import WorkGenerator
from luxminer.work.job import WorkItem
from tests.oracles import header as oracle
from tests.oracles import sha256
from tests.unit.mining.jobs import COINB1, COINB2, job


def take(made: WorkGenerator, *, versions: int = 1, now_s: float = 0.0) -> WorkItem:
    item = made.next(versions=versions, now_s=now_s)
    assert item is not None
    return item


def test_extranonce2_counts_from_its_first_byte() -> None:
    made = WorkGenerator(job(extranonce2_size=3))
    found = [take(made).extranonce2.hex() for _ in range(258)]
    assert found[:2] == ["000000", "010000"]
    assert found[255:] == ["ff0000", "000100", "010100"]


def test_a_work_item_is_complete() -> None:
    made = job(version_mask=0x1FFFE000, version=0x20000000)
    item = take(WorkGenerator(made), versions=4)
    assert item.versions == (0x20000000, 0x20002000, 0x20004000, 0x20006000)
    branch = [node.hex() for node in made.merkle_branch]
    root = oracle.merkle_root(COINB1 + made.extranonce1 + item.extranonce2 + COINB2, branch)
    assert item.merkle_root == root
    start = made.prev_hash + root[:28]
    assert item.midstates == tuple(
        sha256.midstate(oracle.number(version) + start) for version in item.versions
    )
    assert item.tail == root[28:] + oracle.number(made.ntime) + oracle.number(made.nbits)
    assert item.job is made


def test_without_rolling_there_is_one_version_however_many_are_wanted() -> None:
    made = WorkGenerator(job())
    first, second = take(made, versions=4), take(made, versions=4)
    assert first.versions == second.versions == (0x20000000,)
    assert first.extranonce2 != second.extranonce2


def test_bits_that_the_job_uses_are_left_alone() -> None:
    made = WorkGenerator(job(version=0x2000E000, version_mask=0x1FFFE000))
    assert take(made, versions=3).versions == (0x2000E000, 0x2001E000, 0x2002E000)


def test_devices_with_different_appetites_share_every_pattern() -> None:
    made = WorkGenerator(job(version_mask=0x0000E000))
    items = [take(made, versions=n) for n in (3, 1, 4, 1, 2, 1, 1, 1, 2)]
    handed = [(item.extranonce2[0], version) for item in items for version in item.versions]
    assert sorted(handed) == [
        (extranonce2, 0x20000000 | pattern << 13) for extranonce2 in (0, 1) for pattern in range(8)
    ]


def test_items_made_ahead_are_dropped_with_the_bits_and_the_difficulty_they_were_made_for() -> None:
    first = job(version_mask=0x0000E000)
    made = WorkGenerator(first)
    before = take(made)
    made.set_version_mask(0x00006000)
    narrow = [take(made) for _ in range(4)]
    assert {item.versions[0] & 0x1FFFE000 for item in narrow} == {0, 0x2000, 0x4000, 0x6000}
    assert before.extranonce2 not in {item.extranonce2 for item in narrow}
    take(made)
    again = replace(first, difficulty=Fraction(7))
    made.go_on(again)
    after = take(made)
    assert after.job is again
    assert after.extranonce2 not in {item.extranonce2 for item in narrow}


def test_time_moves_only_when_everything_else_is_used_up() -> None:
    made = WorkGenerator(job(extranonce2_size=1, received_s=100.0))
    times = {take(made, now_s=200.0).ntime for _ in range(256)}
    assert times == {1_700_000_000}
    assert take(made, now_s=200.0).ntime == 1_700_000_001


def test_exhaustion_says_so_and_ends_with_the_next_second() -> None:
    made = WorkGenerator(job(extranonce2_size=1, received_s=100.0))
    for _ in range(256):
        take(made, now_s=100.0)
    assert made.next(now_s=100.0) is None
    assert made.next(now_s=100.999) is None
    assert take(made, now_s=101.0).ntime == 1_700_000_001


def test_rolling_withdrawn_leaves_the_version_of_the_job() -> None:
    made = WorkGenerator(job(version_mask=0x1FFFE000))
    before = take(made, versions=4)
    made.set_version_mask(0)
    after = take(made, versions=4)
    assert after.versions == (0x20000000,)
    assert after.extranonce2 != before.extranonce2


@pytest.mark.parametrize(
    ("elapsed_s", "rolled_s"),
    [(-5.0, 0), (0.0, 0), (0.99, 0), (1.0, 1), (599.9, 599), (600.0, 600), (7000.0, 600)],
)
def test_the_window_of_ntime(elapsed_s: float, rolled_s: int) -> None:
    assert generator.latest_ntime(1000, elapsed_s) == 1000 + rolled_s


def test_ntime_does_not_wrap() -> None:
    assert generator.latest_ntime(0xFFFFFFFF, 600.0) == 0xFFFFFFFF
    made = WorkGenerator(job(extranonce2_size=1, ntime=0xFFFFFFFF))
    for _ in range(256):
        take(made, now_s=1000.0)
    assert made.next(now_s=1000.0) is None


def test_a_counter_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(OverflowError):
        generator.encode_extranonce2(256, 1)


def test_versions_are_asked_for() -> None:
    with pytest.raises(AssertionError):
        WorkGenerator(job()).next(versions=0, now_s=0.0)
