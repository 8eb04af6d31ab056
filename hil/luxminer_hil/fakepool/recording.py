"""Recorded stratum sessions: JSON lines, the first one the header.

::

    {"format": "luxminer-stratum", "version": 1, "started": "2026-01-31T12:00:00Z", "from": "..."}
    {"t": 0.0004, "c": 1, "is": "open"}
    {"t": 0.0011, "c": 1, "to": "pool", "line": "..."}
    {"t": 0.0016, "c": 1, "to": "miner", "line": "..."}
    {"t": 9.1200, "c": 1, "is": "closed"}

``t`` is monotonic seconds since the recording began, ``c`` the number of the connection. A line
stands without its line feed; what is no UTF-8 text is ``hex`` instead of ``line``. Passwords of
``mining.authorize`` are written as ``x``; everything else stands there as it was sent.
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from luxminer_hil.scripting.language import ScriptError

__all__ = ["Heard", "SessionRecorder", "read_recording"]

FORMAT = "luxminer-stratum"
VERSION = 1
MAX_LINE_BYTES = 4 << 20
"""Of one line; the rest of a longer one is left out."""
MAX_FILE_BYTES = 256 << 20
MAX_CONNECTIONS = 1024
"""With the beginning of a line that has no end yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One line of a session."""

    t_s: float
    connection: int
    to_pool: bool
    line: bytes


class SessionRecorder:
    """Writes what passes on connections. Use as a context manager; raises OSError."""

    def __init__(
        self, path: Path, *, place: str = "", monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = path.open("w", encoding="ascii")
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._written = 0
        self._begun: dict[tuple[int, bool], bytearray] = {}
        started = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._put({"format": FORMAT, "version": VERSION, "started": started, "from": place})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for number, to_pool in list(self._begun):
            self._flush(number, to_pool)
        self._file.close()

    def heard(self, number: int, to_pool: bool, data: bytes) -> None:
        """Take bytes as they passed, line feeds included; lines may come in pieces."""
        key = (number, to_pool)
        begun = self._begun.setdefault(key, bytearray())
        *whole, rest = data.split(b"\n")
        for piece in whole:
            if len(begun) < MAX_LINE_BYTES:
                begun += piece[: MAX_LINE_BYTES - len(begun)]
            self._flush(number, to_pool)
            begun = self._begun.setdefault(key, bytearray())
        begun += rest[: MAX_LINE_BYTES - len(begun)]
        if len(self._begun) > MAX_CONNECTIONS:
            self._flush(*next(iter(self._begun)))

    def happened(self, number: int, what: str) -> None:
        """Take the opening or the end of a connection."""
        if what == "closed":
            for to_pool in (True, False):
                self._flush(number, to_pool)
        self._put(self._head(number) | {"is": what})

    def _flush(self, number: int, to_pool: bool) -> None:
        line = bytes(self._begun.pop((number, to_pool), b""))
        if not line:
            return
        row = self._head(number) | {"to": "pool" if to_pool else "miner"}
        if to_pool:
            line = without_password(line)
        try:
            row["line"] = line.decode()
        except UnicodeDecodeError:
            row["hex"] = line.hex()
        self._put(row)

    def _head(self, number: int) -> dict[str, Any]:
        return {"t": round(self._monotonic() - self._started_s, 6), "c": number}

    def _put(self, row: dict[str, Any]) -> None:
        if self._written > MAX_FILE_BYTES:
            return
        self._written += self._file.write(json.dumps(row) + "\n")


def without_password(line: bytes) -> bytes:
    """Return the line with ``x`` for the password of an authorize; also where it is no JSON."""
    if b"mining.authorize" not in line:
        return line
    try:
        message = json.loads(line)
        params = message["params"]
        params[1:2] = ["x"] * len(params[1:2])
        return json.dumps(message).encode()
    except (ValueError, RecursionError, LookupError, TypeError):
        return re.sub(rb'("params"\s*:\s*\[[^,]*,)[^\]]*', rb'\1"x"', line)


def read_recording(path: Path) -> Iterator[Heard]:
    """Yield the lines of a file in their order. Raises ScriptError with the line."""
    try:
        with path.open("rb") as file:
            yield from read_rows(file)
    except OSError as exc:
        raise ScriptError(f"{path} cannot be read: {exc.strerror}") from exc


def read_rows(file: Any) -> Iterator[Heard]:
    size = 0
    for number, row in enumerate(iter(lambda: file.readline(2 * MAX_LINE_BYTES), b""), start=1):
        size += len(row)
        if size > MAX_FILE_BYTES:
            raise ScriptError(f"the recording has more than {MAX_FILE_BYTES} bytes", line=number)
        try:
            values = json.loads(row)
        except (ValueError, RecursionError) as exc:
            raise ScriptError("is no JSON", line=number) from exc
        if not isinstance(values, dict):
            raise ScriptError("is no JSON object", line=number)
        if number == 1:
            if (values.get("format"), values.get("version")) != (FORMAT, VERSION):
                raise ScriptError(f"is no {FORMAT} of version {VERSION}", line=1)
        elif "is" not in values:
            yield read_heard(values, number)
    if not size:
        raise ScriptError("the recording is empty")


def read_heard(values: dict[str, Any], number: int) -> Heard:
    t_s, connection, to = (values.get(key) for key in ("t", "c", "to"))
    if isinstance(t_s, bool) or not isinstance(t_s, int | float) or not 0 <= t_s < math.inf:
        raise ScriptError("is no time from 0 on", line=number, key="t")
    if type(connection) is not int:
        raise ScriptError("is no number of a connection", line=number, key="c")
    if to not in ("pool", "miner"):
        raise ScriptError('is neither "pool" nor "miner"', line=number, key="to")
    text, octets = values.get("line"), values.get("hex")
    try:
        line = text.encode() if isinstance(text, str) else bytes.fromhex(str(octets))
    except ValueError as exc:
        raise ScriptError("has neither line nor hex", line=number) from exc
    return Heard(t_s=float(t_s), connection=connection, to_pool=to == "pool", line=line)
