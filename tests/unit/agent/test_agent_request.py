"""What an agent lets a bench ask for, and what places on USB are called."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.errors import ConfigError
from luxminer_hil.acceptance.bench import Effort
from luxminer_hil.acceptance.table import CHECKS
from luxminer_hil.agent.place import hub_of
from luxminer_hil.agent.request import parse_request

TOKEN = "f00d"


def line(**values: object) -> bytes:
    return json.dumps({"token": TOKEN, **values}).encode() + b"\n"


def test_without_wishes_all_checks_are_made_with_the_usual_effort() -> None:
    request = parse_request(line(), TOKEN)
    assert request.checks == CHECKS
    assert request.effort == Effort()


def test_checks_bring_those_that_they_build_on() -> None:
    names = [check.name for check in parse_request(line(checks=["errors"]), TOKEN).checks]
    assert names == ["identify", "clock", "sweep", "errors"]


def test_an_effort_is_taken_over() -> None:
    effort = parse_request(line(effort={"soak_s": 30, "points": 2}), TOKEN).effort
    assert effort == Effort(soak_s=30.0, points=2)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "request"),
        (b"[1]\n", "no object"),
        (b"[" * 60000, "nested"),
        (b'{"token": ["f00d"]}', "token"),
        (b'{"checks": []}', "token"),
        (line(token="f00"), "token"),
        (line(token="\ud800"), "token"),
        (line(port="/dev/sda"), "port"),
        (line(checks="identify"), "no list"),
        (line(checks=[["identify"]]), "unknown"),
        (line(checks=["identity"]), "known: identify"),
        (line(effort=[]), "no object"),
        (line(effort={"soak": 5}), "soak_s"),
        (line(effort={"soak_s": 1e9}), "use 10 to"),
        (line(effort={"soak_s": float("nan")}), "soak_s"),
        (line(effort={"points": 2.5}), "whole number"),
        (line(effort={"points": True}), "whole number"),
        (line(effort={"max_mhz": "fast"}), "no number"),
        (line(seed=-1), "seed"),
        (line(seed=True), "seed"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value[:40]),
)
def test_what_is_wrong_is_said(raw: bytes, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_request(raw, TOKEN)
    assert says in str(caught.value)


WISHES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(
    st.binary(max_size=60)
    | st.fixed_dictionaries(
        {"token": st.just(TOKEN)}, optional={"checks": WISHES, "effort": WISHES, "seed": WISHES}
    ).map(lambda wishes: json.dumps(wishes).encode())
)
def test_nothing_but_a_named_error_comes_of_garbage(raw: bytes) -> None:
    with suppress(ConfigError):
        assert parse_request(raw, TOKEN).checks


@pytest.mark.parametrize(
    ("place", "hub"), [("1-1.3", ("1-1", 3)), ("1-1.3.12", ("1-1.3", 12)), ("2-4", ("2", 4))]
)
def test_a_place_is_a_port_of_a_hub(place: str, hub: tuple[str, int]) -> None:
    assert hub_of(place) == hub
