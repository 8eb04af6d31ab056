"""Where a request ends."""

import pytest

from luxminer.api.framing import MAX_NESTING, MAX_REQUEST_BYTES, RequestFramer, RequestKind


def framed(*pieces: bytes, end: bool = False) -> RequestFramer:
    framer = RequestFramer()
    for piece in pieces:
        framer.feed(piece)
    if end:
        framer.end()
    return framer


@pytest.mark.parametrize(
    "raw",
    [
        b'{"command":"version"}',
        b'{"a":{"b":[{}]},"c":"}"}',
        b'{"a":"\\"}"}',
        b'{"a":"\\\\"}',
        b'{\n "command": "version"\n}',
        b"{}",
    ],
)
def test_json_ends_with_its_object_at_every_cut(raw: bytes) -> None:
    for cut in range(len(raw)):
        assert not framed(raw[:cut]).complete
        framer = framed(raw[:cut], raw[cut:] + b" rubbish")
        assert framer.complete
        assert framer.sound
        assert framer.kind is RequestKind.JSON
        assert framer.request == raw


@pytest.mark.parametrize("mark", [b"\n", b"\r\n", b"\0", b"\nmore", b"\0\n"])
def test_text_ends_at_a_line_end_or_nul(mark: bytes) -> None:
    framer = framed(b" asc", b"|1", mark)
    assert framer.complete
    assert framer.sound
    assert framer.request == b"asc|1"


def test_text_without_an_end_waits_for_silence() -> None:
    framer = framed(b"sum", b"mary")
    assert not framer.complete
    framer.end()
    assert framer.sound
    assert framer.request == b"summary"


def test_only_a_brace_makes_it_json() -> None:
    for raw in (b"[1]", b"\xef\xbb\xbf{}", b"GET / HTTP/1.1\r\n", b"x{}"):
        assert framed(raw).kind is RequestKind.TEXT
    for raw in (b"{", b" {", b"\r\n\t{"):
        assert framed(raw).kind is RequestKind.JSON
    assert framed(b" \r\n").kind is RequestKind.UNKNOWN


@pytest.mark.parametrize(
    ("pieces", "seen"),
    [
        ((b'{"a":1}',), False),
        ((b'{"a":1}\n',), True),
        ((b'{"a":1}', b"\n"), False),
        ((b'{\n"a"', b":1}"), True),
        ((b"\n", b'{"a":1}'), True),
    ],
)
def test_a_line_feed_counts_until_the_read_that_closes_the_object(
    pieces: tuple[bytes, ...], seen: bool
) -> None:
    framer = framed(*pieces)
    assert framer.complete
    assert framer.line_feed is seen


@pytest.mark.parametrize("raw", [b'{"a":', b'{"a":"}', b'{"a":"\\', b"{"])
def test_json_that_is_cut_off_is_no_request(raw: bytes) -> None:
    framer = framed(raw, end=True)
    assert framer.complete
    assert not framer.sound


def test_a_nul_inside_json_ends_it() -> None:
    framer = framed(b'{"a":\0')
    assert framer.complete
    assert not framer.sound


def test_nesting_is_bounded() -> None:
    deep = b'{"a":' + b"[" * (MAX_NESTING - 1)
    assert not framed(deep).complete
    framer = framed(deep + b"[")
    assert framer.complete
    assert not framer.sound


@pytest.mark.parametrize("start", [b'{"a":"', b"text", b""])
def test_length_is_bounded(start: bytes) -> None:
    framer = RequestFramer()
    framer.feed(start)
    for _ in range(MAX_REQUEST_BYTES // 4096):
        assert not framer.complete
        framer.feed(b" " * 4096)
    framer.feed(b" ")
    assert framer.complete
    assert not framer.sound


def test_the_longest_request_is_taken_also_with_rubbish_behind_it() -> None:
    raw = b'{"a":"' + b"x" * (MAX_REQUEST_BYTES - 8) + b'"}'
    framer = framed(raw + b"x" * MAX_REQUEST_BYTES)
    assert framer.sound
    assert framer.request == raw
    assert not framed(raw.replace(b"x", b"xx", 1)).sound
