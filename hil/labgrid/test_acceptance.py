"""The acceptance suite on the stick of a labgrid environment, one subtest for each check."""

import warnings
from typing import TYPE_CHECKING

import pytest

from luxminer_hil.lab.driver import AcceptanceDriver, CheckResult

if TYPE_CHECKING:
    from labgrid.target import Target


def test_acceptance(target: "Target", subtests: pytest.Subtests) -> None:
    for result in target.get_driver(AcceptanceDriver).run():
        with subtests.test(f"{result.check}: {result.figure}"):
            judge(result)


def judge(result: CheckResult) -> None:
    """Say what pytest has a word for; it has none for a warning but one of Python's."""
    words = "\n  ".join([f"{result.check}: {result.figure}", *result.details])
    match result.verdict:
        case "pass":
            pass
        case "warn":
            warnings.warn(f"{words} (bound: {result.bound})", stacklevel=1)
        case "fail":
            pytest.fail(f"{words}\n  bound: {result.bound}", pytrace=False)
        case other:
            pytest.skip(f"{words} ({other})")
