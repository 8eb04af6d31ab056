"""Scripts: every mistake is told with its line, key and cure; steps happen at their moment."""

import asyncio
import re
from decimal import Decimal
from pathlib import Path

import pytest

from luxminer_hil.fakepool import (
    FakePool,
    Script,
    ScriptError,
    Step,
    play,
    read_script,
    scripted_pool,
)
from luxminer_hil.fakepool.actions import ACTIONS, read_step_words
from luxminer_hil.fakepool.behaviours import SETTINGS, load_script
from luxminer_hil.fakepool.dialogue import EVENTS
from luxminer_hil.fakepool.proxy_actions import PROXY, STAGES
from luxminer_hil.scripting.language import MODIFIERS, MOMENTS
from tests.unit.fakepool.raw_client import RawMiner


def read(tmp_path: Path, content: str, name: str = "script.jsonl") -> list[Step]:
    path = tmp_path / name
    path.write_text(content)
    return list(read_script(path).steps)


SESSION = """\
{"format": "luxminer-stratum", "version": 1}
{"t": 0.5, "c": 1, "to": "miner", "line": "{\\"method\\": \\"mining.notify\\", \\"params\\": [\
\\"a\\", \\"%s\\", \\"\\", \\"\\", [], \\"20000000\\", \\"17029a8a\\", \\"5f000000\\", false]}"}
""" % ("00" * 32)

ALL_ACTIONS = """
# every action once
{"at": 0, "do": "job", "clean": true, "new_block": false, "difficulty": 0.5}
{"at": 0.5, "do": "block", "block": "main-1", "difficulty": "network"}
{"at": 1, "do": "difficulty", "value": 1e-6}
{"at": 1, "do": "extranonce", "size": 8}
{"at": 1, "do": "version_mask", "mask": "1fffe000"}
{"after": 3, "do": "cut", "seconds": 2}
{"after": 3, "do": "disconnect"}
{"at": 1, "do": "reconnect", "host": "pool.example", "port": 3333, "wait_s": 5}
{"at": 1, "do": "message", "text": "hello"}
{"at": 1, "do": "raw", "text": "{not json"}
{"at": 1, "do": "raw", "hex_bytes": "00ff0a"}
{"at": 1, "do": "refuse", "users": ["bad.*"]}
{"at": 1, "do": "answer", "on": false}
{"at": 1, "do": "delay", "seconds": 0.25}
{"at": 1, "do": "ping"}
{"at": 1, "do": "version"}
{"at": 1, "every": 0.5, "times": 3, "do": "vardiff", "per_minute": 20, "low": 0.001}
{"after": 1, "every": 10, "chance": 0.5, "do": "jobs", "on": true}
{"when": "connect", "skip": 1, "times": 2, "wait": 0.5, "do": "mute", "deaf": true}
{"when": "submit", "if": "stale", "do": "reply", "error": [21, "Stale"]}
{"when": "authorize", "do": "reset", "half": true}
{"at": 1, "do": "trickle", "bytes": 1, "seconds": 0.05}
{"at": 1, "do": "fuzz", "count": 5}
{"when": "authorize", "do": "lines", "lines": "odd.jsonl", "gap_s": 0.1}
{"at": 0, "do": "replay", "file": "session.jsonl", "speed": 10}
"""


def test_every_action_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text('{"name": "blank", "text": " "}\n')
    (tmp_path / "session.jsonl").write_text(SESSION)
    steps = read(tmp_path, ALL_ACTIONS)
    assert {step.action for step in steps} == set(ACTIONS)
    assert steps[0].values == {
        "clean": True,
        "new_block": False,
        "difficulty": Decimal("0.5"),
        "same_id": False,
    }
    assert steps[1].values == {"block": "main-1", "clean": True, "difficulty": "network"}
    assert (steps[0].line, steps[0].at_s, steps[0].after) == (3, 0.0, None)
    assert (steps[5].at_s, steps[5].after) == (None, 3)
    assert steps[10].values["hex_bytes"] == b"\x00\xff\n"
    assert (steps[16].every, steps[16].times) == (0.5, 3)
    assert (steps[17].after, steps[17].every, steps[17].chance) == (1, 10, 0.5)
    assert (steps[18].when, steps[18].skip, steps[18].times, steps[18].wait_s) == (
        "connect",
        1,
        2,
        0.5,
    )
    assert (steps[19].judged, steps[19].values["error"]) == ("stale", [21, "Stale", None])
    assert steps[23].values["lines"].count() == 1


def test_toml_says_the_same(tmp_path: Path) -> None:
    content = """
[[step]]
at = 1.5
do = "difficulty"
value = 0.001

[[step]]
after = 2
do = "refuse"
"""
    first, second = read(tmp_path, content, "script.toml")
    assert (first.line, first.at_s, first.values) == (2, 1.5, {"value": Decimal("0.001")})
    assert (second.line, second.after, second.values) == (7, 2, {"users": ("*",)})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1: .*; write one"),
        ("[]", r'line 1: is no step; write \{"at"'),
        ('{"do": "job"}', "line 1: needs one moment and has none; give `at` or `after` or `when`"),
        (
            '{"at": 1, "after": 1, "do": "job"}',
            "line 1: needs one moment and has 2: at, after; give",
        ),
        ('{"at": 1}', "line 1: do: missing; one of job, block"),
        ('{"at": 1, "do": "jbo"}', "line 1: do: no action 'jbo'; did you mean job"),
        ('{"at": 1, "do": ["job"]}', "line 1: do: no action"),
        ('{"at": -1, "do": "job"}', "line 1: at: -1 cannot be used; must be a number of seconds"),
        ('{"at": true, "do": "job"}', "line 1: at: True cannot be used"),
        ('{"at": "1", "do": "job"}', "line 1: at: '1' cannot be used"),
        ('{"after": 1.5, "do": "job"}', "line 1: after: 1.5 cannot be used; must be a whole"),
        ('{"at": 1, "do": "job", "claen": true}', "line 1: claen: .*did you mean clean"),
        ('{"at": 1, "do": "ping", "x": 1}', "line 1: x: unknown key of ping; ping has no keys"),
        ('{"at": 1, "do": "job", "clean": 1}', "line 1: clean: 1 cannot be used; must be true"),
        ('{"at": 1, "do": "difficulty"}', "line 1: value: missing from difficulty; add value"),
        ('{"at": 1, "do": "difficulty", "value": 0}', "value: 0 cannot be used; difficulty 0 is"),
        ('{"at": 1, "do": "difficulty", "value": "1"}', "value: '1' cannot be used; must be a num"),
        ('{"at": 1, "do": "block", "block": "main-9"}', "block: .*there are main-"),
        ('{"at": 1, "do": "version_mask", "mask": "1fff"}', "mask: '1fff' .*eight hexadecimal"),
        ('{"at": 1, "do": "raw", "hex_bytes": "f"}', "hex_bytes: 'f' .*two for each byte"),
        ('{"at": 1, "do": "refuse", "users": "x"}', "users: 'x' .*list of patterns"),
        ('{"at": 1, "do": "message", "text": 5}', "text: 5 cannot be used; must be text"),
        ('{"at": 1, "do": "reconnect", "port": 0}', "port: 0 .*from 1 to 65535"),
        (
            '{"when": "sleep", "do": "job"}',
            "line 1: when: 'sleep' cannot be used; must be one of connect",
        ),
        ('{"at": 1, "wait": 1, "do": "job"}', "wait: says nothing about `at`; it goes with when"),
        ('{"when": "connect", "every": 1, "do": "job"}', "every: says nothing about `when`"),
        ('{"when": "connect", "if": "stale", "do": "job"}', "if: only shares are judged; when = "),
        ('{"when": "submit", "if": "bad", "do": "job"}', "if: 'bad' .*one of accepted, malformed"),
        (
            '{"at": 1, "do": "reply", "result": true}',
            "line 1: at: reply needs an event; give `when`",
        ),
        ('{"when": "submit", "do": "reply", "result": 1, "error": 2}', "says more than one thing"),
        (
            '{"at": 1, "times": 2, "do": "job"}',
            "times: `at` alone is once; add `every`",
        ),
        ('{"after": 1, "times": 2, "do": "job"}', "times: `after` alone is once"),
        ('{"at": 1, "tmies": 2, "do": "job"}', "tmies: unknown key of job; did you mean times"),
        (
            '{"at": 1, "do": "raw", "text": "aaa", "repeat": 4000000}',
            "raw: makes more than 4194304",
        ),
        ('{"at": 1, "do": "lines", "lines": "none.jsonl"}', "lines: .*none.jsonl cannot be read"),
        ('{"at": 1, "do": "replay", "file": "none.jsonl"}', "replay: .*none.jsonl cannot be read"),
        ("[" * 100_000, "line 1: "),
    ],
)
def test_a_mistake_is_told_with_place_and_cure(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        read(tmp_path, line)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("step = 1", "step: is no list"),
        ("[[stop]]\nat = 1", r"stop: unknown key; steps are tables \[\[step\]\]"),
        ("[[step]]\nat = \ndo = 1", "line 2"),
        ("\n[[step]]\nat = 1\ndo = 'nothing'", "line 2: do: no action 'nothing'"),
    ],
)
def test_mistakes_in_toml(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        read(tmp_path, content, "script.toml")


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(ScriptError, match="has more than"):
        read_script(Path("/dev/zero"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"^cannot be read: No such file"):
        read_script(tmp_path / "nowhere.jsonl")
    (tmp_path / "latin").write_bytes(b'{"at": 1, "do": "message", "text": "\xe4"}')
    with pytest.raises(ScriptError, match="is not UTF-8 text"):
        read_script(tmp_path / "latin")
    (tmp_path / "long").write_bytes(b"\n" * (2 << 20))
    with pytest.raises(ScriptError, match="more than 1048576 bytes"):
        read_script(tmp_path / "long")


def steps_of(tmp_path: Path, *lines: str) -> list[Step]:
    return read(tmp_path, "\n".join(lines))


async def test_steps_due_together_go_in_the_order_of_the_file(tmp_path: Path) -> None:
    steps = steps_of(
        tmp_path,
        '{"at": 0.1, "do": "message", "text": "late"}',
        '{"at": 0, "do": "difficulty", "value": 0.125}',
        '{"at": 0, "do": "raw", "text": "{garbage"}',
        '{"at": 0, "do": "raw", "hex_bytes": "7b7d0a"}',
        '{"at": 0, "do": "reconnect"}',
    )
    async with FakePool() as pool, await RawMiner.connect(pool.port) as miner:
        await miner.login()
        await play(pool, steps)
        seen = [(await miner.reader.readline()).strip() for _ in range(5)]
        assert seen[0].endswith(b"[0.125]}")
        assert seen[1:3] == [b"{garbage", b"{}"]
        assert b"client.reconnect" in seen[3]
        assert b"late" in seen[4]


async def test_what_chance_forbids_does_not_count(tmp_path: Path) -> None:
    steps = steps_of(
        tmp_path,
        '{"at": 0, "every": 0.001, "times": 20, "chance": 0.5, "do": "message", "text": "maybe"}',
        '{"at": 0, "chance": 0, "do": "message", "text": "never"}',
    )
    async with FakePool() as pool, await RawMiner.connect(pool.port) as miner:
        await miner.login()
        async with asyncio.timeout(5):
            await play(pool, [*steps, *steps_of(tmp_path, '{"at": 0.3, "do": "disconnect"}')])
        said = await miner.reader.read()
    assert (said.count(b"maybe"), said.count(b"never")) == (20, 0)


async def test_a_step_follows_accepted_shares(tmp_path: Path) -> None:
    steps = steps_of(
        tmp_path,
        '{"after": 2, "do": "refuse"}',
        '{"after": 1, "do": "job", "clean": true}',
    )
    async with (
        FakePool(difficulty="0.000001", seed=40) as pool,
        await RawMiner.connect(pool.port) as miner,
        asyncio.TaskGroup() as group,
    ):
        await miner.login()
        playing = group.create_task(play(pool, steps))
        before = miner.job[0]
        assert await miner.submit(*miner.mine().params()) == (True, None)
        assert (await miner.until("mining.notify"))[0] != before
        assert not playing.done()
        assert await miner.submit(*miner.mine().params()) == (True, None)
        await playing
        assert (await miner.call("mining.authorize", "rig.2", "x"))["result"] is False


@pytest.mark.parametrize("moment", ["at=0", "when=connect"])
async def test_a_step_that_this_pool_cannot_do_ends_the_script(moment: str) -> None:
    step = read_step_words(f"{moment} do=block block=main-1")
    ended = asyncio.Event()
    with pytest.raises(ScriptError, match="block: extranonces of 204 bytes fit into no real block"):
        async with (
            scripted_pool("extranonce2-huge", Script(steps=(step,)), on_end=ended.set) as pool,
            await RawMiner.connect(pool.port),
            asyncio.timeout(5),
        ):
            await ended.wait()


@pytest.mark.slow
async def test_a_cut_does_not_hold_up_the_steps_inside_its_time(tmp_path: Path) -> None:
    steps = steps_of(
        tmp_path,
        '{"at": 0, "do": "cut", "seconds": 0.8}',
        '{"at": 0.1, "do": "delay", "seconds": 0.05}',
    )
    async with FakePool() as pool, asyncio.TaskGroup() as group:
        playing = group.create_task(play(pool, steps))
        await asyncio.sleep(0.3)
        assert pool.orders.conduct.delay_s == 0.05
        with pytest.raises(ConnectionRefusedError):
            await RawMiner.connect(pool.port)
        await playing
        async with await RawMiner.connect(pool.port) as miner:
            assert (await miner.call("mining.ping"))["result"] == "pong", "listens again"


DOCUMENT = (Path(__file__).parents[3] / "docs" / "bench.md").read_text()
SECTIONS = DOCUMENT[DOCUMENT.index("## Pools that misbehave") : DOCUMENT.index("## Golden vectors")]


def test_the_document_has_every_word_of_the_language() -> None:
    rows = {
        name: line
        for line in SECTIONS.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([^`]+)`", line.split("|")[1])
    }
    for name, action in ACTIONS.items():
        keys = re.findall(r"\w+", rows[name].split("|")[3])
        assert keys == list(action.keys), f"{name} has {list(action.keys)}"
    assert {*MOMENTS, *MODIFIERS} <= set(rows)
    assert set(EVENTS) <= set(re.findall(r"`([^`\n]+)`", SECTIONS))
    for name in PROXY.actions:
        assert f'do = "{name}"' in rows
    for stage in STAGES:
        assert f"`{stage}`" in SECTIONS
    for setting in SETTINGS:
        assert f"`{setting}`" in SECTIONS


def test_the_script_of_the_document_can_be_played(tmp_path: Path) -> None:
    content = SECTIONS.split("```toml\n")[1].split("```")[0]
    (tmp_path / "plan.toml").write_text(content)
    script = load_script(str(tmp_path / "plan.toml"))
    assert [step.action for step in script.steps] == ["vardiff", "reply", "cut"]
    assert script.settings["job_interval_s"] == 10
