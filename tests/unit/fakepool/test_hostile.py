"""Nothing that a client sends ends the pool, disturbs others, or grows without bound."""

import asyncio
import json
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luxminer_hil.fakepool import FakePool, PoolSettings
from luxminer_hil.fakepool.core import MAX_SENT_JOBS, MAX_SESSIONS, PoolCore
from luxminer_hil.fakepool.dialogue import METHODS, Dialogue
from tests.unit.fakepool.raw_client import RawMiner

EASY = "0.000001"

GARBAGE = [
    b"hello",
    b"{",
    b"[]",
    b"17",
    b"null",
    b'"text"',
    b"\xff\xfe\x00",
    b'{"id":1}',
    b'{"id":1,"method":null}',
    b'{"id":1,"method":["mining.submit"]}',
    b'{"id":1,"method":{"a":1}}',
    b'{"id":1,"method":"mining.unheard_of","params":[]}',
    b'{"id":null,"method":"mining.subscribe","params":[]}',
    b'{"id":1.5,"method":"mining.subscribe","params":[]}',
    b'{"id":true,"method":"mining.subscribe","params":[]}',
    b'{"id":[1],"method":"mining.subscribe","params":[]}',
    b'{"id":NaN,"method":"mining.subscribe","params":[]}',
    b'{"id":1,"result":true,"error":null}',
    b'{"id":"\\ud800","result":true}',
    b"[" * 1000,
    b'{"a":' * 200,
    b"9" * 1000,
]

ODD_BUT_REQUESTS = [
    b'{"id":1,"method":"mining.subscribe","params":null}',
    b'{"id":1,"method":"mining.subscribe","params":{"a":1}}',
    b'{"id":1,"method":"mining.subscribe","params":[null,{"a":[]}]}',
    b'{"id":1,"method":"mining.authorize","params":[]}',
    b'{"id":1,"method":"mining.authorize","params":[1,2]}',
    b'{"id":1,"method":"mining.configure","params":[1]}',
    b'{"id":1,"method":"mining.configure","params":[["version-rolling"],[]]}',
    b'{"id":1,"method":"mining.configure","params":[[null,[],{},"minimum-difficulty"],{}]}',
    b'{"id":1,"method":"mining.suggest_difficulty","params":[1e999]}',
    b'{"id":1,"method":"mining.submit","params":[[],{},null,true,1.5]}',
    b'{"id":1e0,"method":"mining.submit","params":[]}',
    b'{"id":99999999999999999999999999999999,"method":"mining.ping"}',
    b"",
    b"\r",
]


@pytest.mark.parametrize("line", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_counted_and_answered_and_the_connection_goes_on(line: bytes) -> None:
    async with (
        FakePool(difficulty=EASY, seed=20) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        miner.writer.write(line + b"\n")
        answer = await miner.read()
        assert answer is not None
        assert answer["error"][0] in (20, -3)
        assert pool.ledger().bad_lines == 1
        await miner.login()
        assert await miner.submit(*miner.mine().params()) == (True, None)


@pytest.mark.parametrize("line", ODD_BUT_REQUESTS, ids=range(len(ODD_BUT_REQUESTS)))
async def test_odd_requests_leave_the_connection_usable(line: bytes) -> None:
    async with (
        FakePool(difficulty=EASY, seed=21) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        miner.writer.write(line + b"\n")
        miner.next_id = 50
        await miner.login()
        assert await miner.submit(*miner.mine().params()) == (True, None)


async def test_lines_cut_and_joined_anywhere_are_the_same_lines() -> None:
    seed = 22
    cuts = random.Random(seed)
    async with (
        FakePool(difficulty=EASY, seed=seed) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        requests = [
            {"id": number, "method": "mining.submit", "params": miner.mine(start=start).params()}
            for number, start in ((101, 0), (102, 20_000), (103, 40_000))
        ]
        stream = b"\r\n\n".join(json.dumps(request).encode() for request in requests) + b"\r\n"
        while stream:
            size = cuts.randint(1, 40)
            miner.writer.write(stream[:size])
            stream = stream[size:]
            await miner.writer.drain()
            await asyncio.sleep(0)
        for number in (101, 102, 103):
            assert (await miner.reply(number))["result"] is True, f"seed {seed}"


async def test_too_long_a_line_ends_the_connection_only() -> None:
    async with FakePool() as pool:
        async with await RawMiner.connect(pool.port) as other:
            await other.login()
            async with await RawMiner.connect(pool.port) as miner:
                miner.writer.write(b"x" * 1024)
                await asyncio.sleep(0.05)
                assert pool.connections == 2
                miner.writer.write(b"x")
                assert await miner.read() is None
            async with await RawMiner.connect(pool.port) as miner:
                miner.writer.write(b" " * 1100 + b"\n")
                assert await miner.read() is None
            assert (await other.call("mining.ping"))["result"] == "pong"
        assert pool.ledger().bad_lines == 2


async def test_bad_lines_in_a_row_end_the_connection() -> None:
    async with FakePool() as pool, await RawMiner.connect(pool.port) as miner:
        for _ in range(9):
            miner.writer.write(b"?\n")
        miner.next_id = 500
        await miner.call("mining.ping")
        for _ in range(10):
            miner.writer.write(b"?\n")
        while await miner.read() is not None:
            pass
        await pool.wait_until(lambda: pool.connections == 0, 5)


@pytest.mark.slow
async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with FakePool() as pool, await RawMiner.connect(pool.port) as miner:
        await miner.login()
        miner.writer.transport.pause_reading()  # type: ignore[attr-defined] # a ReadTransport too
        for _ in range(60):
            await pool.send_raw(b"#" * 200_000 + b"\n")
            if not pool.connections:
                break
            await asyncio.sleep(0.01)
        await pool.wait_until(lambda: pool.connections == 0, 5)


@pytest.mark.slow
async def test_a_flood_of_requests_delays_nobody_for_long() -> None:
    async with (
        FakePool(difficulty=EASY) as pool,
        await RawMiner.connect(pool.port) as other,
        await RawMiner.connect(pool.port) as flood,
    ):
        await other.login()
        await flood.login()
        params = json.dumps(["rig.1", flood.job[0], "00000000", flood.job[7], "00000000"])
        flood.writer.write(
            b'{"id":9,"method":"mining.submit","params":%b}\n' % params.encode() * 9000
        )
        loop = asyncio.get_running_loop()
        slowest = 0.0
        while pool.ledger().submitted < 5000:
            began = loop.time()
            await other.call("mining.ping")
            slowest = max(slowest, loop.time() - began)
        assert slowest < 0.5


async def test_connections_above_the_limit_are_refused() -> None:
    async with FakePool(max_connections=2) as pool:
        miners = [await RawMiner.connect(pool.port) for _ in range(3)]
        assert await miners[2].read() is None
        await miners[0].login()
        assert pool.connections == 2
        for miner in miners:
            miner.writer.close()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["0001j", "rig.1", "00000000", "ffffffff", "version-rolling"]),
    lambda inner: (
        st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {"id": st.integers() | JSON, "method": st.sampled_from([*METHODS, "x"]) | JSON},
    optional={"params": JSON | st.lists(JSON, max_size=7)},
)


def new_core(**changes: Any) -> PoolCore:
    return PoolCore(
        PoolSettings(**changes),
        monotonic=lambda: 0.0,
        wall=lambda: 1_700_000_000.0,
        on_share=lambda share: None,
    )


@settings(max_examples=20)
@given(st.lists(REQUESTS.map(json.dumps).map(str.encode) | st.binary(max_size=80), max_size=12))
def test_whatever_is_said_every_reply_is_json_and_the_books_balance(lines: list[bytes]) -> None:
    core = new_core(suggestions=True, job_before_authorize=True)
    dialogue = Dialogue(core, 1)
    for line in lines:
        for answer in dialogue.receive(line):
            assert isinstance(json.loads(answer), dict)
    ledger = core.books.ledger()
    assert ledger.submitted == ledger.accepted + sum(ledger.rejected.values())


def test_a_difficulty_that_varies_goes_by_what_was_accepted_since_the_last_look() -> None:
    now = [100.0]
    core = PoolCore(
        PoolSettings(difficulty=64),
        monotonic=lambda: now[0],
        wall=lambda: 1_700_000_000.0,
        on_share=lambda share: None,
    )
    session = core.subscribe(None)
    list(core.announce(session))

    def look(accepted: int, after_s: float) -> Fraction | None:
        """What a look brings when 20 shares a minute are wanted."""
        now[0] += after_s
        session.accepted += accepted
        lines = list(core.vary(session, 20, Fraction(1), Fraction(1000)))
        assert len(lines) <= 1
        return Fraction(json.loads(lines[0])["params"][0]) if lines else None

    assert look(50, 30) is None, "the first look only begins to count"
    assert look(10, 30) is None
    assert look(13, 30) is None, "near enough"
    assert look(20, 30) == 128
    assert look(400, 30) == 512, "by a factor of four at most"
    assert look(400, 30) == 1000
    assert look(0, 30) == 250
    assert look(3, 30) == 75
    for _ in range(4):
        look(0, 30)
    assert session.difficulty == 1
    core.set_difficulty(8)
    session.own_difficulty = None
    assert [json.loads(line)["params"] for line in core.difficulty_line(session)] == [[8]]


def test_sessions_and_their_jobs_are_bounded() -> None:
    core = new_core()
    first = core.subscribe(None)
    for _ in range(MAX_SENT_JOBS + 10):
        core.next_job()
        list(core.announce(first))
    assert len(first.sent) == MAX_SENT_JOBS
    for _ in range(MAX_SESSIONS + 10):
        core.subscribe(None).connected = False
    assert len(core.sessions) <= MAX_SESSIONS + 2
    assert first.session_id in core.sessions, "connected ones stay"


async def test_who_does_not_log_in_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luxminer_hil.fakepool.peer.LOGIN_TIMEOUT_S", 0.1)
    async with (
        FakePool() as pool,
        await RawMiner.connect(pool.port) as silent,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        assert await silent.read() is None
        await asyncio.sleep(0.15)
        assert (await miner.call("mining.ping"))["result"] == "pong"


async def test_lines_that_wait_for_a_delay_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luxminer_hil.fakepool.peer.MAX_DELAYED_LINES", 20)
    async with FakePool() as pool, await RawMiner.connect(pool.port) as miner:
        await pool.delay(30)
        for _ in range(25):
            miner.post("mining.ping")
        assert await miner.read() is None
