"""From a word on the command line to an exit status."""

import shlex
import subprocess
import sys

import pytest

from luxminer.cli import BUILT_IN, dispatch, main

TABLE = {
    "sample": ("ends somehow", "tests.unit.cmd.sample_command:COMMAND"),
    "broken": ("cannot be imported", "tests.unit.cmd.no_such_module:COMMAND"),
}


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("fine", 0, ""),
        ("setting", 2, "luxminer: a.b: is 7; write 8 (line 3, column 5)\n"),
        ("nowhere", 2, "luxminer: a.b: is 7; write 8\n"),
        ("world", 1, "luxminer: the pool is gone\n"),
        ("missing", 1, "luxminer: /nowhere: No such file or directory\n"),
        ("codes", 2, "luxminer: a: is \\x1b[31m\n"),
        ("interrupt", 130, ""),
    ],
)
def test_each_end_has_its_status_and_one_line(
    how: str, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch("luxminer", "", TABLE, ["sample", "--how", how]) == status
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", words)


def test_a_reader_that_went_away_is_no_traceback() -> None:
    code = "import sys; from luxminer.cli import dispatch\n"
    code += f"sys.exit(dispatch('luxminer', '', {TABLE!r}, ['sample', '--how', 'pipe']))"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (child.returncode, child.stdout, child.stderr) == (1, "", "")


def test_a_closed_standard_output_is_no_traceback() -> None:
    code = "import sys; from luxminer.cli import dispatch\n"
    code += f"sys.exit(dispatch('luxminer', '', {TABLE!r}, ['sample', '--how', 'fine']))"
    words = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(code)} >&-"
    child = subprocess.run(["/bin/sh", "-c", words], stderr=subprocess.PIPE, text=True, check=False)
    assert (child.returncode, child.stderr) == (0, "")


def test_commands_that_were_not_typed_are_not_imported(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        dispatch("luxminer", "", TABLE, ["--help"])
    assert end.value.code == 0
    assert "cannot be imported" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--nonsense"], ["api"], ["run", "x"]])
def test_bad_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: luxminer" in capsys.readouterr().err


@pytest.mark.parametrize("name", [*BUILT_IN, "demo"])
def test_every_command_has_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert f"usage: luxminer {name}" in capsys.readouterr().out
