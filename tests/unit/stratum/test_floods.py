"""Jobs without end, jobs that void each other without end, difficulties that no miner meets."""

from typing import Any

import pytest

from luxminer.stratum import protocol as stratum
from luxminer.stratum.jobs import (
    CLEAN_BURST,
    CLEAN_PER_S,
    JOB_BURST,
    JOBS_PER_S,
    MAX_VALID_JOBS,
)
from luxminer.stratum.messages import MAX_COINBASE
from luxminer.stratum.protocol import Event
from luxminer_hil.vectors.stratum_talk import JOB, Talk, notification


def talk() -> Talk:
    made = Talk(configure=False)
    made.subscribed("08000002", 4)
    made.authorized()
    return made


def notify(number: int, *, clean: bool = False, prev_hash: str = JOB[1]) -> bytes:
    return notification("mining.notify", [f"{number:x}", prev_hash, *JOB[2:8], clean])


def until_it_ends(made: Talk, clean: bool, every_s: float, most: int) -> tuple[int, str]:
    """Send a job every so often; returns how many were borne, and why the next was not."""
    for number in range(most):
        (event,) = made.protocol.receive_data(notify(number, clean=clean), 1000 + number * every_s)
        if isinstance(event, stratum.ProtocolFailed):
            return number, event.reason
        assert isinstance(event, stratum.JobReceived)
        assert len(made.protocol.valid_jobs) <= MAX_VALID_JOBS
    return most, ""


@pytest.mark.parametrize(
    ("clean", "burst", "reason"),
    [
        (False, JOB_BURST, "sends jobs without end"),
        (True, CLEAN_BURST, "voids its jobs without end"),
    ],
)
def test_a_flood_of_jobs_ends_the_connection(clean: bool, burst: int, reason: str) -> None:
    assert until_it_ends(talk(), clean, 0.0, 2 * burst) == (burst, reason)


@pytest.mark.parametrize(("clean", "per_s"), [(False, JOBS_PER_S), (True, CLEAN_PER_S)])
def test_a_busy_pool_is_no_flood(clean: bool, per_s: float) -> None:
    assert until_it_ends(talk(), clean, 1 / per_s, 1200) == (1200, "")
    assert until_it_ends(talk(), clean, 0.5 / per_s, 1200)[0] < 1200


def test_a_new_block_with_every_job_is_a_flood_as_well() -> None:
    made = talk()
    events: list[Event] = []
    for number in range(2 * CLEAN_BURST):
        data = notify(number, prev_hash=f"{number % 2:064x}")
        events += made.protocol.receive_data(data, 1000.0)
    assert events[-1] == stratum.ProtocolFailed(reason="voids its jobs without end")
    assert len(events) == CLEAN_BURST + 2, "the first one voids nothing"


@pytest.mark.parametrize("value", [2.0**51, 1e60, 1e-10, 1e-300])
def test_an_absurd_difficulty_ends_the_connection_when_a_job_comes_with_it(value: float) -> None:
    made = talk()
    assert made.pool(notification("mining.set_difficulty", [value])) == []
    (event,) = made.pool(notify(1))
    assert event == stratum.ProtocolFailed(reason=f"absurd difficulty {value:.3g}")
    assert made.pool(notify(2)) == [], "nobody listens any more"


@pytest.mark.parametrize("value", [1e15, 1e-9, 0.0000001])
def test_a_strange_difficulty_is_not_absurd(value: float) -> None:
    made = talk()
    made.pool(notification("mining.set_difficulty", [1e60]))
    made.pool(notification("mining.set_difficulty", [value]))
    (event,) = made.pool(notify(1))
    assert isinstance(event, stratum.JobReceived)


@pytest.mark.parametrize(("extra", "fits"), [(0, True), (1, False)])
def test_a_coinbase_is_bounded(extra: int, fits: bool) -> None:
    params: list[Any] = [*JOB]
    params[3] += "00" * (MAX_COINBASE - len(JOB[2] + JOB[3]) // 2 + extra)
    (event,) = talk().pool(notification("mining.notify", params))
    assert isinstance(event, stratum.JobReceived if fits else stratum.BadLine)
