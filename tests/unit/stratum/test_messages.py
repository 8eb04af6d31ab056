"""Lines as values: each tolerance that pools need, and nothing beyond them."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from luxminer.errors import StratumError
from luxminer.stratum import messages
from luxminer.stratum.messages import Call, Notify, PoolError, Reply
from luxminer_hil.vectors.stratum_talk import JOB, PREV_HASH

WITNESS = "0120" + "00" * 32
MARKED1 = JOB[2][:8] + "0001" + JOB[2][8:]


def parse(method: str, *params: Any) -> messages.Message:
    line = json.dumps({"id": None, "method": method, "params": params}).encode()
    call = messages.parse_line(line)
    assert isinstance(call, Call)
    return messages.parse_call(call)


def notify(changes: dict[int, Any] | None = None, *more: Any) -> Notify:
    params = [*JOB, *more]
    for place, value in (changes or {}).items():
        params[place] = value
    message = parse("mining.notify", *params)
    assert isinstance(message, Notify)
    return message


def reply(**fields: Any) -> Reply:
    parsed = messages.parse_line(json.dumps(fields).encode())
    assert isinstance(parsed, Reply)
    return parsed


def error(value: Any, **fields: Any) -> PoolError:
    found = reply(id=5, result=None, error=value, **fields).error
    assert found is not None
    return found


# Calls and replies ----------------------------------------------------------------------------


def test_what_has_a_method_is_a_call_whatever_else_it_has() -> None:
    line = b'{"id":5,"method":"mining.ping","result":true,"error":null}'
    assert messages.parse_line(line) == Call(id=5, method="mining.ping", params=None)


@pytest.mark.parametrize("method", [17, None, True, ["mining.ping"], {}])
def test_methods_are_text(method: object) -> None:
    with pytest.raises(StratumError, match="method"):
        messages.parse_line(json.dumps({"id": 1, "method": method}).encode())


@pytest.mark.parametrize("line", [b'{"id":5}', b"{}", b'{"params":[]}'])
def test_neither_call_nor_reply(line: bytes) -> None:
    with pytest.raises(StratumError, match="neither"):
        messages.parse_line(line)


@pytest.mark.parametrize(
    ("text", "call_id"),
    [
        ("7", 7),
        ('"x7"', "x7"),
        ("5.0", Decimal("5.0")),
        ("null", None),
        ("true", None),
        ("[1]", None),
        ('{"a":1}', None),
    ],
)
def test_ids_of_calls_keep_their_type(text: str, call_id: object) -> None:
    call = messages.parse_line(f'{{"id":{text},"method":"mining.ping"}}'.encode())
    assert isinstance(call, Call)
    assert call.id == call_id
    assert type(call.id) is type(call_id)


@pytest.mark.parametrize("result", [1, "true", None, False, [True], {}])
def test_only_the_literal_true_is_true(result: object) -> None:
    found = reply(id=5, result=result)
    assert not found.is_true
    assert found.error is not None


def test_true_wins_over_an_error() -> None:
    found = reply(id=5, result=True, error=[20, "odd", None])
    assert found.is_true
    assert found.error is None


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ([21, "Job not found", None], 21, "Job not found"),
        ([21, "Job not found"], 21, "Job not found"),
        ([23, "Difficulty too low", ""], 23, "Difficulty too low"),
        ([21], 21, "unknown"),
        (["Stale"], None, "Stale"),
        ([], None, "unknown"),
        ([True, "odd"], None, "odd"),
        ([[21], {"a": 1}], None, "unknown"),
        ({"code": 22, "message": "duplicate share"}, 22, "duplicate share"),
        ({"message": 5}, None, "unknown"),
        ("Stale", None, "Stale"),
        ("-3:method not found", None, "-3:method not found"),
        ("", None, "unknown"),
        ("\x1b\n", None, "unknown"),
        ("\x1b[31mred", None, " [31mred"),
        (21, 21, "unknown"),
        (None, None, "unknown"),
        ([20, "x" * 1000], 20, "x" * 200),
        ([10**400, "far"], None, "far"),
    ],
)
def test_errors_in_all_their_forms(value: Any, code: int | None, text: str) -> None:
    assert error(value) == PoolError(code=code, text=text)


def test_a_reason_may_stand_beside_the_error() -> None:
    reason = {"reject-reason": "Above target 2"}
    assert error(None, **reason) == PoolError(code=None, text="Above target 2")
    assert error("Stale", **reason).text == "Stale"


def test_a_result_that_nobody_knows_is_called_so() -> None:
    found = reply(id=5, result=1, error=None).error
    assert found == PoolError(code=None, text="unrecognised reply")


# Notify ---------------------------------------------------------------------------------------


def test_a_job_is_read_in_header_order() -> None:
    found = notify({4: ["00" * 31 + "01", "AB" * 32]})
    assert found == Notify(
        job_id="j1",
        job_id_is_number=False,
        prev_hash=bytes.fromhex("f8b6164d19e2f65a2aae448f787fe66d61e57a48c0c6771b1e920b4400000000"),
        coinb1=bytes.fromhex(JOB[2]),
        coinb2=bytes.fromhex(JOB[3]),
        merkle_branch=(bytes(31) + b"\x01", b"\xab" * 32),
        version=0x20000000,
        nbits=0x1C2AC4AF,
        network_target=0x2AC4AF << 200,
        ntime=0x504E86B9,
        clean=False,
    )


def test_numbers_may_come_without_leading_zeros() -> None:
    found = notify({5: "2", 7: "4e86b9"})
    assert (found.version, found.ntime) == (2, 0x4E86B9)


def test_a_number_as_job_id_is_remembered_as_one() -> None:
    found = notify({0: 123})
    assert (found.job_id, found.job_id_is_number) == ("123", True)


@pytest.mark.parametrize(
    ("flag", "clean"),
    [
        (True, True),
        (False, False),
        (None, False),
        (1, True),
        (0, False),
        (2, True),
        ("false", True),
        ([], True),
    ],
)
def test_the_flag_in_all_its_forms(flag: Any, clean: bool) -> None:
    assert notify({8: flag}).clean is clean


def test_the_flag_may_be_missing_or_further_back() -> None:
    short = parse("mining.notify", *JOB[:8])
    assert isinstance(short, Notify)
    assert not short.clean
    assert notify({8: "extra"}, True).clean
    assert not notify({8: "extra"}, True, False).clean
    assert notify({8: True}, False).clean
    assert not notify({8: None}, "extra").clean


def test_a_witness_is_stripped_on_arrival() -> None:
    marked = notify({2: MARKED1, 3: JOB[3][:-8] + WITNESS + JOB[3][-8:]})
    plain = notify()
    assert (marked.coinb1, marked.coinb2) == (plain.coinb1, plain.coinb2)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, None, "job id"),
        (1, PREV_HASH[:-2], "prevhash"),
        (1, None, "prevhash"),
        (2, JOB[2] + "0", "coinb1"),
        (2, MARKED1, "witness"),
        (3, "zz", "coinb2"),
        (4, None, "branch"),
        (4, ["ab"], "branch"),
        (4, [5], "branch"),
        (4, {"a": 1}, "branch"),
        (4, ["00" * 32] * 65, "branch"),
        (5, 536870912, "version"),
        (5, "2000_000", "version"),
        (6, "00000000", "zero"),
        (6, "1d80ffff", "negative"),
        (6, "ff123456", "256"),
        (7, "+504e86b", "ntime"),
        (7, "", "ntime"),
    ],
)
def test_jobs_that_are_none(place: int, value: Any, words: str) -> None:
    with pytest.raises(StratumError, match=rf"^mining\.notify: .*{words}"):
        notify({place: value})


def test_jobs_that_are_cut_short() -> None:
    with pytest.raises(StratumError, match="too few"):
        parse("mining.notify", *JOB[:7])
    with pytest.raises(StratumError, match="coinbase is too short"):
        notify({2: "", 3: ""})
    notify({4: ["00" * 32] * 64})


# Other calls ----------------------------------------------------------------------------------


def test_difficulty() -> None:
    found = parse("mining.set_difficulty", 2048, "x", None)
    assert found == messages.SetDifficulty(difficulty=Fraction(2048))
    line = b'{"method":"mining.set_difficulty","params":[0.1]}'
    call = messages.parse_line(line)
    assert isinstance(call, Call)
    assert messages.parse_call(call) == messages.SetDifficulty(difficulty=Fraction(1, 10))


@pytest.mark.parametrize("params", [[], [0], [True], [None], [[512]], ["0x200"]])
def test_difficulties_that_are_none(params: list[Any]) -> None:
    with pytest.raises(StratumError, match=r"^mining\.set_difficulty: "):
        parse("mining.set_difficulty", *params)


def test_extranonce_and_mask() -> None:
    assert parse("mining.set_extranonce", "deadbeef", 8) == messages.SetExtranonce(
        extranonce1=b"\xde\xad\xbe\xef", extranonce2_size=8
    )
    assert parse("mining.set_extranonce", None, None) == messages.SetExtranonce(
        extranonce1=None, extranonce2_size=None
    )
    assert parse("mining.set_version_mask", "0x00c00000") == messages.SetVersionMask(mask=0xC00000)


@pytest.mark.parametrize("params", [[], ["abcd"], ["abc", 4], ["abcd", 0], [5, 4]])
def test_extranonces_that_are_none(params: list[Any]) -> None:
    with pytest.raises(StratumError, match=r"^mining\.set_extranonce: "):
        parse("mining.set_extranonce", *params)


@pytest.mark.parametrize("params", [[], [536862720], ["1ffff_00"]])
def test_masks_that_are_none(params: list[Any]) -> None:
    with pytest.raises(StratumError, match=r"^mining\.set_version_mask: "):
        parse("mining.set_version_mask", *params)


@pytest.mark.parametrize(
    ("params", "host", "port", "wait_s"),
    [
        ([], None, None, 0.0),
        (["eu.pool.example", "3333", "10"], "eu.pool.example", 3333, 10.0),
        (["", 0, 0], None, None, 0.0),
        ([None, None, -5], None, None, 0.0),
        (["eu.pool.example"], "eu.pool.example", None, 0.0),
    ],
)
def test_reconnect(params: list[Any], host: str | None, port: int | None, wait_s: float) -> None:
    found = parse("client.reconnect", *params)
    assert found == messages.Reconnect(host=host, port=port, wait_s=wait_s)


def test_reconnect_without_any_list() -> None:
    found = messages.parse_call(Call(id=None, method="client.reconnect", params=None))
    assert found == messages.Reconnect(host=None, port=None, wait_s=0.0)


def test_messages_are_made_safe() -> None:
    found = parse("client.show_message", "\x1b[2Jhi")
    assert found == messages.ShowMessage(text=" [2Jhi")
    with pytest.raises(StratumError, match=r"^client\.show_message: "):
        parse("client.show_message", 5)


@pytest.mark.parametrize("params", [None, {}, [1], "x"])
def test_parameters_of_a_ping_do_not_matter(params: Any) -> None:
    call = Call(id=1, method="mining.ping", params=params)
    assert messages.parse_call(call) == messages.Ping()


def test_parameters_are_a_list() -> None:
    with pytest.raises(StratumError, match="no list"):
        messages.parse_call(Call(id=1, method="mining.set_difficulty", params={"difficulty": 1}))


def test_methods_from_elsewhere_are_no_error() -> None:
    found = messages.parse_call(Call(id=1, method="mining.set_goal\x1b", params={}))
    assert found == messages.UnknownMethod(method="mining.set_goal ")


# Results --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subscriptions", "session"),
    [
        ([["mining.set_difficulty", "b4"], ["mining.notify", "ae"]], "ae"),
        (["mining.notify", "ae"], "ae"),
        ([["mining.set_difficulty", "b4"]], None),
        ([["mining.notify", 5]], None),
        ([["mining.notify"]], None),
        ([["mining.notify", ""]], None),
        ([["mining.notify", "x" * 254]], "x" * 254),
        ([["mining.notify", "x" * 255]], None),
        ([["mining.notify", "é" * 43]], None),
        ([], None),
        (None, None),
        ("ae", None),
    ],
)
def test_sessions(subscriptions: Any, session: str | None) -> None:
    found = messages.parse_subscribe([subscriptions, "08000002", 4])
    assert found == messages.Subscription(
        session_id=session, extranonce1=b"\x08\x00\x00\x02", extranonce2_size=4
    )


@pytest.mark.parametrize(
    "result",
    [
        None,
        True,
        {"extranonce1": "aa"},
        [],
        [[], "aabb"],
        [[], 4, 4],
        [[], "aab", 4],
        [[], "aa", 0],
    ],
)
def test_subscriptions_that_are_none(result: Any) -> None:
    with pytest.raises(StratumError, match=r"^subscribe: "):
        messages.parse_subscribe(result)


@pytest.mark.parametrize(
    ("result", "mask"),
    [
        ({"version-rolling": True, "version-rolling.mask": "1fffe000"}, 0x1FFFE000),
        ({"version-rolling": True, "version-rolling.mask": "0x1fffe000"}, 0x1FFFE000),
        ({"version-rolling": True}, 0),
        ({"version-rolling": True, "version-rolling.mask": 536862720}, 0),
        ({"version-rolling": True, "version-rolling.mask": "wide"}, 0),
        ({"version-rolling": 1, "version-rolling.mask": "1fffe000"}, 0),
        ({"version-rolling": "true", "version-rolling.mask": "1fffe000"}, 0),
        ({"version-rolling": False, "version-rolling.mask": "1fffe000"}, 0),
        ({}, 0),
        ([True], 0),
        (None, 0),
    ],
)
def test_masks_granted(result: Any, mask: int) -> None:
    assert messages.parse_configure(result) == mask


# What we send ---------------------------------------------------------------------------------


def test_requests_are_one_line_of_ascii() -> None:
    line = messages.encode_request(4, "mining.submit", ["usér", "a\nb", 1, None, True])
    assert line == (
        b'{"id":4,"method":"mining.submit","params":["us\\u00e9r","a\\nb",1,null,true]}\n'
    )


def test_requests_are_not_longer_than_pools_take() -> None:
    whole = messages.encode_request(1, "m", ["x" * 900])
    room = messages.MAX_REQUEST_BYTES - len(whole)
    longest = messages.encode_request(1, "m", ["x" * (900 + room)])
    assert len(longest) == 1024
    with pytest.raises(StratumError, match="1025"):
        messages.encode_request(1, "m", ["x" * (901 + room)])


@pytest.mark.parametrize(
    ("call_id", "text"),
    [
        (42, b"42"),
        ("x7", b'"x7"'),
        (Decimal("5.0"), b"5.0"),
        (Decimal("1E+999999999"), b"1E+999999999"),
        (None, b"null"),
    ],
)
def test_answers_repeat_the_id_as_it_came(call_id: messages.RequestId, text: bytes) -> None:
    line = messages.encode_reply(call_id, "pong")
    assert line == b'{"id":' + text + b',"result":"pong","error":null}\n'
