"""Rules of one connection: what is valid, what is sent, what is given up."""

import json

import pytest

from luxminer.errors import StratumError
from luxminer.stratum import protocol as stratum
from luxminer.stratum.outcome import Outcome
from luxminer_hil.vectors.stratum_talk import JOB, PREV_HASH, Talk, make_share, notification

OTHER_BLOCK = "00" * 30 + "abcd"


def talk(*, mask: str | None = None) -> Talk:
    made = Talk()
    made.configured(mask)
    made.subscribed("08000002", 4)
    made.authorized()
    return made


def notify(job_id: str, *, prev_hash: str = PREV_HASH, clean: bool = False) -> bytes:
    return notification("mining.notify", [job_id, prev_hash, *JOB[2:8], clean])


def test_old_jobs_stay_valid_until_a_clean_one() -> None:
    made = talk()
    made.pool(notify("a"))
    made.pool(notify("b"))
    a, b = made.job("a"), made.job("b")
    assert made.protocol.job_is_valid(a)
    made.pool(notify("c", clean=True))
    assert not made.protocol.job_is_valid(a)
    assert not made.protocol.job_is_valid(b)


def test_a_new_block_is_clean_whatever_the_flag_says() -> None:
    made = talk()
    made.pool(notify("a"))
    old = made.job("a")
    made.pool(notify("b", prev_hash=OTHER_BLOCK))
    assert made.job("b").clean
    assert not made.protocol.job_is_valid(old)


def test_the_latest_job_with_an_id_is_meant() -> None:
    made = talk()
    made.pool(notify("a"))
    old = made.job("a")
    made.pool(notification("mining.set_difficulty", [4096]))
    made.pool(notify("a"))
    assert not made.protocol.job_is_valid(old)
    assert made.protocol.job_is_valid(made.job("a"))


def test_a_job_sent_once_more_is_the_same_job() -> None:
    made = talk()
    made.pool(notify("a"))
    made.pool(notify("b"))
    a, b = made.job("a"), made.job("b")
    made.pool(notify("a", clean=True))
    assert made.protocol.current_job is a
    assert made.protocol.job_is_valid(a)
    assert not made.protocol.job_is_valid(b)


def test_valid_jobs_are_bounded() -> None:
    made = talk()
    for number in range(stratum.MAX_VALID_JOBS + 5):
        made.pool(notify(str(number)))
    assert len(made.protocol.valid_jobs) == stratum.MAX_VALID_JOBS
    assert "0" not in made.protocol.valid_jobs


def test_a_share_with_bits_that_are_forbidden_now_is_not_valid() -> None:
    made = talk(mask="1fffe000")
    made.pool(notify("a"))
    job = made.job("a")
    share = make_share(job, version=job.version | 0x00E0E000)
    assert made.protocol.share_is_valid(share)
    made.pool(notification("mining.set_version_mask", ["00c00000"]))
    assert not made.protocol.share_is_valid(share)
    assert made.protocol.share_is_valid(make_share(job))


@pytest.mark.parametrize("mask", [None, "1fffe000"])
def test_version_bits_are_sent_exactly_when_they_were_negotiated(mask: str | None) -> None:
    made = talk(mask=mask)
    made.pool(notify("a"))
    made.take_sent()
    made.submit(made.job("a"))
    (request,) = made.take_sent()
    assert len(request["params"]) == (5 if mask is None else 6)


def test_unanswered_shares_are_given_up_and_late_answers_ignored() -> None:
    made = talk()
    made.pool(notify("a"))
    share = made.submit(made.job("a"))
    assert made.protocol.waiting == [share]
    assert made.protocol.check_timeouts(100.0, 30.0, 120.0) == []
    (event,) = made.protocol.check_timeouts(121.0, 30.0, 120.0)
    assert isinstance(event, stratum.ShareSettled)
    assert event.result.outcome is Outcome.UNANSWERED
    (late,) = made.pool(json.dumps({"id": 4, "result": True, "error": None}).encode() + b"\n")
    assert isinstance(late, stratum.BadLine)


def test_a_silent_configure_costs_rolling_and_a_silent_subscribe_the_connection() -> None:
    made = Talk()
    events = made.protocol.check_timeouts(31.0, 30.0, 120.0)
    assert [type(event) for event in events] == [stratum.Configured, stratum.ProtocolFailed]
    assert not made.protocol.version_rolling


def test_a_server_that_does_not_speak_stratum_is_left() -> None:
    made = Talk()
    events = made.pool(b"HTTP/1.1 400 Bad Request\n" * (stratum.MAX_CONSECUTIVE_BAD_LINES + 1))
    assert [type(event) for event in events[:-1]] == [stratum.BadLine] * 10
    assert isinstance(events[-1], stratum.ProtocolFailed)


def test_an_endless_line_is_left() -> None:
    made = Talk()
    events = []
    for _ in range(20):
        events += made.pool(b"A" * 65536)
    assert [type(event) for event in events] == [stratum.ProtocolFailed]


def test_users_and_passwords_that_are_too_long_are_refused_before_connecting() -> None:
    with pytest.raises(StratumError, match="1024"):
        stratum.StratumProtocol(
            pool_id=0,
            connection=1,
            host="pool.example",
            user="u" * 1100,
            password="",
            agent="luxminer",
            version_mask=0,
        )
