"""Reading, refusing and rendering configuration files."""

import contextlib
import dataclasses
import re
import typing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.config.load import load, parse, render
from luxminer.config.schema import Config, PoolConfig
from luxminer.errors import ConfigError

SAMPLE = """\
# my sticks
[api]
port = 4028

[[pools]]
url = "stratum+tcp://a.example:3333"
user = "one"

[[pools]]
user = "two"   # the second
url = "stratum+tcp://b.example:3333"

[[devices]]
serial = "10024583"
frequency_mhz = 200
"""


def test_a_file_becomes_a_configuration() -> None:
    config = parse(SAMPLE)
    assert config.api.port == 4028
    assert [pool.user for pool in config.pools] == ["one", "two"]
    assert config.devices[0].frequency_mhz == 200.0
    assert config.stratum == Config().stratum


def test_nothing_at_all_is_the_defaults() -> None:
    assert parse("") == Config()


@pytest.mark.parametrize(
    ("before", "after", "key", "line", "cure"),
    [
        ("port = 4028", "prot = 4028", "api.prot", 3, "port"),
        ("port = 4028", "port = 70000", "api.port", 3, "0 to 65535"),
        ("port = 4028", "port = true", "api.port", 3, "whole number"),
        ("port = 4028", 'port = "4028"', "api.port", 3, "whole number"),
        ("port = 4028", "port = 4028.0", "api.port", 3, "whole number"),
        ("[api]", "[apis]", "apis", 2, "api"),
        ('user = "two"', "user = 2", "pools[1].user", 10, "text in quotes"),
        ('user = "two"', 'name = "two"', "pools[1].name", 10, ""),
        ("frequency_mhz = 200", "frequency_mhz = nan", "devices[0].frequency_mhz", 15, "0 to"),
        ("frequency_mhz = 200", "frequency_mhz = -1", "devices[0].frequency_mhz", 15, "0 to"),
        ("frequency_mhz = 200", "frequency = 200", "devices[0].frequency", 15, "frequency_mhz"),
        ('url = "stratum+tcp://b.example:3333"', "", "pools[1].url", 10, "stratum+tcp://"),
        ("[[devices]]", "[devices]", "devices", 13, "[[devices]]"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_cure(
    before: str, after: str, key: str, line: int, cure: str
) -> None:
    assert before in SAMPLE
    with pytest.raises(ConfigError) as caught:
        parse(SAMPLE.replace(before, after))
    assert caught.value.key == key
    assert caught.value.line == line
    assert caught.value.column is not None
    assert cure in caught.value.cure
    assert key in str(caught.value)


def test_inline_tables_have_places_too() -> None:
    with pytest.raises(ConfigError) as caught:
        parse('pools = [\n  {url = "a", user = "b"},\n  {url = "a", user = 7},\n]\n')
    assert (caught.value.key, caught.value.line) == ("pools[1].user", 3)


@pytest.mark.parametrize(
    ("text", "words", "line", "column"),
    [
        ("[api]\nport = ?\n", "Invalid value", 2, 8),
        ("[api]\nport = [1,\n\n", "", 2, 11),
        ("a = 1\na = 2\n", "Cannot overwrite a value", 2, 6),
        ("a = " + "[" * 100_000, "nested too deeply", None, None),
    ],
)
def test_broken_toml_says_where(
    text: str, words: str, line: int | None, column: int | None
) -> None:
    with pytest.raises(ConfigError, match="not TOML") as caught:
        parse(text)
    assert words in str(caught.value)
    assert caught.value.line == line
    if line is not None and column is not None:
        assert abs((caught.value.column or 0) - column) <= 2, "parsers count a little differently"


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none\.toml"):
        load(tmp_path / "none.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"port = \xff")
    with pytest.raises(ConfigError, match="not UTF-8 text: byte 7"):
        load(binary)
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="larger than"):
        load(huge)


def test_the_template_parses_back_to_the_defaults() -> None:
    assert parse(render()) == Config()


def test_the_shipped_file_is_the_rendered_template() -> None:
    shipped = Path(__file__).parents[3] / "luxminer.toml"
    assert shipped.read_text() == render()


def test_every_example_line_of_the_template_is_valid() -> None:
    text = re.sub(r"^#(\[|\w+ = )", r"\1", render(), flags=re.MULTILINE)
    config = parse(text)
    assert len(config.pools) == len(config.devices) == 1


def test_every_setting_has_words_and_sensible_bounds() -> None:
    hints = typing.get_type_hints(Config)
    for section in dataclasses.fields(Config):
        hint = hints[section.name]
        cls = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
        for setting in dataclasses.fields(cls):
            assert setting.metadata["words"], f"{cls.__name__}.{setting.name}"
            kind = typing.get_type_hints(cls)[setting.name]
            if kind in (int, float):
                low, high = setting.metadata["low"], setting.metadata["high"]
                assert low is not None, setting.name
                assert low <= setting.default <= high, setting.name


def test_a_password_never_shows() -> None:
    pool = PoolConfig(url="u", user="me", password="hunter2")
    assert "hunter2" not in repr(pool)
    assert "hunter2" not in repr(Config(pools=(pool,)))


@pytest.mark.parametrize("setting", ["password = 4711", 'proxy = ["socks5://me:4711@h"]'])
def test_a_secret_of_the_wrong_type_is_refused_without_showing_it(setting: str) -> None:
    with pytest.raises(ConfigError, match="text in quotes") as caught:
        parse(f'[[pools]]\nurl = "h:1"\nuser = "me"\n{setting}\n')
    assert caught.value.line == 4
    assert "4711" not in f"{caught.value} {caught.value.value}"


@given(
    user=st.text(max_size=30),
    password=st.text(max_size=30),
    port=st.integers(0, 65535),
    allow=st.lists(st.text(max_size=10), max_size=3),
    silence=st.floats(5, 600),
)
def test_what_is_rendered_parses_back(
    user: str, password: str, port: int, allow: list[str], silence: float
) -> None:
    base = Config()
    config = dataclasses.replace(
        base,
        api=dataclasses.replace(base.api, port=port, allow=tuple(allow)),
        stratum=dataclasses.replace(base.stratum, silence_timeout_s=silence),
        pools=(PoolConfig(url="x", user=user, password=password),),
    )
    assert parse(render(config)) == config


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_a_clear_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(parse(text), Config)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mining]\ndetect_interval_s = 1" + "0" * 400, "mining.detect_interval_s: is 1000"),
        ("[api]\nport = " + "1" * 5000, "too many digits"),
        ('"" = 1', '"": unknown setting'),
        ('"a.b" = 1', '"a.b": unknown setting'),
        ('[api]\n"x[0]" = 1', 'api."x[0]": unknown setting'),
        ('"\\u001b[31m" = 1', '"\\u001b[31m": unknown setting'),
        ('[log]\nurl = "x"', "log.url: unknown setting; it stands under [[pools]]"),
        ('[api]\nlisten = "' + "a" * 5000 + '"', "api.listen: has 5000 characters"),
    ],
)
def test_odd_names_and_sizes_are_clear_errors(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "bom.toml"
    path.write_bytes(b"\xef\xbb\xbf[api]\nport = 1\n")
    assert load(path).api.port == 1
