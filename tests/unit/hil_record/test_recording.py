"""The file of a recording: what goes in comes out, and whatever else comes in is named."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.errors import ConfigError
from luxminer_hil.record.events import CONTENT, BadLine, Do, Event, Header
from luxminer_hil.record.load import load
from luxminer_hil.record.recorder import MIN_LIMIT_BYTES, Recorder
from tests.unit.drivers.warp import warped
from tests.unit.hil_record.recorded_rig import record


@st.composite
def events(draw: st.DrawFn) -> Event:
    do = draw(st.sampled_from(Do))
    key = CONTENT.get(do)
    return Event(
        t_s=draw(st.integers(0, 10**12)) / 1e6,
        do=do,
        channel=draw(st.integers(0, 7)),
        data=draw(st.binary(min_size=1, max_size=300)) if key == "hex" else b"",
        number=draw(st.integers(0, 1 << 31)) if key in ("baud", "on", "bytes") else 0,
        words=draw(st.text(max_size=200)) if key == "why" else "",
    )


@given(events())
def test_an_event_survives_its_line(event: Event) -> None:
    line = event.encode()
    assert "\n" not in line
    assert line.isascii()
    assert Event.decode(line) == event


@given(st.text(max_size=100))
def test_a_header_survives_its_line(text: str) -> None:
    header = Header(model=text, serial="S", capabilities=("reset line", text))
    assert Header.decode(header.encode()) == header


@given(
    st.text(max_size=80)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["t", "do", "hex", "ch", "why", "format", "version", "model", "x"]),
                inner,
                max_size=5,
            )
        ),
    ).map(json.dumps)
)
def test_any_other_line_is_a_bad_line_and_nothing_worse(line: str) -> None:
    for decode in (Event.decode, Header.decode):
        with suppress(BadLine):
            assert decode(line) is not None


HEADER = '{"format": "luxminer-recording", "version": 1, "model": "compac"}'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 3 is no JSON"),
        ("[1]", "line 3 is no JSON object"),
        ('{"t": 1, "do": "fly"}', 'line 3 "do" is none of'),
        ('{"t": -1, "do": "close"}', 'line 3 "t" is no time'),
        ('{"t": NaN, "do": "close"}', 'line 3 "t" is no time'),
        ('{"t": 0.5, "do": "close"}', "line 3 goes back in time, from 1 to 0.5 s"),
        ('{"t": 2, "do": "write"}', "line 3 write takes"),
        ('{"t": 2, "do": "write", "hex": "8"}', 'line 3 "hex" is no string'),
        ('{"t": 2, "do": "write", "hex": ""}', 'line 3 "hex" has 0 bytes'),
        ('{"t": 2, "do": "read", "hex": "00", "x": 1}', "and nothing else"),
        ('{"t": 2, "do": "baud", "baud": 1.5}', 'line 3 "baud" is no number'),
        ('{"t": 2, "do": "read", "hex": "00", "ch": 9}', 'line 3 "ch" is no number from 0 to 7'),
        ("\u00e9", "line 3 holds bytes that are no ASCII text"),
        ("[" * 100_000, "line 3 is"),
        ("x" * 200_000, "line 3 is longer than"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(f'{HEADER}\n{{"t": 1, "do": "open", "baud": 9600}}\n{line}\n')
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1 is missing"),
        ("{}\n", "line 1 is no recording"),
        ('{"format": "luxminer-recording", "version": 2}\n', "line 1 has version 2"),
        ('{"format": "luxminer-recording", "version": 1, "modle": "x"}\n', "unknown key 'modle'"),
        ('{"format": "luxminer-recording", "version": 1, "model": 5}\n', '"model" is no text'),
        ("\x00\x01\x02", "line 1 is no JSON"),
    ],
)
def test_a_file_that_is_no_recording_is_said_to_be_none(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")):
        load(path)


def test_what_a_killed_recorder_left_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(f'{HEADER}\n{{"t": 1, "do": "write", "hex": "00"}}\n{{"t": 2, "do": "wri')
    assert len(load(path).lines) == 1


def test_a_recording_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        Recorder(path)
    assert path.read_text() == "mine"


def test_it_ends_at_its_limit_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with Recorder(path, limit_bytes=MIN_LIMIT_BYTES) as recorder:
        for _ in range(1000):
            recorder.add(Do.WRITE, data=bytes(100))
        assert recorder.is_full
        # Everything is on disk before it is closed.
        assert path.stat().st_size <= MIN_LIMIT_BYTES
        last = load(path).lines[-1].event
    assert last.do is Do.END
    assert "limit" in last.words


def test_long_writes_become_several_events(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with Recorder(path) as recorder:
        recorder.add(Do.WRITE, data=bytes(150_000))
    events = [line.event for line in load(path).lines]
    assert b"".join(event.data for event in events) == bytes(150_000)
    assert len(events) == 3


@warped
async def test_all_that_passed_stands_in_it_with_its_times(tmp_path: Path) -> None:
    rig = await record("compaca1", tmp_path / "r.jsonl", 20.0)
    recording = load(tmp_path / "r.jsonl")
    assert recording.header.model == "compaca1"
    assert "reset line" in recording.header.capabilities
    counters = rig.stick.counters()
    events = [line.event for line in recording.lines]
    written = sum(len(e.data) for e in events if e.do is Do.WRITE and not e.channel)
    assert written == counters.bytes_in
    assert any(e.channel == 1 and e.do is Do.READ for e in events)
    assert [e.number for e in events if e.do is Do.RESET] == [1, 0, 1]
    assert 20.0 <= events[-1].t_s < 22.0
    assert events[0].do is Do.OPEN
    assert events[-1].do is Do.CLOSE
    assert len(recording.sessions()) == 1
