"""Prints, at the end, what the tests of facts have counted."""

import pytest

SURVIVORS = "changed facts"
"""Property of a test that is printed at the end, also by tests in other processes."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        str(text)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, text in report.user_properties
        if name == SURVIVORS
    ]
    if lines:
        terminalreporter.write_sep("-", "facts that were changed, and who noticed")
        for line in lines:
            terminalreporter.write_line(line)
