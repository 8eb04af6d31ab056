"""What part of all work each pool gets, and what is shown of its address."""

import pytest

from luxminer.pool.parts import work_parts
from luxminer.pool.pool import _without_login
from luxminer.work.job import Stake
from tests.unit.pool.pieces import a_job


def test_parts_are_quotas_of_groups_and_weights_within() -> None:
    stakes = [
        Stake(job=a_job(pool_id=1), group=0, quota=3.0),
        Stake(job=a_job(pool_id=2), group=5, quota=1.0, weight=1.0),
        Stake(job=a_job(pool_id=3), group=5, quota=1.0, weight=4.0),
    ]
    assert work_parts(stakes) == pytest.approx({1: 0.75, 2: 0.05, 3: 0.2})
    assert work_parts([]) == {}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("stratum+tcp://pool:3333", "stratum+tcp://pool:3333"),
        ("stratum+tcp://me:secret@pool:3333", "stratum+tcp://pool:3333"),
        ("pool:3333", "pool:3333"),
    ],
)
def test_no_login_is_written_down(url: str, shown: str) -> None:
    assert _without_login(url) == shown
