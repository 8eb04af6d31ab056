"""Lines on standard output that nobody has to read: a full pipe must not stop what writes to it."""

import os
import queue
import sys
import threading
from collections.abc import Callable

__all__ = ["Lines"]

MAX_LINES = 1000
"""That wait for a reader; what comes then is lost, and counted."""

END_S = 1.0
"""In which a reader may fetch the last of them."""


class Lines:
    """A thread that prints. ``broken`` is called in it when nobody can read any more.

    Use `say` from any thread, then `close`, which raises what made the printing fail.
    """

    def __init__(self, broken: Callable[[], None]) -> None:
        self.lost = 0
        self._broken = broken
        self._error: OSError | None = None
        self._queue: queue.Queue[str | None] = queue.Queue(MAX_LINES)
        self._thread = threading.Thread(target=self._print, name="lines", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        """Print a line some time, if there is room for it."""
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        """Let the last lines be read, for a while. Raises OSError."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return  # nobody reads
        self._thread.join(END_S)
        if self._error is not None:
            raise self._error

    def _print(self) -> None:
        try:
            while (line := self._queue.get()) is not None:
                _write(f"{line}\n")
        except OSError as exc:
            self._error = exc
            self._broken()


def _write(text: str) -> None:
    """Write past Python's own buffer, whose lock would make the end of the program wait."""
    if sys.stdout is None:
        return
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):  # replaced by something that is no file
        print(text, end="", flush=True)
        return
    data = text.encode()
    while data:
        data = data[os.write(number, data) :]
