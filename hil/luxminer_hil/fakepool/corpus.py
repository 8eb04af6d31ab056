"""Files of lines that a pool might say and should not: ``scripts/malformed.jsonl`` is one.

One JSON object a line: a ``name``, the event it answers (``when``; without it, it is sent to miners
that are logged in), and the line itself as ``text``, as ``hex`` where it is no text, or as
``parts``, pairs of text and how often, where it is long. ``$id`` stands for the id of the request.
"""

import json
from collections import deque
from pathlib import Path
from typing import Any

from luxminer_hil.scripting.language import ScriptError

__all__ = ["Corpus"]

MAX_FILE_BYTES = 4 << 20
MAX_LINES = 10_000
MAX_LINE_BYTES = 4 << 20
MAX_TOTAL_BYTES = 16 << 20


class Corpus:
    """The lines of a file, each of which is taken once. Raises ScriptError."""

    def __init__(self, path: Path) -> None:
        self._lines: dict[str, deque[bytes]] = {}
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as exc:
            raise ScriptError(f"{path} cannot be read: {exc.strerror}") from exc
        if len(content) > MAX_FILE_BYTES:
            raise ScriptError(f"{path} has more than {MAX_FILE_BYTES} bytes")
        rows = content.splitlines()
        if len(rows) > MAX_LINES:
            raise ScriptError(f"{path} has more than {MAX_LINES} lines")
        total = 0
        for number, row in enumerate(rows, start=1):
            try:
                event, line = read_row(json.loads(row))
            except (ValueError, RecursionError) as exc:
                raise ScriptError(f"{path}: line {number}: {exc}") from exc
            total += len(line)
            if total > MAX_TOTAL_BYTES:
                raise ScriptError(f"{path} makes more than {MAX_TOTAL_BYTES} bytes")
            self._lines.setdefault(event, deque()).append(line)

    def next_for(self, event: str = "") -> bytes | None:
        """Take the next line that answers an event, or that answers nothing."""
        lines = self._lines.get(event)
        return lines.popleft() if lines else None

    def count(self, event: str = "") -> int:
        """How many are left."""
        return len(self._lines.get(event, ()))


def read_row(row: Any) -> tuple[str, bytes]:
    """Return the event and the line. Raises ValueError."""
    if not isinstance(row, dict) or not isinstance(row.get("when", ""), str):
        raise ValueError('is no object as {"name": "blank", "text": " "}')
    event = row.get("when", "")
    text, octets, parts = row.get("text"), row.get("hex"), row.get("parts")
    if isinstance(text, str):
        line = text.encode()
    elif isinstance(octets, str):
        line = bytes.fromhex(octets)
    elif isinstance(parts, list):
        line = b"".join(part_bytes(part) for part in parts)
    else:
        raise ValueError("has neither text, hex nor parts")
    if b"\n" in line:
        raise ValueError("is more than one line")
    return event, line


def part_bytes(part: Any) -> bytes:
    match part:
        case [str(text), int(count)] if len(text) * count <= MAX_LINE_BYTES:
            return text.encode() * count
    raise ValueError('has parts that are not ["text", count], or too long')
