"""How values look on the wire."""

import json
from fractions import Fraction

import pytest

from luxminer.api import columns, figures
from luxminer.api.columns import Column, Digits, make_row, table
from luxminer.api.render import to_json, to_text
from luxminer.api.replies import Reply, Status, one, rows
from tests.unit.api.snapshots import WALL_S, device, miner

STATUS = Status(letter="S", when=1, code=11, text="Summary", description="LUXminer 1")
HEAD = b"STATUS=S,When=1,Code=11,Msg=Summary,Description=LUXminer 1|"


def value_json(value: columns.Value) -> str:
    reply = to_json(Reply(status=STATUS, sections=(one("A", {"v": value}),))).decode()
    return reply.removeprefix('{"A":[{"v":').partition('}],"STATUS"')[0]


def value_text(value: columns.Value) -> str:
    reply = to_text(Reply(status=STATUS, sections=(one("A", {"v": value}),)))
    return reply.removeprefix(HEAD + b"A,v=").removesuffix(b"|").decode()


@pytest.mark.parametrize(
    ("value", "as_json", "as_text"),
    [
        (0, "0", "0"),
        (2**40, "1099511627776", "1099511627776"),
        (True, "true", "true"),
        (False, "false", "false"),
        (Digits("0.00"), "0.00", "0.00"),
        ("", '""', ""),
        ('wor"k,er|x=1\\y', '"wor\\"k,er|x=1\\\\y"', 'wor"k\\,er\\|x\\=1\\\\y'),
        ("a\r\n\tb\x00\x7f", '"a\\r\\n\\tb\\u0000\\u007f"', "a   b  "),
        ("grün €", '"gr\\u00fcn \\u20ac"', "gr?n ?"),
        ("\ud800", '"\\ud800"', "?"),
    ],
)
def test_values(value: columns.Value, as_json: str, as_text: str) -> None:
    assert value_json(value).replace("\x7f", "\\u007f") == as_json
    assert value_text(value) == as_text


@pytest.mark.parametrize("text", ["a,}b", "}{", "[,{", "{", "inf", "nan", "Inf", "-nan", "infra"])
def test_repairs_of_broken_json_find_nothing_in_strings(text: str) -> None:
    written = value_json(text)
    assert json.loads(written) == text
    assert not any(piece in written for piece in (",}", "}{", "[,{", '"inf"', '"nan"', '"-nan"'))


def test_sections_of_text_stand_in_byte_order_of_their_names() -> None:
    reply = Reply(
        status=STATUS,
        sections=(rows("b", [{"B": 1}, {"B": 2}]), rows("FANS", []), rows("A", [{"A": 3}])),
    )
    assert to_text(reply) == HEAD + b"A=3|B=1|B=2|"
    assert list(json.loads(to_json(reply))) == ["A", "STATUS", "b", "id"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), None])
def test_what_is_no_number_is_zero(bad: float | None) -> None:
    assert columns.RATE(bad) == "0.00"
    assert columns.DIFFICULTY(bad) == "0.00000000"
    assert columns.WHOLE(bad) == 0
    assert columns.ROUNDED(bad) == 0


def test_decimals() -> None:
    assert columns.RATE(Fraction(2, 3)) == "0.67"
    assert columns.RATE(1e21) == "1000000000000000000000.00"
    assert columns.DIFFICULTY(1024.5) == "1024.50000000"
    assert columns.WHOLE(Fraction(2049, 2)) == 1024
    assert columns.ROUNDED(2.5) == 2
    assert columns.ROUNDED(3599.6) == 3600


def test_optional_columns_are_left_out_and_labels_numbered() -> None:
    both: columns.Columns[int] = table(
        Column("a{n}", columns.WHOLE, lambda _, item: item),
        Column("b", columns.WHOLE, lambda _, _item: None, optional=True),
    )
    assert make_row(both, miner(), 7, number=3) == {"a3": 7}


def test_no_label_twice() -> None:
    with pytest.raises(AssertionError):
        table(columns.constant("a", 1), columns.constant("a", 2))


@pytest.mark.parametrize(
    ("difficulty", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(1, 3000), "0.0003333"),
        (Fraction(512), "512"),
        (Fraction(32768), "32K"),
        (Fraction(1_000_000), "1M"),
        (Fraction(10**24), "1000000E"),
    ],
)
def test_short_difficulty(difficulty: Fraction, text: str) -> None:
    assert figures.short_difficulty(difficulty) == text


@pytest.mark.parametrize(
    ("then_s", "text"),
    [
        (None, "0"),
        (WALL_S, "00:00:00"),
        (WALL_S + 5, "00:00:00"),
        (WALL_S - 1.5, "00:00:01"),
        (WALL_S - 3661, "01:01:01"),
        (WALL_S - 360000, "100:00:00"),
    ],
)
def test_age(then_s: float | None, text: str) -> None:
    assert figures.age_text(miner(), then_s) == text


def test_ratios_without_a_divisor_are_zero() -> None:
    assert figures.ratio_percent(1, 0) == 0
    assert figures.per_minute(5, 0) == 0
    assert figures.hardware_percent(0, Fraction(0)) == 0


def test_a_virtual_stick_shows_the_error_rate_of_a_real_one() -> None:
    """Its nonces stand for less work each; an error is still one error."""
    real = device(0)
    virtual = device(
        1, scale=0.001, nonces=type(real.nonces)(diff1_work=real.nonces.diff1_work / 1000)
    )
    assert float(figures.diff1_at_full_scale([virtual])) == pytest.approx(130)


def test_a_bare_word_is_all_of_a_reply() -> None:
    reply = Reply(status=Status(letter="S", when=1, code=0, text="", description=""), bare="BYE")
    assert to_json(reply) == b'{"STATUS":"BYE","id":1}'
    assert to_text(reply) == b"BYE"


def test_lists_and_rows_inside_a_row() -> None:
    row: columns.Row = {"Freqs": (Digits("1.50"), 2, "a,b"), "Chip": {"Label": "hot", "At": (0, 1)}}
    status = Status(letter="S", when=1, code=7, text="t", description="d")
    reply = Reply(status=status, sections=(one("X", row),))
    assert json.loads(to_json(reply))["X"] == [
        {"Freqs": [1.5, 2, "a,b"], "Chip": {"Label": "hot", "At": [0, 1]}}
    ]
    assert to_text(reply).endswith(rb"|X,Freqs=1.50 2 a\,b,Chip.Label=hot,Chip.At=0 1|")
