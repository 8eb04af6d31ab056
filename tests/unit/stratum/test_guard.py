"""Lines and JSON at their limits."""

import contextlib
import json
import time
from decimal import Decimal

import pytest

from luxminer.errors import StratumError
from luxminer.stratum import guard
from luxminer.stratum.guard import LineSplitter, parse_object, shown_text


def test_lines_are_cut_at_line_feeds_only() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b'{"a"', 0.0) == []
    assert splitter.feed(b':1}\r\n\n\n{"b":2}\n{', 0.0) == [b'{"a":1}\r', b'{"b":2}']
    assert splitter.feed(b"}\n", 0.0) == [b"{}"]


def test_the_longest_line_passes_and_a_longer_one_does_not() -> None:
    longest = b"a" * guard.MAX_LINE_BYTES
    assert LineSplitter().feed(longest + b"\n", 0.0) == [longest]
    splitter = LineSplitter()
    assert splitter.feed(longest, 0.0) == []
    with pytest.raises(StratumError, match="longer"):
        splitter.feed(b"a", 0.0)
    with pytest.raises(StratumError, match="longer"):
        LineSplitter().feed(longest + b"a\n", 0.0)


def test_what_an_endless_line_left_behind_is_forgotten() -> None:
    splitter = LineSplitter()
    with pytest.raises(StratumError):
        splitter.feed(b"a" * (guard.MAX_LINE_BYTES + 1), 0.0)
    assert splitter.feed(b"{}\n", 0.0) == [b"{}"]


@pytest.mark.parametrize("line", [b"", b" \t", b"\r", b"\xef\xbb\xbf"])
def test_blank_lines_are_nothing(line: bytes) -> None:
    assert parse_object(line) is None


def test_numbers_are_exact_and_the_last_key_wins() -> None:
    parsed = parse_object(b" \xef\xbb\xbf".strip() + b'{"a":1,"a":0.1,"b":1e400,"c":-0}\r')
    assert parsed == {"a": Decimal("0.1"), "b": Decimal("1E+400"), "c": 0}
    assert isinstance(parsed["a"], Decimal)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{}\x00", "not JSON"),
        (b'{"a":"\t"}', "not JSON"),
        (b'{"a":01}', "not JSON"),
        (b'{"a":+1}', "not JSON"),
        (b'{"a":.5}', "not JSON"),
        (b'{"a":1}{"b":2}', "not JSON"),
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":-Infinity}', "not JSON"),
        (b'{"a":1e99999999999999999999}', "not JSON"),
        (b'{"a":' + b"9" * (guard.MAX_DIGITS + 1) + b"}", "not JSON"),
        (b'{"a":0.' + b"1" * guard.MAX_DIGITS + b"}", "not JSON"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "not JSON"),
        (b'{"a":"\xff"}', "not UTF-8"),
        ('{"a":"é"}'.encode("utf-16"), "not"),
        (b"[]", "not a JSON object"),
        (b'"a"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"[" * 33 + b"]" * 33, "too deep"),
        (b"[" * 10_000, "too deep"),
        (b"[" * 20_000, "too many"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "too deep"),
        (b'{"a":["\\"",' + b"[" * 40, "too deep"),
        (b'{"a":[' + b"1," * (guard.MAX_VALUES + 1) + b"1]}", "too many"),
        (b"[]" * 100_000, "too many"),
        (b'""' * 100_000, "too many"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_line_of_stratum(line: bytes, reason: str) -> None:
    with pytest.raises(StratumError, match=reason) as caught:
        parse_object(line)
    assert caught.value.raw == line.removeprefix(b"\xef\xbb\xbf").strip()


def test_limits_are_not_met_early() -> None:
    deep = b'{"a":' + b"[" * 31 + b"]" * 31 + b"}"
    assert parse_object(deep) == json.loads(deep)
    assert parse_object(b'{"a":' + b"9" * guard.MAX_DIGITS + b"}") == {"a": 10**1000 - 1}
    wide = b'{"a":[' + b"[]," * 2000 + b"[]]}"
    assert parse_object(wide) == json.loads(wide)


def test_brackets_in_strings_do_not_nest() -> None:
    text = "[{" * 100 + '\\"' + "[" * 50 + "\\\\"
    assert parse_object(f'{{"a":"{text}"}}'.encode()) == {"a": json.loads(f'"{text}"')}


@pytest.mark.parametrize(
    "line",
    [
        b'"' + b'\\"' * (guard.MAX_LINE_BYTES // 2 - 1),
        b"[" + b'"' * 16_000 + b"[" * (guard.MAX_LINE_BYTES - 17_000),
        b"{" * (guard.MAX_LINE_BYTES - 1),
        b"\\" * (guard.MAX_LINE_BYTES - 1),
        b'{"a":"' + b"\\u0061" * 170_000 + b'"}',
    ],
    ids=["quotes", "strings", "braces", "backslashes", "escapes"],
)
def test_no_line_takes_the_parser_long(line: bytes) -> None:
    start_s = time.process_time()
    with contextlib.suppress(StratumError):
        parse_object(line)
    assert time.process_time() - start_s < 0.5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x07hello\r\nworld", " [2J hello  world"),
        ("a\x7fb\x85c\x9bd", "a b c d"),
        ("\u202eevil\u2066\u200f", " evil  "),
        ("a\u2028b", "a b"),
        ("\ud800x\udfff", "\ufffdx\ufffd"),
        ("⛏ блок 新块", "⛏ блок 新块"),
        ("<b>", "<b>"),
        ("x" * 300, "x" * 200),
    ],
)
def test_texts_are_safe_to_show(text: str, shown: str) -> None:
    assert shown_text(text) == shown
    shown_text(text).encode()


def test_lines_without_end_are_an_error_but_a_busy_pool_is_none() -> None:
    splitter = LineSplitter()
    for second in range(5):
        assert len(splitter.feed(b"{}\n" * 400, float(second))) == 400
    assert len(splitter.feed(b"{}\n" * (guard.LINE_BURST - 1000), 10.0)) > 1000
    with pytest.raises(StratumError, match="without end"):
        splitter.feed(b"{}\n" * guard.LINE_BURST, 10.0)
