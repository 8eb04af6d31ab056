"""From the first line to the login, and when it is lost."""

import json
from fractions import Fraction
from typing import Any

import pytest

from luxminer.stratum import protocol as stratum
from luxminer.stratum.outcome import Outcome
from luxminer.stratum.protocol import GRACE_S, Event, StratumProtocol
from luxminer_hil.vectors.stratum_talk import JOB, Talk, make_share, notification

HANDSHAKE_S, SHARE_S = 30.0, 120.0


def answer(number: int, result: object, error: object = None) -> bytes:
    return json.dumps({"id": number, "result": result, "error": error}).encode() + b"\n"


def subscription(extranonce1: str = "08000002", session: str = "s1") -> list[Any]:
    return [[["mining.notify", session]], extranonce1, 4]


def make(**changes: Any) -> StratumProtocol:
    settings: dict[str, Any] = {
        "pool_id": 3,
        "connection": 7,
        "host": "stratum.pool.example",
        "user": "account.rig",
        "password": "x",
        "agent": "luxminer/1.0",
        "version_mask": 0x1FFFE000,
    }
    made = StratumProtocol(**{**settings, **changes})
    made.start(0.0)
    return made


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_everything_is_asked_at_once_and_in_this_order() -> None:
    assert make().data_to_send().splitlines() == [
        b'{"id":1,"method":"mining.configure","params":[["version-rolling"],'
        b'{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}',
        b'{"id":2,"method":"mining.subscribe","params":["luxminer/1.0"]}',
        b'{"id":3,"method":"mining.authorize","params":["account.rig","x"]}',
    ]


@pytest.mark.parametrize("changes", [{"version_mask": 0}, {"use_configure": False}])
def test_rolling_is_not_asked_for_when_it_is_not_wanted(changes: dict[str, Any]) -> None:
    first, second = make(**changes).data_to_send().splitlines()
    assert first == b'{"id":1,"method":"mining.subscribe","params":["luxminer/1.0"]}'
    assert second.startswith(b'{"id":2,"method":"mining.authorize"')


def test_a_session_is_asked_for_by_its_id() -> None:
    lines = make(session_id="s0").data_to_send().splitlines()
    assert json.loads(lines[1])["params"] == ["luxminer/1.0", "s0"]


def test_what_was_sent_is_not_sent_again() -> None:
    made = make()
    assert made.data_to_send()
    assert made.data_to_send() == b""


def test_answers_come_in_any_order() -> None:
    made = make()
    events = made.receive_data(answer(3, True), 1.0)
    events += made.receive_data(answer(2, subscription()), 1.0)
    mask = {"version-rolling": True, "version-rolling.mask": "ffffffff"}
    events += made.receive_data(answer(1, mask), 1.0)
    assert names(events) == ["Authorized", "Subscribed", "Configured"]
    assert made.authorized
    assert made.subscribed
    assert made.session_id == "s1"
    assert (made.extranonce1, made.extranonce2_size) == (b"\x08\x00\x00\x02", 4)
    assert made.version_rolling
    assert made.version_mask == 0x1FFFE000


def test_a_job_may_come_before_the_login_but_not_before_the_extranonce() -> None:
    made = make()
    (early,) = made.receive_data(notification("mining.notify", JOB), 1.0)
    assert isinstance(early, stratum.BadLine)
    made.receive_data(answer(2, subscription()), 1.0)
    (event,) = made.receive_data(notification("mining.notify", JOB), 2.5)
    assert isinstance(event, stratum.JobReceived)
    job = event.job
    assert made.current_job is job
    assert (job.pool_id, job.connection, job.user) == (3, 7, "account.rig")
    assert (job.received_s, job.clean, job.difficulty) == (2.5, False, Fraction(1))
    assert not made.authorized
    with pytest.raises(AssertionError):
        made.submit(make_share(job), 3.0)


@pytest.mark.parametrize(
    "result", [None, False, [], [[], "aab", 4], [[], "aabb", 0], {"extranonce1": "aa"}]
)
def test_a_bad_subscription_ends_the_connection(result: object) -> None:
    made = make()
    (event,) = made.receive_data(answer(2, result, [20, "Not accepting clients", None]), 1.0)
    assert isinstance(event, stratum.ProtocolFailed)
    assert not made.subscribed
    assert made.receive_data(answer(2, subscription()), 1.0) == []


def test_the_words_of_a_refused_subscription_are_kept() -> None:
    (event,) = make().receive_data(answer(2, None, [20, "Not accepting\x1b", None]), 1.0)
    assert event == stratum.ProtocolFailed(reason="subscribe refused: Not accepting ")


@pytest.mark.parametrize("result", [None, False, 1, "true"])
def test_a_login_is_granted_by_true_alone(result: object) -> None:
    made = make()
    (event,) = made.receive_data(answer(3, result, [24, "Unauthorized worker", None]), 1.0)
    assert event == stratum.AuthorizeRefused(code=24, text="Unauthorized worker")
    assert not made.authorized
    assert made.receive_data(notification("mining.ping", []), 1.0) == []


def test_what_follows_a_refusal_in_the_same_bytes_is_not_looked_at() -> None:
    made = make()
    data = answer(3, False) + answer(2, subscription())
    assert names(made.receive_data(data, 1.0)) == ["AuthorizeRefused"]
    assert not made.subscribed


@pytest.mark.parametrize("answered", [2, 3])
def test_each_answer_of_the_login_is_waited_for(answered: int) -> None:
    made = make(use_configure=False, first_request_id=2)
    made.receive_data(answer(answered, subscription() if answered == 2 else True), 1.0)
    assert made.check_timeouts(29.9, HANDSHAKE_S, SHARE_S) == []
    (event,) = made.check_timeouts(30.0, HANDSHAKE_S, SHARE_S)
    missing = "authorize" if answered == 2 else "subscribe"
    assert event == stratum.ProtocolFailed(reason=f"no answer to mining.{missing} in 30 s")


def test_a_pool_that_answers_all_but_configure_is_taken_without_it_soon() -> None:
    made = make()
    made.receive_data(answer(2, subscription()) + answer(3, True), 1.0)
    assert made.is_negotiating
    assert made.check_timeouts(0.9 + GRACE_S, HANDSHAKE_S, SHARE_S) == []
    (event,) = made.check_timeouts(1.0 + GRACE_S, HANDSHAKE_S, SHARE_S)
    assert event == stratum.Configured(version_mask=0)
    assert not made.is_negotiating


def test_a_late_answer_to_configure_still_counts() -> None:
    made = make()
    made.receive_data(answer(2, subscription()) + answer(3, True), 1.0)
    (event,) = made.check_timeouts(30.0, HANDSHAKE_S, SHARE_S)
    assert event == stratum.Configured(version_mask=0)
    assert made.check_timeouts(1000.0, HANDSHAKE_S, SHARE_S) == []
    mask = {"version-rolling": True, "version-rolling.mask": "00c00000"}
    (event,) = made.receive_data(answer(1, mask), 1000.0)
    assert event == stratum.Configured(version_mask=0x00C00000)
    assert made.version_rolling


def test_a_mask_pushed_early_is_kept_when_the_answer_says_nothing_new() -> None:
    made = make()
    (event,) = made.receive_data(notification("mining.set_version_mask", ["1fffe000"]), 1.0)
    assert event == stratum.VersionMaskChanged(version_mask=0x1FFFE000)
    made.receive_data(answer(1, {"version-rolling": True}), 1.0)
    assert made.version_mask == 0x1FFFE000


def test_a_mask_for_nobody_is_not_taken() -> None:
    made = make(use_configure=False)
    assert made.receive_data(notification("mining.set_version_mask", ["1fffe000"]), 1.0) == []
    assert not made.version_rolling


# Going on with an earlier session ---------------------------------------------------------------


def test_the_same_extranonce_keeps_jobs_and_shares_of_the_session() -> None:
    before = make(connection=1)
    before.receive_data(answer(2, subscription()) + answer(3, True), 1.0)
    before.receive_data(notification("mining.notify", JOB), 1.0)
    job = before.valid_jobs["j1"]
    share = make_share(job)
    before.submit(share, 2.0)
    assert before.waiting == [share]
    assert before.extranonce1 is not None
    resume = (before.extranonce1, dict(before.valid_jobs))
    after = make(connection=2, session_id=before.session_id, resume=resume)
    assert not after.job_is_valid(job)
    (event, *_) = after.receive_data(answer(2, subscription()) + answer(3, True), 9.0)
    assert event == stratum.Subscribed(resumed=True, asked=True)
    assert after.share_is_valid(share)
    after.data_to_send()
    after.submit(share, 9.0)
    assert json.loads(after.data_to_send())["params"][1] == "j1"
    after.receive_data(notification("mining.notify", ["k", "00" * 32, *JOB[2:]]), 10.0)
    assert after.valid_jobs["k"].clean, "the block changed while nobody listened"
    assert not after.job_is_valid(job)


def test_another_extranonce_voids_the_session() -> None:
    before = make(connection=1)
    before.receive_data(answer(2, subscription()), 1.0)
    before.receive_data(notification("mining.notify", JOB), 1.0)
    job = before.valid_jobs["j1"]
    assert before.extranonce1 is not None
    after = make(connection=2, session_id="s1", resume=(before.extranonce1, before.valid_jobs))
    (event,) = after.receive_data(answer(2, subscription("08000003", "s2")), 9.0)
    assert event == stratum.Subscribed(resumed=False, asked=True)
    assert not after.job_is_valid(job)


def test_no_session_id_of_a_pool_keeps_us_from_coming_back() -> None:
    made = make()
    made.receive_data(answer(2, subscription(session="\u00e9" * 256)), 1.0)
    make(session_id=made.session_id)
    made = make()
    made.receive_data(answer(2, subscription(session="s" * 250)), 1.0)
    assert made.session_id == "s" * 250
    make(session_id=made.session_id)


# A login that the pool forgets -------------------------------------------------------------------


def refuse(talk: Talk, code: int) -> list[Event]:
    """Submit a share, and let the pool refuse it."""
    talk.submit(talk.job("j1"))
    (request,) = talk.take_sent()
    return talk.pool(answer(request["id"], None, [code, "who are you?", None]))


def logged_in() -> Talk:
    talk = Talk(configure=False)
    talk.subscribed("08000002", 4)
    talk.authorized()
    talk.pool(notification("mining.notify", JOB))
    talk.take_sent()
    return talk


def test_a_forgotten_login_is_repeated_once_and_shares_wait_for_it() -> None:
    talk = logged_in()
    refuse(talk, 24)
    assert talk.take_sent() == []
    (event,) = refuse(talk, 25)
    assert isinstance(event, stratum.ShareSettled)
    assert event.result.outcome is Outcome.REJECTED
    (request,) = talk.take_sent()
    assert request["method"] == "mining.authorize"
    assert not talk.protocol.authorized
    assert names(talk.pool(answer(request["id"], True))) == ["Authorized"]
    refuse(talk, 24)
    assert names(refuse(talk, 24)) == ["ShareSettled", "ProtocolFailed"]


def test_single_refusals_are_no_lost_login() -> None:
    talk = logged_in()
    for code in (24, 23, 24, 21, 25):
        refuse(talk, code)
    assert talk.protocol.authorized
    assert talk.take_sent() == []


def test_refusals_that_were_under_way_do_not_count_twice() -> None:
    talk = logged_in()
    for _ in range(5):
        talk.submit(talk.job("j1"))
    numbers = [request["id"] for request in talk.take_sent()]
    data = b"".join(answer(number, None, [24, "", None]) for number in numbers)
    assert names(talk.pool(data)) == ["ShareSettled"] * 5
    assert [request["method"] for request in talk.take_sent()] == ["mining.authorize"]


def test_a_login_that_is_refused_the_second_time_is_refused() -> None:
    talk = logged_in()
    refuse(talk, 24)
    refuse(talk, 24)
    (request,) = talk.take_sent()
    assert names(talk.pool(answer(request["id"], False))) == ["AuthorizeRefused"]
