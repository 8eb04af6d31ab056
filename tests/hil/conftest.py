"""``pytest tests/hil --rig rig.toml`` checks the sticks of a rig; without it, virtual ones."""

from pathlib import Path

import pytest

from luxminer_hil.acceptance.rig import Rig, load_rig


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rig", type=Path, help="file that describes the sticks of a rig")
    parser.addoption("--report", type=Path, help="folder for the reports of the sticks")


FAULT_TABLE = "fault table"
"""Property of a test that is printed at the end, also by tests in other processes."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in report.user_properties:
                if name == FAULT_TABLE:
                    terminalreporter.write_sep("-", "faults and the checks that see them")
                    terminalreporter.write_line(str(text))


def rig_of(config: pytest.Config) -> Rig | None:
    path = config.getoption("--rig", default=None)
    return load_rig(path) if path is not None else None


@pytest.fixture
def report(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where reports go: the folder that was asked for, else one that pytest cleans up."""
    folder = request.config.getoption("--report", default=None)
    return folder if folder is not None else tmp_path
