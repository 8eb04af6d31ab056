"""Whatever a pool sends, however it is cut: no exception, and the same events."""

import contextlib
import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.errors import StratumError
from luxminer.stratum.asking import Wishes
from luxminer.stratum.messages import Call, parse_call, parse_line
from luxminer.stratum.protocol import BadLine, Event, StratumProtocol
from luxminer_hil.vectors.stratum_talk import JOB

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
METHODS = st.sampled_from(
    [
        "mining.notify",
        "mining.set_difficulty",
        "mining.set_extranonce",
        "mining.set_version_mask",
        "client.reconnect",
        "client.show_message",
        "client.get_version",
        "mining.ping",
        "mining.unheard_of",
    ]
)


NO_WISHES = Wishes()
ALL_WISHES = Wishes(
    extranonce_subscribe=True,
    suggest_difficulty=Fraction(512),
    minimum_difficulty=Fraction(1, 3),
)


def protocol(wishes: Wishes = NO_WISHES) -> StratumProtocol:
    made = StratumProtocol(
        pool_id=0,
        connection=1,
        host="pool.example",
        user="user",
        password="",
        agent="luxminer",
        version_mask=0x1FFFE000,
        wishes=wishes,
    )
    made.start(0.0)
    return made


def session() -> bytes:
    lines = [
        {"id": 1, "result": {"version-rolling": True, "version-rolling.mask": "1fffe000"}},
        {"id": 2, "result": [[["mining.notify", "s"]], "08000002", 4], "error": None},
        {"id": None, "method": "mining.set_difficulty", "params": [0.5]},
        {"id": None, "method": "mining.notify", "params": JOB},
        {"id": 3, "result": True, "error": None},
        {"id": 9, "method": "mining.ping", "params": []},
        {"id": None, "method": "mining.set_version_mask", "params": ["00006000"]},
        {"id": None, "method": "client.show_message", "params": ["hello"]},
        {"id": None, "method": "mining.notify", "params": ["j2", *JOB[1:8], True]},
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b"garbage\n"


def told(events: list[Event]) -> list[str]:
    """What happened, without the identity of jobs."""
    return [type(event).__name__ for event in events]


@given(cuts=st.lists(st.integers(0, len(session())), max_size=20))
def test_a_session_means_the_same_however_it_is_cut(cuts: list[int]) -> None:
    data, whole = session(), protocol()
    expected = told(whole.receive_data(data, 0.0))
    assert len(expected) >= 7
    pieces, start = protocol(), 0
    got: list[str] = []
    for end in [*sorted(cuts), len(data)]:
        got += told(pieces.receive_data(data[start:end], 0.0))
        start = end
    assert got == expected
    assert pieces.data_to_send() == whole.data_to_send()
    assert pieces.difficulty == whole.difficulty


@given(data=st.binary(max_size=400), after=st.booleans())
def test_any_bytes_are_survived(data: bytes, after: bool) -> None:
    made = protocol()
    if after:
        made.receive_data(session(), 0.0)
    made.receive_data(data + b"\n", 0.0)
    made.receive_data(b"\n", 0.0)


@given(method=METHODS, params=JSON, call_id=JSON)
def test_any_parameters_are_survived(method: str, params: object, call_id: object) -> None:
    made = protocol()
    made.receive_data(session(), 0.0)
    line = json.dumps({"id": call_id, "method": method, "params": params}).encode() + b"\n"
    made.receive_data(line, 0.0)
    for reply in made.data_to_send().splitlines():
        json.loads(reply)


ANSWERS = st.tuples(st.integers(0, 8) | JSON, JSON | st.just(True), JSON | st.none())


@pytest.mark.slow
@given(answers=st.lists(ANSWERS, max_size=12), at_login=st.booleans())
def test_any_answers_are_survived(
    answers: list[tuple[object, object, object]], at_login: bool
) -> None:
    made = protocol(ALL_WISHES)
    if at_login:
        made.receive_data(session(), 0.0)
    for number, result, error in answers:
        line = json.dumps({"id": number, "result": result, "error": error})
        made.receive_data(line.encode() + b"\n", 0.0)
    made.check_timeouts(1000.0, 30.0, 120.0)
    requests = [json.loads(line) for line in made.data_to_send().splitlines()]
    numbers = [request["id"] for request in requests if "method" in request]
    assert numbers == sorted(set(numbers)), "each id once"
    assert len(numbers) <= 6, "each wish once"
    assert not made.waiting


@given(line=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_the_parser_raises_nothing_but_its_own_error(line: bytes) -> None:
    with contextlib.suppress(StratumError):
        parsed = parse_line(line)
        if isinstance(parsed, Call):
            parse_call(parsed)


def state(made: StratumProtocol) -> tuple[Any, ...]:
    return (
        made.subscribed,
        made.authorized,
        made.extranonce1,
        made.extranonce2_size,
        made.difficulty,
        made.version_rolling,
        made.version_mask,
        made.current_job,
        dict(made.valid_jobs),
        made.waiting,
    )


@given(
    place=st.integers(0, 8),
    value=JSON,
    length=st.integers(0, 9),
    method=METHODS,
)
def test_a_bad_line_disturbs_nothing(place: int, value: object, length: int, method: str) -> None:
    made = protocol()
    made.receive_data(session(), 0.0)
    before = state(made)
    params = [value if number == place else good for number, good in enumerate(JOB)][:length]
    line = json.dumps({"id": None, "method": method, "params": params}).encode()
    events = made.receive_data(line + b"\n", 0.0)
    if any(isinstance(event, BadLine) for event in events):
        assert state(made) == before
        assert len(events) == 1


@given(flips=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 255)), max_size=6))
def test_flipped_bytes_in_a_session_are_survived(flips: list[tuple[int, int]]) -> None:
    data = bytearray(session())
    for place, value in flips:
        data[place % len(data)] = value
    made = protocol()
    made.receive_data(bytes(data), 0.0)
    assert made.difficulty > 0
    assert made.extranonce2_size in (None, *range(1, 17))
    for job in made.valid_jobs.values():
        assert len(job.prev_hash) == 32
        assert job.network_target > 0
