"""Log lines: what they look like, who writes them, and bytes in hexadecimal.

Records go through a bounded queue to one writer thread, so that a slow SD card or journal never
stalls the event loop; when the queue is full, lines are dropped and the number is logged. The
standard library's handlers for queues do the same, but import 0.3 MiB for pickling.
"""

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["LEVELS", "TRACE", "HexDump", "RateLimit", "logging_to", "set_level"]

TRACE = 5
"""Level for single frames and bytes."""

QUEUE_LIMIT = 10_000

LEVELS = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

JOURNAL_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}
"""Syslog numbers that journald reads from a ``<N>`` at the start of a line."""


class HexDump:
    """Bytes for a log argument; formatted only if the line is really written."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __str__(self) -> str:
        return self._data.hex(" ")


class RateLimit:
    """Lets a repeated warning through once per interval and counts the ones held back."""

    def __init__(self, interval_s: float = 30.0) -> None:
        self._interval_s = interval_s
        self._next_s: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def admit(self, key: str, now_s: float) -> int | None:
        """Return how many were held back since the last one, or None to hold this one back."""
        if now_s < self._next_s.get(key, float("-inf")):
            self._held[key] = self._held.get(key, 0) + 1
            return None
        self._next_s[key] = now_s + self._interval_s
        return self._held.pop(key, 0)


class LineFormatter(logging.Formatter):
    """``2026-11-25 04:25:33 info    pool.manager: text``; under journald without the time."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        name = record.name.removeprefix("luxminer.")
        text = f"{name}: {record.getMessage()}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        if self._journal:
            number = JOURNAL_PRIORITIES.get(record.levelno, 7)
            return "\n".join(f"<{number}>{line}" for line in text.splitlines())
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        return f"{stamp} {logging.getLevelName(record.levelno).lower():<7} {text}"


class BoundedQueueHandler(logging.Handler):
    """Never blocks; says how many lines were lost as soon as there is room again."""

    def __init__(self, lines: "queue.Queue[logging.LogRecord | None]") -> None:
        super().__init__()
        self._lines = lines
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        record.msg = record.getMessage()  # now: what the arguments say may change
        record.args = None
        try:
            if self._lost:
                text = f"{self._lost} log lines were lost: the log could not be written fast enough"
                lost = logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None)
                self._lines.put_nowait(lost)
                self._lost = 0
            self._lines.put_nowait(record)
        except queue.Full:
            self._lost += 1


def _write(lines: "queue.Queue[logging.LogRecord | None]", writer: logging.Handler) -> None:
    while (record := lines.get()) is not None:
        writer.handle(record)


def set_level(level: str) -> None:
    """Write lines of this level and of more severe ones; of other packages none below info."""
    logging.getLogger().setLevel(max(LEVELS[level], logging.INFO))
    for name in ("luxminer", "luxminer_drivers", "luxminer_hil"):
        logging.getLogger(name).setLevel(LEVELS[level])


@contextmanager
def logging_to(stream: TextIO = sys.stderr, *, level: str = "info") -> Iterator[None]:
    """Log to ``stream`` while the context is open; all lines are written when it closes."""
    logging.addLevelName(TRACE, "TRACE")
    journal = "JOURNAL_STREAM" in os.environ and not stream.isatty()
    writer = logging.StreamHandler(stream)
    writer.setFormatter(LineFormatter(journal=journal))
    lines: queue.Queue[logging.LogRecord | None] = queue.Queue(QUEUE_LIMIT)
    handler = BoundedQueueHandler(lines)
    thread = threading.Thread(target=_write, args=(lines, writer), name="log", daemon=True)
    root = logging.getLogger()
    before = root.level
    set_level(level)
    root.addHandler(handler)
    thread.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        lines.put(None)
        thread.join()
