"""What is installed is what pyproject.toml says, and the text of the repository keeps its rules."""

import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import luxminer

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("group", ["luxminer.drivers", "luxminer.commands"])
def test_entry_points_are_those_of_pyproject(group: str) -> None:
    installed = {
        point.name: point.value
        for point in metadata.distribution("luxminer").entry_points
        if point.group == group
    }
    assert installed == PROJECT["entry-points"][group], "install again: make setup-test"


def test_the_version_is_the_same_everywhere() -> None:
    assert luxminer.__version__ == PROJECT["version"] == metadata.version("luxminer")
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_commands_are_installed() -> None:
    scripts = {
        point.name
        for point in metadata.distribution("luxminer").entry_points
        if point.group == "console_scripts"
    }
    assert scripts == {"luxminer", "luxminer-hil"}


def test_no_unfinished_work_is_committed() -> None:
    words = "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"])
    command = ["git", "grep", "-nIE", words, "--", "*.py", "*.pyx", "*.c", "*.h", "*.sh"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode == 128:
        pytest.skip("not a git checkout: the test needs git to list the files")
    assert found.stdout == ""
