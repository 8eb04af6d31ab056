"""Parameters as their rows describe them: values, defaults, and which code a wrong one gets."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luxminer.api.codes import CODES, Code
from luxminer.api.commands import COMMANDS
from luxminer.api.grammar import parse
from luxminer.api.params import Grammar, Kind, Param, Refusal
from tests.unit.api.snapshots import bare_miner, miner


def param(name: str, kind: Kind = Kind.TEXT, **changes: Any) -> Param:
    return Param(name=name, kind=kind, words="as it says", **changes)


def read(grammar: Grammar, text: str) -> dict[str, Any]:
    """Return what was read, pools and sticks as their numbers."""
    args = parse(grammar, text, miner())
    return {
        one.name: getattr(value := args._values[one.name], "id", value) for one in grammar.params
    }


LIMITS = Grammar(
    params=(
        param("target", Kind.NUMBER, key=True, bare=True, required=False, low=0, high=100),
        param("hot", Kind.NUMBER, key=True, bare=True, required=False),
        param("mode", key=True, required=False, choices=("safe", "unsafe")),
        param("enabled", Kind.FLAG, key=True, required=False),
    )
)
SLEEP = Grammar(
    params=(
        param("action", choices=("sleep", "wakeup")),
        param("mode", key=True, required=False, default="safe"),
    )
)
PROFILE = Grammar(
    params=(
        param("board_id", choices=("0", "1", "2", "3"), required=False, if_fits=True),
        param("profile"),
        param("step", Kind.NUMBER, required=False),
    )
)
CHIP = Grammar(
    params=(
        param("board_id", Kind.STICK, required=False),
        param("chip", Kind.WHOLE, required=False),
    )
)
PRIORITY = Grammar(params=(param("pool_id", Kind.POOL, many=True),))
QUOTA = Grammar(params=(param("pool_id", Kind.POOL), param("quota", Kind.WHOLE, low=0, missing=86)))


@pytest.mark.parametrize(
    ("grammar", "text", "expected"),
    [
        (LIMITS, "", {"target": None, "hot": None, "mode": None, "enabled": None}),
        (LIMITS, "55,65.5", {"target": 55.0, "hot": 65.5, "mode": None, "enabled": None}),
        (
            LIMITS,
            "55,mode=UNSAFE",
            {"target": 55.0, "hot": None, "mode": "unsafe", "enabled": None},
        ),
        (
            LIMITS,
            " enabled = false , hot=-1",
            {"target": None, "hot": -1.0, "mode": None, "enabled": False},
        ),
        (SLEEP, "sleep", {"action": "sleep", "mode": "safe"}),
        (SLEEP, "wakeup,mode=a=b", {"action": "wakeup", "mode": "a=b"}),
        (PROFILE, "+1", {"board_id": None, "profile": "+1", "step": None}),
        (PROFILE, "0,+1", {"board_id": "0", "profile": "+1", "step": None}),
        (PROFILE, "4,0.5", {"board_id": None, "profile": "4", "step": 0.5}),
        (PROFILE, "3,default,25", {"board_id": "3", "profile": "default", "step": 25.0}),
        (CHIP, "", {"board_id": None, "chip": None}),
        (CHIP, "1,5,9", {"board_id": 1, "chip": 5}),
        (PRIORITY, "2,0, 1", {"pool_id": (2, 0, 1)}),
        (QUOTA, "1,7x", None),
        (QUOTA, "1,7 x", {"pool_id": 1, "quota": 7}),
    ],
)
def test_values(grammar: Grammar, text: str, expected: dict[str, Any] | None) -> None:
    if expected is None:
        with pytest.raises(Refusal):
            read(grammar, text)
        return
    found = read(grammar, text)
    if grammar is PRIORITY:
        found = {"pool_id": tuple(pool.id for pool in found["pool_id"])}
    assert found == expected


@pytest.mark.parametrize(
    ("grammar", "text", "expected"),
    [
        (LIMITS, "101", "Invalid target '101' - 0 to 100"),
        (LIMITS, "target=", None),
        (LIMITS, "1,2,3", "Invalid key/value format"),
        (LIMITS, "panic=3", "Unknown key 'panic' - there are target, hot, mode, enabled"),
        (LIMITS, "mode=fast", "Invalid mode 'fast' - one of safe, unsafe"),
        (LIMITS, "enabled=1", "Invalid enabled '1' - true or false"),
        (LIMITS, "target=nan", "Invalid target 'nan' - 0 to 100"),
        (SLEEP, "", "Missing parameter 'action'"),
        (SLEEP, "mode=safe", "Invalid action 'mode=safe' - one of sleep, wakeup"),
        (PROFILE, "1", "Missing parameter 'profile'"),
        (PROFILE, "x,fast", "Invalid step 'fast' - number"),
        (CHIP, "9", "Invalid ASC id 9 - range is 0 - 1"),
        (PRIORITY, "", "Missing pool id parameter"),
        (PRIORITY, "0,9", "Invalid pool id 9 - range is 0 - 2"),
        (QUOTA, "9", "Missing config value N for '9,N'"),
        (QUOTA, "9,1", "Invalid pool id 9 - range is 0 - 2"),
        (QUOTA, "1,-1", "Invalid quota '-1' - 0 or more"),
    ],
)
def test_wrong_values(grammar: Grammar, text: str, expected: str | None) -> None:
    if expected is None:
        assert read(grammar, text)["target"] is None
        return
    with pytest.raises(Refusal) as caught:
        read(grammar, text)
    assert CODES[caught.value.code].text.format_map(caught.value.facts) == expected


def test_what_is_named_by_number_must_be_there() -> None:
    for grammar, code in ((QUOTA, Code.NO_POOLS), (Grammar(params=(param("b", Kind.STICK),)), 105)):
        with pytest.raises(Refusal) as caught:
            parse(grammar, "", bare_miner())
        assert caught.value.code == code


GRAMMARS = (LIMITS, SLEEP, PROFILE, CHIP, PRIORITY, QUOTA, *(r.grammar for r in COMMANDS.values()))


@settings(max_examples=60)
@given(text=st.text(max_size=40), grammar=st.sampled_from(GRAMMARS))
def test_whatever_is_written_is_read_or_refused_with_a_text(text: str, grammar: Grammar) -> None:
    try:
        args = parse(grammar, text, miner())
    except Refusal as exc:
        CODES[exc.code].text.format_map(exc.facts)
    else:
        for one in grammar.params:
            args.given(one.name)
