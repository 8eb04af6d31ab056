"""``luxminer check-config`` names the place of a mistake, whoever found it."""

from pathlib import Path

import pytest

from luxminer.cli import main

FILE = """\
[api]
allow = ["W:127.0.0.1", "R:0/0"]

[stratum]
version_rolling_mask = "1fffe000"

[[pools]]
url = "stratum+tcp://a.example:3333"
user = "one"

[mining]
profile = "+1"

[[devices]]
port = "/dev/a"
model = "compac"

[[devices]]
port = "/dev/b"
model = "compac"
frequency_mhz = 100
"""


def check(text: str, folder: Path) -> int:
    file = folder / "luxminer.toml"
    file.write_text(text)
    return main(["check-config", "-c", str(file)])


@pytest.mark.parametrize(
    ("before", "after", "key", "words", "place"),
    [
        ("[api]", "[api", "", "not TOML", "(line 1, column 5)"),
        ("allow", "alow", "api.alow", "did you mean allow?", "(line 2, column 8)"),
        ('"R:0/0"', '"R:300.1.1.1"', "api.allow[1]", "300.1.1.1", "(line 2, column 25)"),
        ("1fffe000", "xyz", "stratum.version_rolling_mask", "xyz", "(line 5, column 24)"),
        ("stratum+tcp", "ftp", "pools[0].url", "unknown scheme ftp", "(line 8, column 7)"),
        ('"one"', '""', "pools[0].user", "is empty", "(line 9, column 8)"),
        ('"+1"', '"1"', "mining.profile", "tuned, -16 to -1 and +1 to +8", "(line 12, column 11)"),
        ("= 100", "= 900", "devices[1].frequency_mhz", "from 6.25 to 500", "(line 21, column 17)"),
        ("/dev/b", "/dev/a", "devices[1]", "same stick as devices[0]", "(line 18, column 11)"),
        ("/dev/b", "spy:///dev/b", "devices[1].port", "spy://", "(line 19, column 8)"),
    ],
)
def test_a_mistake_is_one_line_with_key_value_cure_and_place(
    before: str,
    after: str,
    key: str,
    words: str,
    place: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert FILE.count(before) == 1
    assert check(FILE.replace(before, after), tmp_path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(f"luxminer: {key}")
    assert words in line
    assert "; " in line
    assert line.endswith(place)


def test_a_good_file_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(FILE, tmp_path) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'luxminer.toml'}: fine (1 pool)\n"


def test_a_file_without_pools_gets_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("", tmp_path) == 0
    assert "add [[pools]]" in capsys.readouterr().out


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "-c", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
