"""An agent finds its stick among those of a mock machine, and says what is wrong with others."""

import json
import sys
from pathlib import Path

import pytest

from tests.integration.test_discovery import NAMED, Machine

FIND = """
import dataclasses, json, sys
from luxminer.errors import ConfigError
from luxminer_hil.agent.place import stick_at

try:
    entry = stick_at(sys.argv[1], switchable=True)
except ConfigError as exc:
    print(json.dumps(str(exc)))
else:
    print(json.dumps(dataclasses.asdict(entry)))
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["compac", "terminus"])
def test_a_stick_is_found_by_its_place(machine: Machine, name: str) -> None:
    port = NAMED.index(name) + 1
    found = json.loads(machine.run(sys.executable, "-c", FIND, f"1-1.{port}"))
    assert found["model"] == name
    assert found["serial"] == machine.sticks[name].identity.serial
    assert found["port"] == machine.ttys[name][0]
    assert (found["hub"], found["hub_port"]) == ("1-1", port)


def test_a_place_without_a_stick_is_an_error(machine: Machine) -> None:
    words = json.loads(machine.run(sys.executable, "-c", FIND, "1-1.16"))
    assert words == "USB place 1-1.16: has no stick; plug it in"
