"""The file that describes a rig: what it means, and that mistakes get a clear answer."""

from pathlib import Path

import pytest

from luxminer.errors import ConfigError
from luxminer_hil.acceptance.plug import HubPlug, plug_for
from luxminer_hil.acceptance.rig import StickEntry, load_rig, make_stick
from luxminer_hil.acceptance.sticks import OwnStick, RealStick

GOOD = """
name = "bench 3"
[effort]
soak_s = 3600
points = 7
[[stick]]
model = "compac"
port = "/dev/ttyUSB0"
serial = "10024583"
[[stick]]
model = "newpac"
"""


def test_a_rig_has_real_and_virtual_sticks(tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(GOOD)
    rig = load_rig(path)
    assert rig.name == "bench 3"
    assert (rig.effort.soak_s, rig.effort.points, rig.effort.nonces) == (3600.0, 7, 300)
    assert [entry.label for entry in rig.sticks] == ["compac-10024583", "newpac"]
    real, own = (make_stick(entry) for entry in rig.sticks)
    assert isinstance(real, RealStick)
    assert real.chips == 1
    assert isinstance(own, OwnStick)
    assert own.chips == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "stick: is no list of sticks"),
        ("[[stick]]\nmodel='u1'\n[[stick]]\nmodel='u1'", r"stick\[1\]: is called u1 like another"),
        ("[[stick]]\nport = 'x'", r"stick\[0\].model: is missing"),
        ("[[stick]]\nmodle = 'compac'", r"stick\[0\].modle: is unknown; did you mean model"),
        ("[[stick]]\nmodel = 5", r"stick\[0\].model: 5 is no text"),
        ("[[stick]]\nmodel = 'compac'\nscale = 2", r"stick\[0\].scale: 2 is out of range"),
        ("[[stick]]\nmodel = 'compac'\nchips = 1.5", r"stick\[0\].chips: 1.5 is no whole number"),
        ("[[stick]]\nmodel = 'compac'\n[effort]\nsoak_s = 1", "effort.soak_s: 1 is out of range"),
        ("[[stick]]\nmodel = 'compac'\n[effort]\nsoak = 9", "effort.soak: is unknown"),
        ("rigs = 1", "rigs: is unknown"),
        ("[[stick]\n", "is no TOML"),
        ("stick = 5", "stick: is no list"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_rig(path)


def test_a_missing_file_and_an_unknown_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rig(tmp_path / "none")
    with pytest.raises(ConfigError, match=r'"compaq".*did you mean compac'):
        make_stick(StickEntry(model="compaq"))


def test_a_label_is_a_folder_name() -> None:
    assert StickEntry(model="u1", port="socket://a:1/../x").label == "u1-x"
    assert StickEntry(model="u1", serial="a/../b c").label == "u1-a_.._b_c"


def test_a_hub_needs_its_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="needs uhubctl"):
        plug_for("1-1", 2)
    program = tmp_path / "uhubctl"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert isinstance(plug_for("1-1", 2), HubPlug)
