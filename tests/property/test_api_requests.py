"""Whatever bytes come in, in whatever pieces: one well-formed reply or a clean close."""

import asyncio
import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.api.commands import COMMANDS
from luxminer.api.framing import RequestFramer, RequestKind
from luxminer.api.render import to_json, to_text
from luxminer.api.replies import Joined
from luxminer.api.requests import Request
from luxminer.api.server import answer_request
from tests.unit.api.snapshots import OWNER, VISITOR, Rig, bare_miner, miner, pool
from tests.unit.api.wire import complaints, exchange, serving

NAMES = st.sampled_from([*COMMANDS, "id", "STATUS", "nosuch", ""])
PARAMETERS = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=4),
)
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=10,
)
REQUESTS = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(str.encode),
    st.builds(
        lambda name, text: f"{name}|{text}".encode("utf-8", "replace"), NAMES, st.text(max_size=40)
    ),
    st.builds(
        lambda name, value, indent: json.dumps(
            {"command": name, "parameter": value}, indent=indent
        ).encode(),
        st.lists(NAMES, min_size=1, max_size=4).map("+".join),
        PARAMETERS,
        st.sampled_from([None, 2]),
    ),
    JSON_VALUES.map(lambda value: json.dumps({"command": value}).encode()),
    st.binary(max_size=60).map(b"{".__add__),
)
TEXT_REPLY = re.compile(
    rb"((?:CMD=(?:[^|\\]|\\.)*\|)?STATUS=[SIWEF],When=\d+,Code=-?\d+,Msg=(?:[^|,=\\]|\\.)*,"
    rb"Description=LUXminer 0\.1\.0\|(?:[A-Z](?:[^|\\]|\\.)*\|)*)+\0"
)


def assert_sound(reply: bytes) -> None:
    assert reply.isascii()
    if reply.startswith(b"{"):
        assert reply[-1:] in (b"\0", b"\n")
        assert reply.count(b"\0") + reply.count(b"\n") == 1
        assert json.loads(reply[:-1])["id"] == 1
    else:
        assert TEXT_REPLY.fullmatch(reply), reply


def pieces_of(raw: bytes, cuts: list[int]) -> list[bytes]:
    marks = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    return [raw[start:stop] for start, stop in itertools.pairwise(marks)]


@given(raw=REQUESTS, cuts=st.lists(st.integers(0, 10_000), max_size=6))
def test_cuts_change_nothing_but_where_rubbish_begins(raw: bytes, cuts: list[int]) -> None:
    whole, cut = RequestFramer(), RequestFramer()
    whole.feed(raw)
    for piece in pieces_of(raw, cuts):
        cut.feed(piece)
    assert (whole.complete, whole.sound, whole.kind) == (cut.complete, cut.sound, cut.kind)
    if whole.complete:
        assert whole.request == cut.request
    for framer in (whole, cut):
        framer.end()
        assert framer.complete
    assert whole.request == cut.request


@given(value=JSON_VALUES, indent=st.sampled_from([None, 1]), rest=st.binary(max_size=20))
def test_json_objects_end_where_they_close(value: object, indent: int | None, rest: bytes) -> None:
    raw = json.dumps({"command": value}, indent=indent, ensure_ascii=False)
    encoded = raw.encode("utf-8", "surrogatepass")
    framer = RequestFramer()
    framer.feed(encoded + rest)
    assert framer.kind is RequestKind.JSON
    assert framer.complete
    assert not framer.sound or framer.request == encoded


@given(raw=REQUESTS, writer=st.booleans(), bare=st.booleans())
def test_every_request_gets_one_reply_in_its_own_form(raw: bytes, writer: bool, bare: bool) -> None:
    rig = Rig(bare_miner() if bare else miner())
    framer = RequestFramer()
    framer.feed(raw)
    framer.end()
    caller = OWNER if writer else VISITOR
    answer = asyncio.run(answer_request(rig.dispatcher, framer, caller))
    assert rig.dispatcher.failures == 0
    if framer.kind is RequestKind.JSON:
        assert_sound(to_json(answer) + b"\0")
    else:
        assert_sound(to_text(answer) + b"\0")


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)


@given(names=st.lists(st.one_of(NAMES, ANY_TEXT), min_size=2, max_size=8))
def test_joined_commands_answer_each_name_once(names: list[str]) -> None:
    rig = Rig()
    answer = asyncio.run(rig.dispatcher.handle(Request("+".join(names)), OWNER))
    wanted = dict.fromkeys(part.strip() for name in names for part in name.split("+"))
    wanted = {name: None for name in wanted if name not in ("", "id")}
    if wanted:
        assert isinstance(answer, Joined)
        assert [name for name, _ in answer.parts] == list(wanted)
    assert_sound(to_text(answer) + b"\0")
    tree = json.loads(to_json(answer))
    assert set(tree) == ({*wanted, "id"} if wanted else {"STATUS", "id"})


@given(user=st.text(), url=st.text(), message=st.text())
def test_strings_of_pools_arrive_unharmed(user: str, url: str, message: str) -> None:
    rig = Rig(miner(pools=(pool(0, user=user, url=url, message=message),)))
    answer = asyncio.run(rig.dispatcher.handle(Request("pools"), OWNER))
    raw = to_json(answer)
    assert not any(piece in raw for piece in (b",}", b"[,{", b"}{", b'"inf"', b'"nan"'))
    row = json.loads(raw)["POOLS"][0]
    assert (row["User"], row["URL"], row["Message"]) == (user, url, message)
    assert_sound(to_text(answer) + b"\0")


async def test_arbitrary_bytes_on_the_socket(caplog: pytest.LogCaptureFixture) -> None:
    """The same on a real socket, with half-closing; examples from a seed that hypothesis prints."""
    examples: list[tuple[bytes, list[int]]] = []

    @given(raw=REQUESTS, cuts=st.lists(st.integers(0, 10_000), max_size=4))
    def collect(raw: bytes, cuts: list[int]) -> None:
        examples.append((raw, cuts))

    collect()
    rig = Rig()
    async with serving(rig, request_timeout_s=0.5) as server:

        async def try_one(raw: bytes, cuts: list[int]) -> None:
            reply = await exchange(server.port, *pieces_of(raw, cuts), half_close=True)
            if reply:
                assert_sound(reply)
            else:
                assert raw == b""

        for start in range(0, len(examples), 10):
            await asyncio.gather(*(try_one(*one) for one in examples[start : start + 10]))
        assert rig.dispatcher.failures == 0
    assert complaints(caplog) == []
