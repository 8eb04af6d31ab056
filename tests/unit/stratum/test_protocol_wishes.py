"""What a pool is asked for beside work, and what follows from each answer."""

import json
from collections.abc import Collection
from fractions import Fraction
from typing import Any

import pytest

from luxminer.stratum import protocol as stratum
from luxminer.stratum.asking import Wishes
from luxminer.stratum.protocol import Event, StratumProtocol
from luxminer_hil.vectors.stratum_talk import JOB, notification

Line = dict[str, Any]

ALL = Wishes(
    extranonce_subscribe=True,
    suggest_difficulty=Fraction(4096),
    minimum_difficulty=Fraction(1, 2),
)


class Pool:
    """Plays the pool of one connection by hand."""

    def __init__(
        self, wishes: Wishes, *, mask: int = 0x1FFFE000, leave_out: Collection[str] = ()
    ) -> None:
        self.protocol = StratumProtocol(
            pool_id=0,
            connection=1,
            host="pool.example",
            user="me",
            password="x",
            agent="rig",
            version_mask=mask,
            wishes=wishes,
            leave_out=leave_out,
        )
        self.protocol.start(0.0)
        self.asked = self.sent()

    def sent(self) -> list[Line]:
        return [json.loads(line) for line in self.protocol.data_to_send().splitlines()]

    def answer(self, number: int, result: object, error: object = None) -> list[Event]:
        line = json.dumps({"id": number, "result": result, "error": error})
        return self.protocol.receive_data(line.encode() + b"\n", 1.0)

    def log_in(self, extensions: object = None) -> list[Line]:
        """Answer the login; returns what is asked after it."""
        for request in self.asked:
            result: object = True
            if request["method"] == "mining.subscribe":
                result = [[["mining.notify", "s"]], "08000002", 4]
            elif request["method"] == "mining.configure":
                result = extensions
            self.answer(request["id"], result)
        return self.sent()


def methods(lines: list[Line]) -> list[str]:
    return [line["method"] for line in lines]


def test_nothing_is_asked_that_nobody_wants() -> None:
    pool = Pool(Wishes())
    assert pool.asked[0]["params"] == [
        ["version-rolling"],
        {"version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 2},
    ]
    assert pool.log_in({"version-rolling": True, "version-rolling.mask": "1fffe000"}) == []


def test_extensions_follow_version_rolling() -> None:
    pool = Pool(ALL)
    assert pool.asked[0]["params"] == [
        ["version-rolling", "minimum-difficulty", "subscribe-extranonce"],
        {
            "version-rolling.mask": "1fffe000",
            "version-rolling.min-bit-count": 2,
            "minimum-difficulty.value": 0.5,
        },
    ]


def test_a_minimum_difficulty_is_asked_for_also_by_who_rolls_nothing() -> None:
    """Version rolling stands first all the same: DATUM's answer without it is broken JSON."""
    pool = Pool(Wishes(minimum_difficulty=Fraction(512)), mask=0)
    names, options = pool.asked[0]["params"]
    assert names == ["version-rolling", "minimum-difficulty"]
    assert options["version-rolling.mask"] == "00000000"
    assert options["minimum-difficulty.value"] == 512
    pool.log_in({"version-rolling": True, "version-rolling.mask": "1fffe000"})
    assert pool.protocol.version_rolling, "negotiated: submits must carry bits"
    assert pool.protocol.version_mask == 0
    assert not Pool(Wishes(extranonce_subscribe=True), mask=0).asked[0]["method"].endswith("figure")


@pytest.mark.parametrize(
    ("result", "minimum", "extranonce"),
    [
        ({"minimum-difficulty": True, "subscribe-extranonce": True}, True, True),
        ({"minimum-difficulty": "no", "subscribe-extranonce": 1}, False, False),
        ({}, False, False),
        (None, False, False),
        ([True], False, False),
    ],
)
def test_only_true_grants_an_extension(result: object, minimum: bool, extranonce: bool) -> None:
    pool = Pool(ALL)
    events = pool.answer(pool.asked[0]["id"], result)
    assert events[1:] == [
        stratum.ExtensionAnswered(name="minimum-difficulty", granted=minimum),
        stratum.ExtensionAnswered(name="subscribe-extranonce", granted=extranonce),
    ]


def test_what_may_be_refused_is_asked_after_the_login_and_once() -> None:
    pool = Pool(ALL)
    assert methods(pool.asked) == ["mining.configure", "mining.subscribe", "mining.authorize"]
    asked = pool.log_in()
    assert methods(asked) == ["mining.extranonce.subscribe", "mining.suggest_difficulty"]
    assert [line["params"] for line in asked] == [[], [4096]]
    assert all(type(line["id"]) is int for line in asked)
    assert type(asked[1]["params"][0]) is int


def test_a_granted_extension_is_not_asked_for_again() -> None:
    assert methods(Pool(ALL).log_in({"subscribe-extranonce": True})) == [
        "mining.suggest_difficulty"
    ]


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (False, [20, "Not supported.", None]),
        (None, [-3, "Method not found", ""]),
        (None, "-3:method not found"),
        (None, {"code": 20, "message": "no"}),
        (False, None),
    ],
)
def test_a_refused_suggestion_is_made_in_its_other_form(result: object, error: object) -> None:
    pool = Pool(ALL)
    number = pool.log_in()[1]["id"]
    (event,) = pool.answer(number, result, error)
    assert isinstance(event, stratum.ExtensionAnswered)
    assert (event.name, event.granted) == ("mining.suggest_difficulty", False)
    (again,) = pool.sent()
    assert again["method"] == "mining.suggest_target"
    assert again["params"] == ["00000000" + "000ffff0" + "0" * 48]
    (event,) = pool.answer(again["id"], result, error)
    assert isinstance(event, stratum.ExtensionAnswered)
    assert (event.name, event.granted) == ("mining.suggest_target", False)
    assert pool.sent() == []
    assert pool.protocol.authorized


@pytest.mark.parametrize("result", [True, None, {}])
def test_a_suggestion_that_is_not_refused_is_not_repeated(result: object) -> None:
    pool = Pool(ALL)
    (event,) = pool.answer(pool.log_in()[1]["id"], result)
    assert event == stratum.ExtensionAnswered(name="mining.suggest_difficulty", granted=True)
    assert pool.sent() == []


def test_silence_is_borne_and_a_late_answer_still_counts() -> None:
    pool = Pool(ALL)
    asked = pool.log_in()
    assert pool.protocol.unanswered_wishes(1.0) == methods(asked)
    assert pool.protocol.unanswered_wishes(1.1) == []
    events = pool.protocol.check_timeouts(31.0, 30.0, 120.0)
    assert events == [stratum.ExtensionAnswered(name=name, granted=None) for name in methods(asked)]
    assert pool.protocol.check_timeouts(1e6, 30.0, 120.0) == []
    assert pool.protocol.unanswered_wishes(0.0) == []
    (event,) = pool.answer(asked[0]["id"], True)
    assert event == stratum.ExtensionAnswered(name="mining.extranonce.subscribe", granted=True)


def test_what_the_pool_does_not_bear_is_left_out() -> None:
    out = {"mining.extranonce.subscribe", "mining.suggest_difficulty"}
    assert Pool(ALL, leave_out=out).log_in() == []
    pool = Pool(ALL, leave_out={"mining.suggest_target"})
    pool.answer(pool.log_in()[1]["id"], False)
    assert pool.sent() == []


def test_a_new_extranonce_counts_from_the_next_job() -> None:
    pool = Pool(ALL)
    pool.log_in()
    pool.protocol.receive_data(notification("mining.notify", JOB), 2.0)
    before = pool.protocol.valid_jobs["j1"]
    pool.protocol.receive_data(notification("mining.set_extranonce", ["aabbccdd", 6]), 3.0)
    assert before.extranonce1 == pool.protocol.extranonce1
    (event,) = pool.protocol.receive_data(notification("mining.notify", JOB), 4.0)
    assert isinstance(event, stratum.JobReceived)
    assert event.job is not before, "the same id, and other work"
    assert (event.job.extranonce1.hex(), event.job.extranonce2_size) == ("aabbccdd", 6)
