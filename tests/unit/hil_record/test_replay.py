"""Recordings replayed: as a stick to a driver, as a host to a stick, on a tty to a program."""

import asyncio
from pathlib import Path

import pytest

from luxminer.errors import ConfigError, TransportClosed, TransportError
from luxminer.transport.serial import open_serial
from luxminer_hil.memory_transport import BoardTransport
from luxminer_hil.record.as_host import HostReplay, replay_as_host
from luxminer_hil.record.as_stick import ReplayTransport, serve_on_tty
from luxminer_hil.record.events import Do, Event
from luxminer_hil.record.load import Line, load
from luxminer_hil.record.stick_part import Departure, StickPart
from luxminer_hil.replay_command import judged
from tests.unit.drivers.virtual_rig import Rig
from tests.unit.drivers.warp import warped
from tests.unit.hil_record.recorded_rig import BAUDRATE, drive, record


def lines(*events: Event) -> tuple[Line, ...]:
    return tuple(Line(number=number, event=event) for number, event in enumerate(events, 2))


def write(t_s: float, data: bytes) -> Event:
    return Event(t_s=t_s, do=Do.WRITE, data=data)


def read(t_s: float, data: bytes) -> Event:
    return Event(t_s=t_s, do=Do.READ, data=data)


DIALOGUE = lines(write(0.0, b"ab"), read(0.5, b"xy"), write(1.0, b"cd"), read(1.1, b"z"))


def test_an_answer_comes_after_the_bytes_it_followed_and_at_its_distance() -> None:
    part = StickPart(DIALOGUE)
    assert part.step(10.0) == []
    assert part.next_s() is None
    part.heard(b"a")
    assert part.step(11.0) == []
    assert part.next_s() is None
    part.heard(b"b")
    assert part.step(12.0) == []
    assert part.next_s() == 12.5
    part.heard(b"cd")  # early: its turn comes
    assert part.step(12.5) == [(0, b"xy")]
    assert part.next_s() == pytest.approx(12.6)
    assert part.step(12.6) == [(0, b"z")]
    assert part.is_over
    assert part.left_over() is None


def test_a_departure_names_line_and_byte() -> None:
    part = StickPart(DIALOGUE)
    part.heard(b"abcX")
    part.step(0.0)
    with pytest.raises(Departure, match="line 4, byte 2: recorded 64, the host wrote 58") as caught:
        part.step(0.5)
    assert (caught.value.line, caught.value.byte) == (4, 2)


def test_tolerance_counts_what_differs_and_goes_on() -> None:
    part = StickPart(DIALOGUE, tolerant=True)
    part.heard(b"aXYd")
    part.step(0.0)
    assert part.step(0.5) == [(0, b"xy")]
    assert part.step(9.0) == [(0, b"z")]
    assert part.bytes_differing == 2
    assert [(d.line, d.byte) for d in part.departures] == [(2, 2), (4, 1)]


def test_a_host_that_writes_without_end_is_stopped() -> None:
    part = StickPart(DIALOGUE)
    part.step(0.0)
    for _ in range(65):
        part.heard(bytes(1000))
    with pytest.raises(Departure, match="before their turn"):
        part.heard(bytes(1000))


@pytest.mark.parametrize("name", ["compac", "newpac", "compaca1"])
@warped
async def test_a_driver_cannot_tell_a_replay_from_the_stick(name: str, tmp_path: Path) -> None:
    await record(name, tmp_path / "r.jsonl", 15.0)
    recording = load(tmp_path / "r.jsonl")
    rig = Rig(name)
    transport = ReplayTransport(recording)
    assert await drive(rig, transport, 15.0) is None
    assert transport.stick.departure is None
    assert transport.stick.part.is_over
    total = rig.host.gate.total()
    assert total.nonces > 3
    assert total.hw_errors == 0


@warped
async def test_another_clock_departs_where_it_is_set(tmp_path: Path) -> None:
    await record("compac", tmp_path / "r.jsonl", 15.0)
    rig = Rig("compac", mhz=50.0)
    error = await drive(rig, ReplayTransport(load(tmp_path / "r.jsonl")), 15.0)
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, Departure)
    wanted = load(tmp_path / "r.jsonl").lines[error.line - 2].event
    assert wanted.do is Do.WRITE
    assert len(wanted.data) == 4


@warped
async def test_a_stick_that_was_pulled_is_pulled_again(tmp_path: Path) -> None:
    def wrap(transport: BoardTransport) -> BoardTransport:
        asyncio.get_running_loop().call_later(8.0, transport._stick.unplug)
        return transport

    await record("compac", tmp_path / "r.jsonl", 15.0, wrap=wrap)  # type: ignore[arg-type]
    recording = load(tmp_path / "r.jsonl")
    assert recording.lines[-1].event.do is Do.LOST
    error = await drive(Rig("compac"), ReplayTransport(recording), 15.0)
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, TransportClosed)


@warped
async def test_a_session_that_is_not_there_is_said(tmp_path: Path) -> None:
    await record("compac", tmp_path / "r.jsonl", 3.0)
    with pytest.raises(TransportError, match="no session 1: the recording has 1"):
        ReplayTransport(load(tmp_path / "r.jsonl"), session=1)


@pytest.mark.parametrize("name", ["compac", "newpac", "compaca1"])
@warped
async def test_a_replayed_host_gets_the_answers_it_got(name: str, tmp_path: Path) -> None:
    await record(name, tmp_path / "r.jsonl", 15.0)
    (session,) = load(tmp_path / "r.jsonl").sessions()
    rig = Rig(name)
    async with rig.stick:
        transport = BoardTransport(rig.stick, BAUDRATE)
        result = await replay_as_host(transport, session, tolerant=True)
        await transport.close()
    assert result.is_same, result.differences
    assert result.answers - result.tolerated <= result.answers_came <= result.answers
    assert result.answers > 5


@warped
async def test_a_strict_host_stops_at_the_first_other_byte(tmp_path: Path) -> None:
    await record("2pac", tmp_path / "r.jsonl", 4.0)
    (session,) = load(tmp_path / "r.jsonl").sessions()
    rig = Rig("2pac", chips=1)
    async with rig.stick:
        transport = BoardTransport(rig.stick, BAUDRATE)
        result = await replay_as_host(transport, session)
        await transport.close()
    (difference,) = result.differences
    _first, second = [line for line in session if line.event.do is Do.READ][:2]
    assert difference.line == second.number
    assert difference.byte == 1
    assert "0 of 5 bytes came" in str(difference)


@pytest.mark.parametrize(
    ("tolerant", "missing", "words"),
    [
        (False, 0, []),
        (False, 1, ["the stick departs at line 5", "add --tolerant, or play it to a compac"]),
        (True, 1, ["not as recorded at line 5", "10 answers may be missing"]),
        (
            True,
            11,
            ["not as recorded at line 5", "11 steps are not as recorded", "accepts 10 of 40; play"],
        ),
    ],
)
def test_what_is_wrong_with_a_stick_is_said_with_the_cure(
    tolerant: bool, missing: int, words: list[str]
) -> None:
    result = HostReplay(
        writes=50,
        answers=40,
        answers_came=40 - missing,
        differences=[Departure(5, 0, "the recorded answer did not come")] * missing,
        tolerated=10 if tolerant else 0,
    )
    said = list(judged(result, "compac", tolerant=tolerant))
    assert f"{40 - missing} of 40 recorded answers came" in said[missing]
    assert len(said) == missing + 1 + bool(words)
    for each in words:
        assert any(each in line for line in said), said


@pytest.mark.slow
@pytest.mark.parametrize("tolerant", [False, True])
async def test_a_tty_replays_to_any_program(tmp_path: Path, tolerant: bool) -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    link = tmp_path / "tty"
    serving = asyncio.create_task(serve_on_tty(DIALOGUE, link, ready, tolerant=tolerant))
    transport = await open_serial(await ready, 115200)
    try:
        await transport.write(b"ab")
        assert await transport.read() == b"xy"
        await transport.write(b"cX" if tolerant else b"cd")
        assert await transport.read() == b"z"
        stick = await asyncio.wait_for(serving, 5)
    finally:
        await transport.close()
    assert stick.departure is None
    assert stick.part.bytes_differing == tolerant
    assert not link.exists()


async def test_a_tty_ends_at_a_departure(tmp_path: Path) -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve_on_tty(DIALOGUE, None, ready, tolerant=False))
    transport = await open_serial(await ready, 115200)
    try:
        await transport.write(b"aX")
        stick = await asyncio.wait_for(serving, 5)
    finally:
        await transport.close()
    assert stick.departure is not None
    assert (stick.departure.line, stick.departure.byte) == (2, 2)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none")
