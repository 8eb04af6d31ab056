"""Lines, levels and limits of the log."""

import io
import logging
import re
import threading
import time

import pytest

from luxminer.logs import QUEUE_LIMIT, TRACE, HexDump, RateLimit, logging_to


def test_lines_name_level_and_module() -> None:
    stream = io.StringIO()
    log = logging.getLogger("luxminer.pool.manager")
    with logging_to(stream, level="info"):
        log.info("pool %d alive", 0)
        log.debug("not written")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("info    pool.manager: pool 0 alive")


def test_trace_writes_bytes_only_when_asked() -> None:
    class Loud(HexDump):
        def __str__(self) -> str:
            raise AssertionError("formatted although nobody reads it")

    log = logging.getLogger("luxminer.transport.serial")
    with logging_to(io.StringIO(), level="info"):
        log.log(TRACE, "tx %s", Loud(b"\x84\x00"))
    stream = io.StringIO()
    with logging_to(stream, level="trace"):
        log.log(TRACE, "tx %s", HexDump(b"\x84\x00"))
    assert "tx 84 00" in stream.getvalue()


def test_an_exception_is_written_with_its_traceback() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        try:
            int("boom")
        except ValueError:
            logging.getLogger("luxminer.x").exception("it failed")
    assert "it failed" in stream.getvalue()
    assert "ValueError: invalid literal" in stream.getvalue()


def test_journald_gets_priorities_instead_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    stream = io.StringIO()
    with logging_to(stream):
        logging.getLogger("luxminer.x").warning("careful")
    assert stream.getvalue() == "<4>x: careful\n"


def test_a_log_that_cannot_be_written_loses_lines_and_says_so() -> None:
    free = threading.Event()

    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            assert free.wait(30)
            return super().write(text)

    stream = Stuck()
    log = logging.getLogger("luxminer.x")
    with logging_to(stream):
        for n in range(QUEUE_LIMIT + 100):
            log.info("line %d", n)
        free.set()
        while stream.getvalue().count("line ") < QUEUE_LIMIT - 1:
            time.sleep(0.01)
        log.info("after")
    lines = stream.getvalue().splitlines()
    written = sum(": line " in line for line in lines)
    lost = next(re.search(r"(\d+) log lines were lost", line) for line in lines if "lost" in line)
    assert lost is not None
    assert written + int(lost[1]) == QUEUE_LIMIT + 100
    assert lines[-1].endswith("after")


def test_repeated_warnings_are_held_back_and_counted() -> None:
    limit = RateLimit(30.0)
    assert limit.admit("a", 0.0) == 0
    assert limit.admit("a", 10.0) is None
    assert limit.admit("b", 10.0) == 0
    assert limit.admit("a", 29.9) is None
    assert limit.admit("a", 30.0) == 2
    assert limit.admit("a", 60.0) == 0
