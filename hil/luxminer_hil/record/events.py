"""Lines of a recording: one JSON object each, the first one the header.

::

    {"format": "luxminer-recording", "version": 1, "model": "compac", "serial": "10000001", ...}
    {"t": 0.0, "do": "open", "baud": 115200}
    {"t": 0.060312, "do": "write", "hex": "84000011"}
    {"t": 0.061904, "do": "read", "hex": "1384000013"}

``t`` is monotonic seconds since the recording began. ``write`` is from the host to the stick, both
as they were handed over, so a frame may come in several pieces. ``ch`` is the number of another
line of the same stick; it is left out for the chips' own.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

__all__ = [
    "FORMAT",
    "MAX_DATA_BYTES",
    "MAX_LINE_BYTES",
    "MAX_TEXT",
    "VERSION",
    "BadLine",
    "Do",
    "Event",
    "Header",
]

FORMAT = "luxminer-recording"
VERSION = 1

MAX_DATA_BYTES = 65536
"""Of one event; longer writes are recorded as several."""

MAX_LINE_BYTES = 2 * MAX_DATA_BYTES + 1024

MAX_TEXT = 200
MAX_NUMBER = 1 << 31
MAX_CHANNEL = 7


class Do(StrEnum):
    """What happened."""

    OPEN = "open"
    """The host opened the port, with 8 data bits, no parity, 1 stop bit."""
    BAUD = "baud"
    RESET = "reset"
    """The chips are held in reset from now on, or not any more."""
    WRITE = "write"
    READ = "read"
    DISCARD = "discard"
    """The host threw away what it had not read yet."""
    CLOSE = "close"
    LOST = "lost"
    """The stick was gone, or refused; why."""
    END = "end"
    """The recording ends here although the traffic went on; why."""


class BadLine(ValueError):
    """A line that is none of a recording; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What was recorded, with what. Empty where nobody knows."""

    model: str = ""
    serial: str = ""
    port: str = ""
    capabilities: tuple[str, ...] = ()
    """What the recorded transport could do besides moving bytes."""
    started: str = ""
    """Wall time, ISO 8601 in UTC."""
    luxminer: str = ""
    python: str = ""
    note: str = ""

    def encode(self) -> str:
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)})

    @classmethod
    def decode(cls, line: str) -> "Header":
        """Read the first line. Raises BadLine."""
        values = _object(line)
        if values.pop("format", None) != FORMAT:
            raise BadLine(f'is no recording: it does not begin with "format": "{FORMAT}"')
        version = values.pop("version", None)
        if version != VERSION:
            raise BadLine(f"has version {version!r}; this program reads version {VERSION}")
        offered = values.pop("capabilities", [])
        if not isinstance(offered, list) or not all(_is_text(each) for each in offered):
            raise BadLine('"capabilities" is no list of texts')
        known = {field.name for field in fields(cls)}
        for key, value in values.items():
            if key not in known:
                raise BadLine(f"has an unknown key {key[:MAX_TEXT]!r}")
            if not _is_text(value):
                raise BadLine(f'"{key}" is no text of up to {MAX_TEXT} characters')
        return cls(capabilities=tuple(offered), **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line after the header. Which of the last three counts depends on ``do``: `CONTENT`."""

    t_s: float
    do: Do
    channel: int = 0
    data: bytes = b""
    number: int = 0
    """Baud rate; count of bytes; 1 or 0 for a reset line."""
    words: str = ""

    def encode(self) -> str:
        values: dict[str, Any] = {"t": round(self.t_s, 6), "do": self.do.value}
        if self.channel:
            values["ch"] = self.channel
        key = CONTENT.get(self.do)
        if key == "hex":
            values[key] = self.data.hex()
        elif key == "why":
            values[key] = self.words[:MAX_TEXT]
        elif key is not None:
            values[key] = self.number
        return json.dumps(values)

    @classmethod
    def decode(cls, line: str) -> "Event":
        """Read a line. Raises BadLine."""
        values = _object(line)
        try:
            do = Do(values.pop("do", ""))
        except ValueError:
            raise BadLine(f'"do" is none of {", ".join(Do)}') from None
        t_s = values.pop("t", None)
        if isinstance(t_s, bool) or not isinstance(t_s, int | float) or not 0 <= t_s < math.inf:
            raise BadLine('"t" is no time from 0 on')
        channel = _number(values.pop("ch", 0), "ch", MAX_CHANNEL)
        key = CONTENT.get(do)
        if set(values) != ({key} if key is not None else set()):
            wanted = f'"t", "do" and "{key}"' if key is not None else '"t" and "do"'
            raise BadLine(f"{do} takes {wanted}, and nothing else")
        data, number, words = b"", 0, ""
        if key == "hex":
            data = _data(values[key])
        elif key == "why":
            if not _is_text(values[key]):
                raise BadLine(f'"why" is no text of up to {MAX_TEXT} characters')
            words = values[key]
        elif key is not None:
            number = _number(values[key], key, MAX_NUMBER)
        return cls(t_s=float(t_s), do=do, channel=channel, data=data, number=number, words=words)


CONTENT: Mapping[Do, str] = {
    Do.OPEN: "baud",
    Do.BAUD: "baud",
    Do.RESET: "on",
    Do.WRITE: "hex",
    Do.READ: "hex",
    Do.DISCARD: "bytes",
    Do.LOST: "why",
    Do.END: "why",
}
"""What an event has besides its time; those that are missing have nothing."""


def _object(line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise BadLine(f"is no JSON: {exc}") from None
    if not isinstance(values, dict):
        raise BadLine("is no JSON object")
    return values


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT


def _number(value: object, key: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise BadLine(f'"{key}" is no number from 0 to {most}')
    return value


def _data(value: object) -> bytes:
    if not isinstance(value, str) or not value.isascii() or " " in value:
        raise BadLine('"hex" is no string of hexadecimal digits')
    try:
        data = bytes.fromhex(value)
    except ValueError:
        raise BadLine('"hex" is no string of hexadecimal digits, two for each byte') from None
    if not 0 < len(data) <= MAX_DATA_BYTES:
        raise BadLine(f'"hex" has {len(data)} bytes, and not 1 to {MAX_DATA_BYTES}')
    return data
