"""Between a hostile peer and the parser: bounded lines, bounded JSON, no control characters.

Python's own parser recurses without limit, takes NaN, and is quadratic in the digits of an
integer; all of that is refused before or while it runs.

Ref: docs/sources.md, "Stratum" (line lengths, hostile input).
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from luxminer.errors import StratumError
from luxminer.limits import TokenBucket

__all__ = [
    "LINE_BURST",
    "MAX_LINE_BYTES",
    "MAX_SHOWN_TEXT",
    "LineSplitter",
    "parse_object",
    "shown_text",
]

MAX_LINE_BYTES = 256 * 1024
"""A job with a large payout coinbase has some tens of kilobytes. It bounds what one line costs: on
a small Raspberry Pi a MiB of brackets would take the parser a fifth of a second."""

LINES_PER_S = 500.0
LINE_BURST = 10_000
"""More lines than this are no pool: a job comes every few seconds, and each share has one answer;
after a break some thousand shares may be answered at once."""

MAX_DEPTH = 32
MAX_DIGITS = 1000
MAX_VALUES = 4096
"""Bounds the values of one line, and with them the time that parsing takes."""

MAX_SHOWN_TEXT = 200
"""Characters kept of a text from a pool."""

_BLANK = b" \t\r"
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # last: text direction
)
_SURROGATE = re.compile("[\ud800-\udfff]")

N = TypeVar("N", int, Decimal)


class LineSplitter:
    """Cuts a byte stream into lines, however it was split or joined on its way."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._rate = TokenBucket(LINES_PER_S, LINE_BURST)

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        """Return the lines that ``data`` completes, without their ends and without empty ones.

        Raises StratumError once a line is longer than `MAX_LINE_BYTES`, or there are more than
        `LINES_PER_S`; lines completed by the same data are lost then, the connection is useless.
        """
        if b"\n" in data:
            *whole, rest = (bytes(self._rest) + data).split(b"\n")
            lines = [line for line in whole if line]
            self._rest = bytearray(rest)
        else:
            self._rest += data
            lines = []
        if len(self._rest) > MAX_LINE_BYTES or any(len(line) > MAX_LINE_BYTES for line in lines):
            self._rest.clear()
            raise StratumError(f"line longer than {MAX_LINE_BYTES} bytes")
        if not all(self._rate.take(now_s) for _ in lines):
            raise StratumError("lines without end")
        return lines


def parse_object(line: bytes) -> dict[str, object] | None:
    """Parse one line; None when it is blank. Numbers become int or Decimal, exactly.

    The last of repeated keys wins. Raises StratumError for whatever is not one JSON object within
    the limits.
    """
    line = line.removeprefix(b"\xef\xbb\xbf").strip(_BLANK)
    if not line:
        return None
    _check_shape(line)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise StratumError("not UTF-8", line) from exc
    try:
        value = json.loads(
            text, parse_int=_number(int), parse_float=_number(Decimal), parse_constant=_refuse
        )
    except (ValueError, ArithmeticError) as exc:
        raise StratumError("not JSON", line) from exc
    if not isinstance(value, dict):
        raise StratumError("not a JSON object", line)
    return value


def shown_text(text: str) -> str:
    """Make a text from a pool safe to log, print and show, and at most `MAX_SHOWN_TEXT` long.

    Each control character becomes a blank; half characters become U+FFFD. HTML is not escaped.
    """
    return _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", text[:MAX_SHOWN_TEXT]))


def _check_shape(line: bytes) -> None:
    """Refuse what would take the parser too long or too deep. Brackets in strings do not count."""
    if line.count(b",") > MAX_VALUES or line.count(b'"') > 4 * MAX_VALUES:
        raise StratumError("too many values", line)
    if line.count(b"[") + line.count(b"{") <= MAX_DEPTH:
        return
    brackets = _STRING.sub(b"", line).translate(None, delete=_NO_BRACKETS)
    if len(brackets) > 4 * MAX_VALUES:
        raise StratumError("too many values", line)
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise StratumError("nested too deep", line)


def _number(convert: Callable[[str], N]) -> Callable[[str], N]:
    def read(digits: str) -> N:
        if len(digits) > MAX_DIGITS:
            raise ValueError(f"number of {len(digits)} characters")
        return convert(digits)

    return read


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
