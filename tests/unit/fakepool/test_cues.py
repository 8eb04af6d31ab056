"""Steps that clients set off: which, how often, by which chance; and files of lines."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from luxminer_hil.fakepool import ScriptError
from luxminer_hil.fakepool.actions import read_script, read_step_words
from luxminer_hil.fakepool.corpus import Corpus
from luxminer_hil.fakepool.cues import Cues, Override
from luxminer_hil.fakepool.fuzz import bad_line
from luxminer_hil.scripting.language import Step


def cues(*words: str, seed: int = 0) -> Cues:
    return Cues([read_step_words(each) for each in words], Random(seed))


def fired(cue_of: Cues, event: str, count: int, judged: str | None = None) -> list[int]:
    """How many orders each of so many events sets off."""
    return [len(cue_of.take(event, judged).steps) for _ in range(count)]


def test_every_occurrence_unless_said_otherwise() -> None:
    assert fired(cues("when=authorize do=ping"), "authorize", 3) == [1, 1, 1]
    assert fired(cues("when=authorize do=ping"), "subscribe", 3) == [0, 0, 0]
    assert not Cues()


def test_skip_and_times() -> None:
    assert fired(cues("when=submit skip=1 times=2 do=ping"), "submit", 5) == [0, 1, 1, 0, 0]


def test_chance_is_repeated_by_the_seed() -> None:
    first = fired(cues("when=submit chance=0.5 do=ping", seed=1), "submit", 40)
    assert 8 < sum(first) < 32
    assert first == fired(cues("when=submit chance=0.5 do=ping", seed=1), "submit", 40)
    assert first != fired(cues("when=submit chance=0.5 do=ping", seed=2), "submit", 40)
    assert sum(fired(cues("when=submit chance=0 do=ping"), "submit", 9)) == 0


def test_what_chance_forbids_does_not_count() -> None:
    assert sum(fired(cues("when=submit chance=0.5 times=5 do=ping"), "submit", 40)) == 5


def test_a_verdict_picks_shares() -> None:
    stale = cues("when=submit if=stale times=1 do=ping")
    assert fired(stale, "submit", 2, "accepted") == [0, 0]
    assert fired(stale, "submit", 2, "stale") == [1, 0]


def test_of_several_answers_the_first_counts() -> None:
    both = cues(
        "when=submit times=1 do=reply result=true",
        "when=submit do=reply 'error=[21, \"Stale\"]'",
        "when=submit do=disconnect",
    )
    first, second = both.take("submit", "accepted"), both.take("submit", "accepted")
    assert first.override == Override(result=True)
    assert second.override == Override(error=[21, "Stale", None])
    assert [step.action for step in first.steps] == ["disconnect"]


@pytest.mark.parametrize(
    ("override", "line", "accepted", "done"),
    [
        (Override(result=True), b'{"id": 5, "result": true, "error": null}', True, True),
        (Override(error=[1]), b'{"id": 5, "result": null, "error": [1]}', False, False),
        (Override(text=b'{"id":$id,"result":true}'), b'{"id":5,"result":true}', True, True),
        (Override(text=b'{"id":"$id","result":false}'), b'{"id":"5","result":false}', False, True),
        (Override(text=b"{$id"), b"{5", False, True),
    ],
)
def test_answers_that_replace(override: Override, line: bytes, accepted: bool, done: bool) -> None:
    assert override.line(5) == line
    assert override.replaces
    assert (override.says_accepted, override.carries_out) == (accepted, done)
    assert not override.is_silent


def test_silence_and_lines_before_the_answer() -> None:
    assert Override().is_silent
    assert not Override().carries_out
    assert not Override(text=b"hello").replaces


def script(tmp_path: Path, *rows: dict[str, Any]) -> tuple[Step, ...]:
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "plan.toml").write_text(
        '[[step]]\nwhen = "subscribe"\ndo = "reply"\nlines = "lines.jsonl"\n'
    )
    return read_script(tmp_path / "plan.toml").steps


def test_answers_from_a_file_come_once_each(tmp_path: Path) -> None:
    steps = script(
        tmp_path,
        {"name": "a", "when": "subscribe", "text": "$id a"},
        {"name": "b", "text": "no answer"},
        {"name": "c", "when": "subscribe", "hex": "ff"},
        {"name": "d", "when": "subscribe", "parts": [["x", 3], ["y", 2]]},
    )
    from_file = Cues(steps)
    answers = [from_file.take("subscribe").override for _ in range(4)]
    assert [each and each.text for each in answers] == [b"$id a", b"\xff", b"xxxyy", None]
    assert steps[0].values["lines"].next_for() == b"no answer"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([1], "line 1: is no object"),
        ({"name": "a"}, "line 1: has neither text, hex nor parts"),
        ({"text": "a\nb"}, "is more than one line"),
        ({"hex": "0"}, "line 1: "),
        ({"parts": [["x"]]}, "has parts that are not"),
        ({"parts": [["x", 1 << 30]]}, "or too long"),
        ({"text": "a", "when": 5}, "is no object"),
    ],
)
def test_files_of_lines_that_are_none(tmp_path: Path, row: Any, words: str) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(ScriptError, match=words):
        Corpus(path)


def test_fuzz_makes_every_kind_of_line_and_names_no_host() -> None:
    job = ["a", "00" * 32, "01", "02", [], "20000000", "17029a8a", "5f000000", False]
    lines = [bad_line(Random(f"seed {number}"), job) for number in range(2000)]
    assert not [line for line in lines if b"\n" in line]
    assert b"NaN" in b"".join(lines)
    assert any(b"[[[[[[[[" in line for line in lines), "deep ones"
    assert max(map(len, lines)) == 1 << 16
    hosts = [json.loads(line)["params"] for line in lines if is_reconnect(line)]
    assert hosts
    for params in hosts:
        if isinstance(params, list) and params and isinstance(params[0], str):
            assert params[0] == "pool.invalid" or "." not in params[0]


def is_reconnect(line: bytes) -> bool:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(message, dict)
        and message.get("method") == "client.reconnect"
        and "params" in message
    )
