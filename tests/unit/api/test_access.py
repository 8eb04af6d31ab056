"""Who may read and who may write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.api.access import AccessRules, Right
from luxminer.api.commands import COMMANDS
from luxminer.api.replies import Reply
from luxminer.api.requests import Request
from luxminer.errors import ConfigError
from tests.unit.api.snapshots import Rig

LAN, OTHER = "192.168.1.7", "10.9.8.7"


@pytest.mark.parametrize(
    ("allow", "address", "right"),
    [
        ((), LAN, Right.READ),
        ((), "2001:db8::1", Right.READ),
        ((), "127.0.0.1", Right.WRITE),
        ((), "127.8.9.1", Right.WRITE),
        ((), "::1", Right.WRITE),
        ((), "::ffff:127.0.0.1", Right.WRITE),
        (("W:192.168.1.0/24",), LAN, Right.WRITE),
        (("W:192.168.1.0/24",), f"::ffff:{LAN}", Right.WRITE),
        (("W:192.168.1.0/24",), OTHER, Right.READ),
        (("w:192.168.1/24",), LAN, Right.WRITE),
        (("W:10/8",), OTHER, Right.WRITE),
        (("W:10.9.8.7",), OTHER, Right.WRITE),
        (("W:10.9.8.7",), "10.9.8.8", Right.READ),
        (("W:10.9.8.99/24",), OTHER, Right.WRITE),
        (("R:192.168.1.0/24",), LAN, Right.READ),
        (("192.168.1.0/24",), LAN, Right.READ),
        (("R:192.168.1.0/24",), OTHER, Right.NONE),
        (("R:192.168.1.0/24",), "127.0.0.1", Right.WRITE),
        (("R:192.168.1.0/24", "W:10.0.0.0/8"), OTHER, Right.WRITE),
        (("W:192.168.1.0/24", "R:192.168.1.7"), LAN, Right.READ),
        (("R:192.168.1.7", "W:192.168.1.0/24"), LAN, Right.READ),
        (("R:0/0", "W:192.168.1.0/24"), LAN, Right.WRITE),
        (("R:0/0", "W:192.168.1.0/24"), OTHER, Right.READ),
        (("W:0/0",), OTHER, Right.WRITE),
        (("W:0/0",), "2001:db8::1", Right.WRITE),
        (("R:10.9.8.7", "W:10.9.8.7"), OTHER, Right.WRITE),
        (("W:[2001:db8::]/32",), "2001:db8::1", Right.WRITE),
        (("W:[fe80::]/10",), "fe80::1%eth0", Right.WRITE),
        (("R:[2001:db8::1]",), "2001:db8::2", Right.NONE),
    ],
)
def test_rights(allow: tuple[str, ...], address: str, right: Right) -> None:
    rules = AccessRules(allow)
    assert rules.right(address) is right
    assert rules.caller(address).may_write == (right is Right.WRITE)


@pytest.mark.parametrize(
    "entry",
    [
        *("", "W:", "*", "W:*", "miner.local", "X:10.0.0.1", "10.0.0.256", "10.0.0.1/33"),
        *(
            "fe80::1",
            "[10.0.0.1]",
            "[fe80::1",
            "[fe80::1]/129",
            "1.2.3.4.5",
            "10..1",
            "W:W:1.2.3.4",
        ),
        *("10.0.0.1/", "10.0.0.0/-1", "10.0.0.1,10.0.0.2", "\u0661.2.3.4"),
    ],
)
def test_a_wrong_entry_is_named_with_a_cure(entry: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AccessRules(["10.0.0.1", entry])
    assert caught.value.key == "api.allow[1]"
    assert entry in str(caught.value)
    assert "W:192.168.1.0/24" in caught.value.cure


OPERATORS = ("P:switchpool:EnablePool", "a:*:privileged")


@pytest.mark.parametrize(
    ("allow", "address", "may"),
    [
        (("P:10/8",), OTHER, {"switchpool", "enablepool"}),
        (("p:10/8",), OTHER, {"switchpool", "enablepool"}),
        (("A:10/8",), OTHER, {"summary", "privileged", "check"}),
        (("P:10/8", "W:10.9/16"), OTHER, {"summary", "switchpool", "enablepool", "addpool"}),
        (("W:10/8", "P:10.9/16"), OTHER, {"switchpool", "enablepool"}),
        (("P:0/0",), "127.0.0.1", {"summary", "addpool"}),
    ],
)
async def test_groups_of_the_owner(allow: tuple[str, ...], address: str, may: set[str]) -> None:
    caller = AccessRules(allow, OPERATORS).caller(address)
    for name in ("summary", "check", "switchpool", "enablepool", "addpool", "privileged"):
        expected = name in may or ("addpool" in may)
        assert caller.may(name, COMMANDS[name].write) == expected, name
        answer = await Rig().dispatcher.handle(Request(name), caller)
        assert isinstance(answer, Reply)
        assert (answer.status.code == 45) != expected


def test_who_is_in_a_group_closes_the_door_for_others() -> None:
    rules = AccessRules(("P:10/8",), OPERATORS)
    assert rules.right(OTHER) is Right.GROUP
    assert rules.right(LAN) is Right.NONE


async def test_check_tells_the_right_of_a_group() -> None:
    caller = AccessRules(("A:10/8",), ("A:check:switchpool",)).caller(OTHER)
    found = {}
    for name in ("switchpool", "summary"):
        answer = await Rig().dispatcher.handle(Request("check", name), caller)
        assert isinstance(answer, Reply)
        found[name] = answer.sections[0].rows[0]["Access"]
    assert found == {"switchpool": "Y", "summary": "N"}


@pytest.mark.parametrize(
    "group", ["", "P", "P:", "PQ:summary", "R:summary", "W:*", "P:nosuch", "P:summary:", "P:a b"]
)
def test_a_wrong_group_is_named_with_a_cure(group: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AccessRules((), ("X:summary", group))
    assert caught.value.key == "api.groups[1]"
    assert caught.value.cure


def test_a_letter_has_one_meaning() -> None:
    with pytest.raises(ConfigError, match="second meaning"):
        AccessRules((), ("X:summary", "x:devs"))


@given(st.lists(st.text(max_size=20), max_size=4), st.text(max_size=20))
def test_no_entry_does_worse_than_a_config_error(allow: list[str], address: str) -> None:
    try:
        rules = AccessRules(allow)
    except ConfigError:
        return
    assert rules.right(address) in Right
    assert rules.right("127.0.0.1") is Right.WRITE


def test_what_no_caller_can_meet_is_told() -> None:
    rules = AccessRules(
        ("W:127.0.0.1", "R:10.0.0.0/8", "W:10.0.0.0/8", "W:[::ffff:1.2.3.4]", "R:[fe80::]/10"),
        ("P:version",),
    )
    told = rules.without_effect()
    assert [words.partition(":")[0] for words in told[:3]] == [
        "no entry of api.allow has the letter P",
        "127.0.0.1/32",
        "10.0.0.0/8",
    ]
    assert told[3].startswith("::ffff:")
    assert len(told) == 4
    assert AccessRules(("W:10.0.0.0/8", "P:0/0"), ("P:version",)).without_effect() == []


def test_ipv4_inside_ipv6_is_named_as_ipv4() -> None:
    assert AccessRules().caller("::ffff:10.9.8.7").address == "10.9.8.7"
