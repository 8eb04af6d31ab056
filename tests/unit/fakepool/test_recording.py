"""Recorded sessions: what stands in the file, and jobs that are sent again and judged again."""

import asyncio
import json
import time
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luxminer_hil.fakepool import FakePool, Reason, ScriptError, SessionRecorder, scripted_pool
from luxminer_hil.fakepool.actions import read_step_words
from luxminer_hil.fakepool.jobs import Job
from luxminer_hil.fakepool.recording import Heard, read_recording, without_password
from luxminer_hil.fakepool.replaying import Replay, read_told
from luxminer_hil.scripting.language import Script
from tests.unit.fakepool.raw_client import RawMiner
from tests.unit.fakepool.wire import Wire

EASY = "0.0000001"
SEED = 70


def replaying(path: Path, speed: float = 1.0) -> Script:
    return Script(steps=(read_step_words(f"at=0 do=replay speed={speed} file={path}"),))


async def recorded(path: Path) -> list[list[Any]]:
    """Record three jobs, 0.3 s apart, with another difficulty and extranonce; return the jobs."""
    with SessionRecorder(path, place="here") as recorder:
        async with (
            FakePool(difficulty=EASY, seed=SEED, recorder=recorder) as pool,
            await RawMiner.connect(pool.port) as miner,
        ):
            await miner.login(mask="1fffe000")
            jobs = [list(miner.job)]
            for clean in (False, True):
                await asyncio.sleep(0.3)
                await pool.set_difficulty("0.0000002")
                await pool.set_extranonce(6)
                await pool.show_message("new job")
                await pool.new_job(clean=clean)
                jobs.append(list(await miner.until("mining.notify")))
    return jobs


async def test_a_recording_holds_what_passed_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with SessionRecorder(path, place="here") as recorder:
        async with FakePool(recorder=recorder) as pool:
            async with await Wire.to(pool.port) as wire:
                wire.say(b'{"id":1,"method":"mining.subscribe","params":["raw/1"]}\r\n')
                wire.say(
                    b'{"id": 2, "method": "mining.authorize", "params": ["rig.1", "secret"]}\n'
                )
                said = [await wire.line() for _ in range(4)]
                wire.say(b"\xff\xfe\n")
                said.append(await wire.line())
            await pool.wait_until(lambda: not pool.connections, 5)
    rows = [json.loads(row) for row in path.read_text().splitlines()]
    assert rows[0] | {"started": ""} == {
        "format": "luxminer-stratum",
        "version": 1,
        "started": "",
        "from": "here",
    }
    assert (rows[1]["is"], rows[-1]["is"]) == ("open", "closed")
    assert {row["c"] for row in rows[1:]} == {1}
    times = [row["t"] for row in rows[1:]]
    assert times == sorted(times)
    to_pool = [row for row in rows if row.get("to") == "pool"]
    assert to_pool[0]["line"] == '{"id":1,"method":"mining.subscribe","params":["raw/1"]}\r'
    assert json.loads(to_pool[1]["line"])["params"] == ["rig.1", "x"]
    assert to_pool[2]["hex"] == "fffe"
    assert [row["line"].encode() + b"\n" for row in rows if row.get("to") == "miner"] == said


async def test_pieces_of_lines_are_recorded_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    script = Script(steps=(read_step_words("when=connect do=trickle bytes=3 seconds=0"),))
    with SessionRecorder(path) as recorder:
        async with (
            scripted_pool(script, recorder=recorder) as pool,
            await Wire.to(pool.port) as wire,
        ):
            wire.ask(7, "mining.ping")
            said = await wire.line()
    assert [each.line + b"\n" for each in read_recording(path) if not each.to_pool] == [said]


def test_a_recording_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luxminer_hil.fakepool.recording.MAX_FILE_BYTES", 2000)
    monkeypatch.setattr("luxminer_hil.fakepool.recording.MAX_LINE_BYTES", 100)
    monkeypatch.setattr("luxminer_hil.fakepool.recording.MAX_CONNECTIONS", 4)
    path = tmp_path / "session.jsonl"
    with SessionRecorder(path) as recorder:
        for number in range(10):
            recorder.heard(number, True, b"x" * 500)
            recorder.heard(number, True, b"y" * 500)
        assert len(recorder._begun) <= 4
        for _ in range(100):
            recorder.heard(1, False, b"line\n")
    assert path.stat().st_size < 2300
    monkeypatch.setattr("luxminer_hil.fakepool.recording.MAX_FILE_BYTES", 4000)
    lines = list(read_recording(path))
    assert {len(each.line) for each in lines if each.to_pool} == {100}


@pytest.mark.parametrize(
    "line",
    [
        b'{"id":2,"method":"mining.authorize","params":["rig.1","secret"]}',
        b'{"id":2,"method":"mining.authorize","params":["rig.1", "secret", "secret"]',
        b'{"params" : ["rig.1", "secret"], "method":"mining.authorize"} trailing',
    ],
)
def test_no_password_is_written_down(line: bytes) -> None:
    written = without_password(line)
    assert b"rig.1" in written
    assert written.count(b"secret") <= line.count(b"secret") - 1
    assert b'"rig.1", "x"' in written or b'"rig.1","x"' in written


@pytest.mark.slow
@pytest.mark.parametrize("speed", [1.0, 3.0])
async def test_jobs_come_again_at_their_times_and_are_judged(tmp_path: Path, speed: float) -> None:
    path = tmp_path / "session.jsonl"
    jobs = await recorded(path)
    async with scripted_pool(replaying(path, speed), seed=SEED + 1) as pool:
        await asyncio.sleep(0.4)  # the clock of the recording begins with the login
        async with await RawMiner.connect(pool.port) as miner:
            began = time.monotonic()
            await miner.login(mask="1fffe000")
            assert miner.job == jobs[0]
            assert (miner.extranonce1, miner.size) == ("08000001", 4)
            assert miner.difficulty == Fraction(EASY)
            found = miner.mine(bits=0x2000)
            assert await miner.submit(*found.params(), "00002000") == (True, None)
            assert await miner.submit(*found.params(), "00002000") == (None, 22)
            assert await miner.until("mining.notify") == jobs[1]
            took_s = time.monotonic() - began
            assert 0.3 / speed - 0.02 < took_s < 0.3 / speed + 1
            methods = [line["method"] for line in miner.lines[-4:]]
            assert set(methods[:3]) == {
                "mining.set_difficulty",
                "mining.set_extranonce",
                "client.show_message",
            }
            assert (miner.difficulty, miner.size) == (Fraction(EASY) * 2, 6)
            assert await miner.submit(*miner.mine().params(), "00000000") == (True, None)
            assert await miner.until("mining.notify") == jobs[2]
            old = [found.params()[0], jobs[0][0], "01000000", jobs[0][7], "00000000", "00000000"]
            assert await miner.submit(*old) == (None, 21)
        assert [share.reason for share in pool.shares] == [None, "duplicate", None, "stale"]


def notify(job_id: str = "a", **changes: Any) -> str:
    names = ("prevhash", "coinb1", "coinb2", "branch", "version", "nbits", "ntime", "clean")
    values: tuple[object, ...] = (
        "00" * 32,
        "01" * 41,
        "02" * 20,
        [],
        "20000000",
        "17029a8a",
        "5f000000",
        False,
    )
    given = dict(zip(names, values, strict=True)) | changes
    return json.dumps({"id": None, "method": "mining.notify", "params": [job_id, *given.values()]})


def session(*lines: str, connection: int = 1, gap_s: float = 0.05) -> list[str]:
    rows = [
        {"t": round(number * gap_s, 3), "c": connection, "to": "miner", "line": line}
        for number, line in enumerate(lines)
    ]
    return [json.dumps(row) for row in rows]


def written(path: Path, rows: Iterable[str]) -> Path:
    head = '{"format": "luxminer-stratum", "version": 1}'
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


async def test_what_cannot_be_read_is_sent_as_it_stands_and_not_judged(tmp_path: Path) -> None:
    odd = notify("odd", nbits="zz")
    rows = session(notify("good"), odd, '{"id":null,"method":"client.show_message","params":["x"]}')
    path = written(tmp_path / "session.jsonl", rows)
    async with (
        scripted_pool(replaying(path), difficulty=EASY) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        assert miner.job[0] == "good"
        assert (await miner.reader.readline()) == odd.encode() + b"\n"
        assert await miner.until("client.show_message") == ["x"]
        assert await miner.submit(*miner.mine().params()) == (True, None), "with our extranonce"
        params = ["rig.1", "odd", "00000000", "5f000000", "00000000"]
        assert await miner.submit(*params) == (None, 20)
        assert pool.ledger().rejected == {Reason.UNJUDGED: 1}


async def test_speed_shortens_the_time_between_jobs(tmp_path: Path) -> None:
    path = written(tmp_path / "session.jsonl", session(notify("a"), notify("b"), gap_s=5.0))
    async with (
        scripted_pool(replaying(path, 50)) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        began = time.monotonic()
        await miner.login()
        assert (await miner.until("mining.notify"))[0] == "b"
        assert 0.08 < time.monotonic() - began < 4


def test_the_first_connection_with_a_job_counts(tmp_path: Path) -> None:
    rows = [
        *session('{"id":1,"result":true}', connection=1),
        *session(notify("b"), notify("c"), connection=3),
        *session(notify("d"), connection=2),
    ]
    path = written(tmp_path / "session.jsonl", rows)
    told = read_told(read_recording(path))
    assert [each.what.job_id for each in told if isinstance(each.what, Job)] == ["b", "c"]


def test_short_numbers_and_odd_flags_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a", session(notify(version="2", ntime="5f", clean=1)))
    (told,) = Replay.read(path).before
    job = told.what
    assert isinstance(job, Job)
    assert (job.version, job.ntime, job.clean) == (2, 0x5F, False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the recording is empty"),
        ("{}\n", "line 1: is no luxminer-stratum of version 1"),
        ('{"format": "luxminer-stratum", "version": 2}\n', "line 1: is no luxminer-stratum"),
        ('{"format": "luxminer-stratum", "version": 1}\n[]\n', "line 2: is no JSON object"),
        ('{"format": "luxminer-stratum", "version": 1}\n{\n', "line 2: is no JSON"),
        ('{"format": "luxminer-stratum", "version": 1}\n{"t": -1}\n', "line 2: t: is no time"),
        ('{"format": "luxminer-stratum", "version": 1}\n{"t": 1, "c": "1"}\n', "line 2: c: is no"),
        ('{"format": "luxminer-stratum", "version": 1}\n{"t": 1, "c": 1}\n', "line 2: to: is nei"),
        (
            '{"format": "luxminer-stratum", "version": 1}\n'
            '{"t": 1, "c": 1, "to": "miner", "hex": "0"}\n',
            "line 2: has neither line nor hex",
        ),
        ('{"format": "luxminer-stratum", "version": 1}\n', "has no job that can be read"),
    ],
)
def test_files_that_cannot_be_played(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(content)
    with pytest.raises(ScriptError, match=words):
        Replay.read(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("00" * 32),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)
METHODS = st.sampled_from(
    ["mining.notify", "mining.set_difficulty", "mining.set_extranonce", "mining.set_version_mask"]
)
MESSAGES = st.fixed_dictionaries(
    {}, optional={"id": JSON, "method": METHODS | JSON, "params": JSON, "result": JSON}
)


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(MESSAGES.map(json.dumps).map(str.encode) | st.binary(max_size=30), st.booleans())
    )
)
def test_nothing_in_a_recording_raises(lines: list[tuple[bytes, bool]]) -> None:
    read_told(Heard(t_s=0.0, connection=1, to_pool=to_pool, line=line) for line, to_pool in lines)
