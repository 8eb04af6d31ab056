"""After the login: shares out, answers and calls in."""

import json
from fractions import Fraction
from typing import Any

import pytest

from luxminer.stratum import protocol as stratum
from luxminer.stratum import requests
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.work.job import Share
from luxminer_hil.vectors.stratum_talk import AGENT, JOB, Talk, make_share, notification


def talk(*, mask: str | None = None, job: bool = True) -> Talk:
    made = Talk(configure=mask is not None)
    if mask is not None:
        made.configured(mask)
    made.subscribed("08000002", 4)
    made.authorized()
    if job:
        made.pool(notification("mining.notify", JOB))
    made.take_sent()
    return made


def answer(number: int, result: object, error: object = None) -> bytes:
    return json.dumps({"id": number, "result": result, "error": error}).encode() + b"\n"


def notify(made: Talk, *changes: tuple[int, Any]) -> list[stratum.Event]:
    params = list(JOB)
    for place, value in changes:
        params[place] = value
    return made.pool(notification("mining.notify", params))


# Shares ---------------------------------------------------------------------------------------


def test_a_submit_spells_numbers_as_the_pool_does() -> None:
    made = talk(mask="1fffe000")
    share = make_share(
        made.job("j1"),
        extranonce2=bytes.fromhex("17000000"),
        ntime=0x0A0B0C0D,
        nonce=0x7552034C,
        version=0x20B44000,
    )
    made.protocol.submit(share, 2.0)
    assert made.protocol.data_to_send() == (
        b'{"id":4,"method":"mining.submit","params":["user.worker","j1","17000000","0a0b0c0d",'
        b'"7552034c","00b44000"]}\n'
    )


@pytest.mark.parametrize(
    ("job_id", "echoed"),
    [
        ("00Bf", '"00Bf"'),
        (123, "123"),
        ("ahoj-7/\u00e9", '"ahoj-7/\\u00e9"'),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_job_ids_go_back_as_they_came(job_id: object, echoed: str) -> None:
    made = talk()
    notify(made, (0, job_id))
    assert made.protocol.current_job is not None
    made.submit(made.protocol.current_job)
    assert f',{echoed},"00000000",' in made.protocol.data_to_send().decode("ascii")


def test_a_job_whose_id_does_not_fit_into_a_submit_is_no_job() -> None:
    made = talk()
    (event,) = notify(made, (0, "\u00e9" * 200))
    assert isinstance(event, stratum.BadLine)
    assert "job id" in event.reason
    assert list(made.protocol.valid_jobs) == ["j1"]
    assert isinstance(notify(made, (0, "x" * 256))[0], stratum.JobReceived)


def test_nothing_of_a_refused_job_takes_effect() -> None:
    made = talk()
    made.pool(notification("mining.set_extranonce", ["aabb", 6]))
    notify(made, (0, "\u00e9" * 200))
    assert made.protocol.extranonce1 == b"\x08\x00\x00\x02"
    notify(made, (7, "zz"))
    assert made.protocol.extranonce2_size == 4
    notify(made)
    assert (made.protocol.extranonce1, made.protocol.extranonce2_size) == (b"\xaa\xbb", 6)


def test_a_job_keeps_the_extranonce_and_the_difficulty_it_came_with() -> None:
    made = talk()
    old = made.job("j1")
    made.pool(notification("mining.set_difficulty", [1024]))
    made.pool(notification("mining.set_difficulty", [2048]))
    made.pool(notification("mining.set_extranonce", [None, 6]))
    notify(made, (0, "j2"))
    new = made.job("j2")
    assert (old.difficulty, new.difficulty) == (Fraction(1), Fraction(2048))
    assert old.extranonce1 == new.extranonce1 == b"\x08\x00\x00\x02"
    assert (old.extranonce2_size, new.extranonce2_size) == (4, 6)
    assert new.share_target == 0xFFFF << 208 - 11
    assert made.protocol.job_is_valid(old), "what is under way keeps the old values"


def test_answers_settle_the_share_they_name() -> None:
    made = talk()
    first, second, third = (made.submit(made.job("j1")) for _ in range(3))
    numbers = [request["id"] for request in made.take_sent()]
    made.protocol.receive_data(answer(numbers[1], None, [23, "Above target", None]), 5.0)
    assert made.protocol.waiting == [first, third]
    (event,) = made.protocol.receive_data(answer(numbers[0], True), 3.5)
    assert event == stratum.ShareSettled(
        share=first, result=ShareResult(outcome=Outcome.ACCEPTED, latency_s=2.5)
    )
    assert made.protocol.latency_s == 2.5
    (event,) = made.protocol.receive_data(answer(numbers[2], False, "Stale"), 1.25)
    assert isinstance(event, stratum.ShareSettled)
    assert event.share is third
    assert event.result == ShareResult(
        outcome=Outcome.REJECTED, reason="stale", text="Stale", latency_s=0.25
    )
    assert second is not third
    assert made.protocol.waiting == []


def test_an_answer_to_nothing_is_shown_and_changes_nothing() -> None:
    made = talk()
    share = made.submit(made.job("j1"))
    (request,) = made.take_sent()
    for number in (None, True, 7777, -request["id"], str(request["id"]) + " ", [request["id"]]):
        line = json.dumps({"id": number, "result": None, "error": [20, "odd", ""]}).encode()
        (event,) = made.pool(line + b"\n")
        assert event == stratum.BadLine(reason="reply to no request of ours", excerpt="odd")
    assert made.protocol.bad_lines == 6
    assert made.protocol.waiting == [share]


def test_stray_answers_alone_do_not_end_a_connection() -> None:
    made = talk()
    events = made.pool(answer(7777, True) * 50)
    assert [type(event) for event in events] == [stratum.BadLine] * 50
    assert isinstance(notify(made)[0], stratum.JobReceived)


def test_ten_bad_lines_in_a_row_are_borne_and_a_good_one_forgives_them() -> None:
    made = talk()
    limit = stratum.MAX_CONSECUTIVE_BAD_LINES
    for _ in range(3):
        assert len(made.pool(b"HTTP/1.1 400\n" * limit)) == limit
        made.pool(b"\n")
        notify(made)
    events = made.pool(b"x\n" * (limit + 1))
    assert isinstance(events[-1], stratum.ProtocolFailed)


def test_the_oldest_share_gives_way_when_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_OUTSTANDING", 3)
    made = talk()
    shares = [make_share(made.job("j1")) for _ in range(5)]
    events = [event for share in shares for event in made.protocol.submit(share, 1.0)]
    given_up = [event.share for event in events if isinstance(event, stratum.ShareSettled)]
    assert given_up == shares[:2]
    assert made.protocol.waiting == shares[2:]


def test_version_bits_follow_the_mask_in_force() -> None:
    made = talk(mask="1fffe000")
    job = made.job("j1")
    made.pool(notification("mining.set_version_mask", ["00c00000"]))
    made.protocol.submit(make_share(job, version=job.version | 0x00400000), 2.0)
    made.pool(notification("mining.set_version_mask", ["00000000"]))
    made.protocol.submit(make_share(job), 2.0)
    assert [request["params"][5] for request in made.take_sent()] == ["00400000", "00000000"]


def test_a_block_says_what_was_hashed_even_when_its_bits_are_forbidden_now() -> None:
    made = talk(mask="1fffe000")
    job = made.job("j1")
    share = make_share(job, version=job.version | 0x00B44000)
    made.pool(notification("mining.set_version_mask", ["00000000"]))
    assert not made.protocol.share_is_valid(share)
    made.protocol.submit(share, 2.0)
    (request,) = made.take_sent()
    assert request["params"][5] == "00b44000"


def test_a_share_for_another_user_is_a_mistake_of_ours() -> None:
    made, other = talk(), Talk(configure=False)
    other.protocol = stratum.StratumProtocol(
        pool_id=0,
        connection=2,
        host="other.example",
        user="somebody else",
        password="",
        agent=AGENT,
        version_mask=0,
        first_request_id=1,
    )
    other.protocol.start(0.0)
    other.ids = {request["method"]: request["id"] for request in other.take_sent()}
    other.subscribed("08000002", 4)
    other.authorized()
    share: Share = make_share(made.job("j1"))
    with pytest.raises(AssertionError):
        other.protocol.submit(share, 2.0)


# Calls of the pool ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params", "call_id", "reply"),
    [
        ("mining.ping", [], 42, {"id": 42, "result": "pong", "error": None}),
        ("mining.ping", {}, "x7", {"id": "x7", "result": "pong", "error": None}),
        ("client.get_version", [], 10, {"id": 10, "result": AGENT, "error": None}),
        ("client.show_message", ["hi"], 8, {"id": 8, "result": True, "error": None}),
        ("mining.set_extranonce", ["ab", 8], 1, {"id": 1, "result": True, "error": None}),
        (
            "mining.set_extranonce",
            [],
            1,
            {"id": 1, "result": None, "error": [20, "Invalid params", None]},
        ),
        (
            "mining.dance",
            [],
            12,
            {"id": 12, "result": None, "error": [20, "Method not found", None]},
        ),
    ],
)
def test_requests_of_the_pool_are_answered(
    method: str, params: Any, call_id: object, reply: object
) -> None:
    made = talk()
    made.pool(json.dumps({"id": call_id, "method": method, "params": params}).encode() + b"\n")
    assert made.take_sent() == [reply]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("mining.ping", []),
        ("client.get_version", []),
        ("client.show_message", ["hi"]),
        ("mining.set_extranonce", ["ab", 8]),
        ("mining.set_extranonce", []),
        ("mining.dance", []),
    ],
)
def test_notifications_are_not_answered(method: str, params: list[Any]) -> None:
    made = talk()
    made.pool(notification(method, params))
    assert made.take_sent() == []


def test_a_job_with_an_id_is_no_request() -> None:
    made = talk()
    line = {"id": 77, "method": "mining.notify", "params": JOB}
    (event,) = made.pool(json.dumps(line).encode() + b"\n")
    assert isinstance(event, stratum.JobReceived)
    assert made.take_sent() == []


def test_an_id_too_long_for_a_line_costs_the_pool_its_answer_only() -> None:
    made = talk()
    line = {"id": "x" * 2000, "method": "client.show_message", "params": ["hi"]}
    assert made.pool(json.dumps(line).encode() + b"\n") == [stratum.MessageShown(text="hi")]
    assert made.take_sent() == []
    assert made.protocol.bad_lines == 0


def test_redirects_stay_in_the_domain_of_the_pool() -> None:
    made = talk()
    assert made.pool(notification("client.reconnect", ["eu.pool.example", 3334, "15"])) == [
        stratum.ReconnectRequested(host="eu.pool.example", port=3334, wait_s=15.0)
    ]
    assert made.pool(notification("client.reconnect", ["10.0.0.66", 3333])) == [
        stratum.ReconnectRefused(host="10.0.0.66")
    ]


def test_bad_lines_are_counted_with_an_excerpt_that_is_safe_to_log() -> None:
    made = talk()
    (event,) = made.pool(b"\x1b[2J\xff" + b"x" * 200 + b"\n")
    assert isinstance(event, stratum.BadLine)
    assert event.reason == "not UTF-8"
    assert event.excerpt.startswith(" [2J\ufffdx")
    assert len(event.excerpt) == stratum.EXCERPT_CHARS
    assert made.protocol.bad_lines == 1


def test_refused_values_leave_the_old_ones() -> None:
    made = talk(mask="1fffe000")
    made.pool(notification("mining.set_difficulty", [512]))
    refused: list[tuple[str, list[Any]]] = [
        ("mining.set_difficulty", [0]),
        ("mining.set_difficulty", ["high"]),
        ("mining.set_extranonce", ["abcd", 0]),
        ("mining.set_version_mask", [0]),
    ]
    for method, params in refused:
        (event,) = made.pool(notification(method, params))
        assert isinstance(event, stratum.BadLine)
    notify(made, (0, "j2"))
    job = made.job("j2")
    assert job.difficulty == Fraction(512)
    assert (job.extranonce1, job.extranonce2_size) == (b"\x08\x00\x00\x02", 4)
    assert job.version_mask == 0x1FFFE000
