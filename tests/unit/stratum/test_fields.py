"""Single values: what Python would take and a pool must not send."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from luxminer.errors import StratumError
from luxminer.stratum import fields

ARABIC_DIGITS = "\u0665\u0660"
HUGE, MINUS_HUGE = Decimal("1E+999999999999"), Decimal("-1E+999999999999")
"""Arithmetic on these overflows; comparing them does not."""


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        (-5, -5),
        (Decimal("5.0"), 5),
        (Decimal("1E+3"), 1000),
        (1 << 53, 1 << 53),
        ((1 << 53) + 1, None),
        (Decimal("5.5"), None),
        (HUGE, None),
        (MINUS_HUGE, None),
        (Decimal("1E-999999999999"), None),
        (True, None),
        (False, None),
        (None, None),
        ("5", None),
        ([], None),
    ],
)
def test_integers(value: object, number: int | None) -> None:
    assert fields.integer_of(value) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("5", 5),
        ("05", 5),
        (Decimal("5.0"), 5),
        ("", None),
        ("5 ", None),
        ("5\n", None),
        ("-5", None),
        ("+5", None),
        ("5_0", None),
        (ARABIC_DIGITS, None),
        ("9" * 5000, None),
        (True, None),
        ({}, None),
    ],
)
def test_ids_of_replies(value: object, number: int | None) -> None:
    assert fields.reply_id_of(value) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("20000000", 0x20000000), ("2", 2), ("FFFFffff", 0xFFFFFFFF), ("0", 0)],
)
def test_numbers_in_hex(text: str, number: int) -> None:
    assert fields.u32_of(text, "version") == number


HEX_TRAPS = ["", "120000000", "2000_000", "+504e86b", "-1", " 1", "1 ", "1\n", "0x1", "g", "1.0"]


@pytest.mark.parametrize("bad", [*HEX_TRAPS, ARABIC_DIGITS, 536870912, None, True, ["2"], 2.0])
def test_numbers_that_are_not_hex(bad: object) -> None:
    with pytest.raises(StratumError, match="version"):
        fields.u32_of(bad, "version")


def test_masks_may_say_that_they_are_hex() -> None:
    assert fields.mask_of("0x1fffe000") == fields.mask_of("1fffe000") == 0x1FFFE000


@pytest.mark.parametrize("bad", ["0x", "0x0x1", "0X1fffe000", "0x1fffe0000", 536862720, None])
def test_masks_that_are_none(bad: object) -> None:
    with pytest.raises(StratumError, match="mask"):
        fields.mask_of(bad)


def test_bytes() -> None:
    assert fields.hex_of("00aBcD", "x") == b"\x00\xab\xcd"
    assert fields.hex_of("", "x") == b""
    assert fields.hex_of("00" * 32, "x", 32) == bytes(32)


@pytest.mark.parametrize(
    "bad", ["0", "0g", "00 00", " 00", "00\n", "0x00", ARABIC_DIGITS, "\ud800\ud800", 5, None, []]
)
def test_bytes_that_are_none(bad: object) -> None:
    with pytest.raises(StratumError, match="coinb1"):
        fields.hex_of(bad, "coinb1")


@pytest.mark.parametrize("size", [31, 33])
def test_bytes_of_another_length(size: int) -> None:
    with pytest.raises(StratumError, match=f"{size} bytes instead of 32"):
        fields.hex_of("00" * size, "prevhash", 32)


def test_extranonces() -> None:
    assert fields.extranonce1_of("") == b""
    assert fields.extranonce1_of("ab" * 100) == b"\xab" * 100
    assert fields.extranonce2_size_of(Decimal("4.0")) == 4
    assert fields.extranonce2_size_of(16) == 16


@pytest.mark.parametrize("bad", ["ab" * 101, "abc", None, 7])
def test_extranonce1_that_is_none(bad: object) -> None:
    with pytest.raises(StratumError, match="extranonce1"):
        fields.extranonce1_of(bad)


@pytest.mark.parametrize("bad", [0, 17, -1, "4", True, None, Decimal("4.5"), HUGE, 4294967295])
def test_sizes_of_extranonce2_that_are_none(bad: object) -> None:
    with pytest.raises(StratumError, match="extranonce2"):
        fields.extranonce2_size_of(bad)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0bF", ("0bF", False)),
        (123, ("123", True)),
        (-1, ("-1", True)),
        ("ahoj-7/é", ("ahoj-7/é", False)),
        ("x" * 256, ("x" * 256, False)),
        (" ", (" ", False)),
    ],
)
def test_job_ids_are_any_text(value: object, expected: tuple[str, bool]) -> None:
    assert fields.job_id_of(value) == expected


@pytest.mark.parametrize(
    "bad", ["", "x" * 257, "a\nb", "a\x00", "\x7f", "\x9b", None, True, 10**256, Decimal(1), []]
)
def test_job_ids_that_are_none(bad: object) -> None:
    with pytest.raises(StratumError, match="job id"):
        fields.job_id_of(bad)


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("eu.pool.example", "eu.pool.example"),
        ("10.0.0.1", "10.0.0.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("", None),
        (None, None),
    ],
)
def test_hosts(value: object, host: str | None) -> None:
    assert fields.host_of(value) == host


@pytest.mark.parametrize(
    "bad",
    [
        "eu.pool.example/../x@evil.example",
        "a b",
        "a\n",
        "a" * 254,
        "pöol",
        "pool.example:3333",
        5,
        False,
        [],
    ],
)
def test_hosts_that_are_none(bad: object) -> None:
    with pytest.raises(StratumError, match="host"):
        fields.host_of(bad)


@pytest.mark.parametrize(
    ("value", "port"),
    [
        (3333, 3333),
        ("3333", 3333),
        (Decimal("3333.0"), 3333),
        (65535, 65535),
        (0, None),
        ("0", None),
        ("", None),
        (None, None),
    ],
)
def test_ports(value: object, port: int | None) -> None:
    assert fields.port_of(value) == port


@pytest.mark.parametrize("bad", [65536, -1, "99999", "-1", " 1", "1e3", True, False, HUGE, []])
def test_ports_that_are_none(bad: object) -> None:
    with pytest.raises(StratumError, match="port"):
        fields.port_of(bad)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (10, 10.0),
        ("10", 10.0),
        (Decimal("2.5"), 2.5),
        ("2.5", 2.5),
        (-5, 0.0),
        ("-5", 0.0),
        (301, 300.0),
        (HUGE, 300.0),
        (MINUS_HUGE, 0.0),
        ("soon", 0.0),
        ("nan", 0.0),
        (True, 0.0),
        (None, 0.0),
        ([], 0.0),
    ],
)
def test_pauses(value: object, seconds: float) -> None:
    assert fields.seconds_of(value) == seconds


READERS: list[Callable[[object], object]] = [
    fields.integer_of,
    fields.reply_id_of,
    fields.seconds_of,
]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", [{}, [], object(), b"5", 1.5, float("nan")])
def test_readers_that_never_raise(reader: Callable[[object], object], value: object) -> None:
    assert reader(value) in (None, 0.0)
