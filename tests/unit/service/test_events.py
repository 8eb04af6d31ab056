"""The event log: conditions are one event from beginning to end, notices are counted and fade."""

import logging

import pytest

from luxminer.telemetry.events import MAX_EVENTS, NOTICE_S, EventKind, EventLog
from luxminer.telemetry.model import EventTarget, Severity
from tests.unit.api.snapshots import WALL_S, FakeClock

CONDITION = EventKind(
    code="BROKEN", severity=Severity.ERROR, target=EventTarget.POOL, cure="mend it"
)
OURS = EventKind(code="OURS", severity=Severity.WARNING, target=EventTarget.MINER)
NOTICE = EventKind(code="SAID", severity=Severity.NOTICE, target=EventTarget.POOL, is_notice=True)


def made() -> tuple[FakeClock, EventLog]:
    clock = FakeClock()
    return clock, EventLog(clock)


def test_a_condition_is_one_event_from_its_beginning_to_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock, events = made()
    for second in range(3):
        clock.now_s = 1000.0 + second
        events.note(CONDITION, 7, f"broken for {second} s")
    (event,) = events.snapshot()
    assert (event.code, event.id, event.count) == ("BROKEN", 7, 1)
    assert event.text == "broken for 2 s; mend it"
    assert (event.first_wall_s, event.last_wall_s) == (WALL_S, WALL_S + 2)
    events.clear(CONDITION, 7)
    events.clear(CONDITION, 7)
    assert events.snapshot() == ()
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_targets_are_kept_apart_and_the_miner_has_no_number() -> None:
    _, events = made()
    events.note(CONDITION, 1, "a")
    events.note(CONDITION, 2, "b")
    events.note(OURS, None, "c")
    events.clear(CONDITION, 1)
    assert [(event.target, event.id) for event in events.snapshot()] == [
        ("POOL", 2),
        ("MINER", None),
    ]


def test_a_notice_is_counted_and_fades() -> None:
    clock, events = made()
    events.note(NOTICE, 1, "first")
    clock.now_s += NOTICE_S - 1
    events.note(NOTICE, 1, "second")
    (event,) = events.snapshot()
    assert (event.text, event.count, event.first_wall_s) == ("second", 2, WALL_S)
    clock.now_s += NOTICE_S + 1
    assert events.snapshot() == ()
    events.note(NOTICE, 1, "third")
    (event,) = events.snapshot()
    assert (event.count, event.first_wall_s) == (1, WALL_S + 2 * NOTICE_S)


def test_users_see_positions_and_nothing_of_what_is_gone() -> None:
    _, events = made()
    events.number(EventTarget.POOL, {10: 0, 11: 1}.get)
    for number in (10, 11, 12):
        events.note(CONDITION, number, "x")
    assert [event.id for event in events.snapshot()] == [0, 1]
    events.forget(EventTarget.POOL, 10)
    assert [event.id for event in events.snapshot()] == [1]


def test_there_are_never_more_than_so_many_and_conditions_stay_longest() -> None:
    clock, events = made()
    events.note(CONDITION, 1, "old")
    for number in range(2 * MAX_EVENTS):
        clock.now_s += 1
        events.note(NOTICE, number, "x")
    shown = events.snapshot()
    assert len(shown) == MAX_EVENTS
    assert shown[0].code == "BROKEN"
    for number in range(2 * MAX_EVENTS):
        events.note(CONDITION, number, "x")
    assert len(events.snapshot()) == MAX_EVENTS
