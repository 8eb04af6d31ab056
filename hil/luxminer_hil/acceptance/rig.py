"""The file that describes a rig: which sticks are in it, and how long each is looked at.

::

    name = "bench 3"

    [effort]
    soak_s = 3600

    [[stick]]
    model = "compac"
    port = "/dev/ttyUSB0"
    serial = "10024583"
    hub = "1-1"  # switched by uhubctl to pull the stick
    hub_port = 2

    [[stick]]
    model = "newpac"  # without a port: a virtual one
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from luxminer.errors import ConfigError
from luxminer_hil.acceptance.bench import Effort
from luxminer_hil.acceptance.plug import plug_for
from luxminer_hil.acceptance.sticks import BenchStick, OwnStick, RealStick, find_driver

__all__ = ["Rig", "StickEntry", "load_rig", "make_stick"]

MAX_FILE_BYTES = 1 << 20
MAX_STICKS = 64

LIMITS: Mapping[str, tuple[float, float]] = {
    "nonces": (20, 1_000_000),
    "longest_s": (5, 86_400),
    "points": (1, 100),
    "lowest_part": (0.05, 1),
    "soak_s": (10, 30 * 86_400),
    "restarts": (1, 1000),
    "max_mhz": (1, 10_000),
    "chips": (0, 256),
    "scale": (1e-9, 1),
    "hub_port": (0, 16),
}
"""Setting -> what it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StickEntry:
    """One stick of a rig."""

    model: str
    port: str = ""
    """Empty for a virtual stick."""
    serial: str = ""
    chips: int = 0
    scale: float = 1.0
    hub: str = ""
    hub_port: int = 0

    @property
    def label(self) -> str:
        """A name for folders and test ids."""
        place = self.serial or self.port.rpartition("/")[2]
        kept = "".join(char if char.isalnum() or char in "-." else "_" for char in place)
        return f"{self.model}-{kept}" if kept else self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """All that is in the file."""

    sticks: tuple[StickEntry, ...]
    effort: Effort
    name: str = ""


def load_rig(path: Path) -> Rig:
    """Read a rig file. Raises ConfigError that names key, value and cure."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise ConfigError(f"is over {MAX_FILE_BYTES} bytes", key=str(path))
        document = tomllib.loads(raw.decode())
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror}", key=str(path)) from exc
    except ValueError as exc:
        raise ConfigError(f"is no TOML: {exc}", key=str(path)) from exc
    _known(document, {"name", "effort", "stick"}, "")
    entries = document.get("stick", [])
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_STICKS:
        cure = f"write 1 to {MAX_STICKS} [[stick]] sections"
        raise ConfigError("is no list of sticks", key="stick", cure=cure)
    sticks = tuple(
        StickEntry(**_values(StickEntry, entry, f"stick[{number}]"))
        for number, entry in enumerate(entries)
    )
    effort = Effort(**_values(Effort, document.get("effort", {}), "effort"))
    _distinct(sticks)
    name = document.get("name", "")
    if not isinstance(name, str):
        raise ConfigError(f"{name!r} is no text", key="name")
    return Rig(name=name, sticks=sticks, effort=effort)


def _distinct(sticks: Sequence[StickEntry]) -> None:
    """Refuse sticks whose reports would go to one folder."""
    seen: set[str] = set()
    for number, entry in enumerate(sticks):
        if entry.label in seen:
            cure = "give each a port or a serial of its own"
            key = f"stick[{number}]"
            raise ConfigError(f"is called {entry.label} like another one", key=key, cure=cure)
        seen.add(entry.label)


def _values(kind: type, given: object, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ConfigError(f"{given!r} is no table", key=where)
    types = {field.name: field.type for field in fields(kind)}
    _known(given, set(types), f"{where}.")
    if kind is StickEntry and "model" not in given:
        raise ConfigError("is missing", key=f"{where}.model", cure="name the model of the stick")
    return {key: _value(types[key], key, value, f"{where}.{key}") for key, value in given.items()}


def _value(kind: object, key: str, value: object, where: str) -> object:
    if kind in (str, "str"):
        if not isinstance(value, str):
            raise ConfigError(f"{value!r} is no text", key=where)
        return value
    whole = kind in (int, "int")
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        what = "whole number" if whole else "number"
        raise ConfigError(f"{value!r} is no {what}", key=where)
    low, high = LIMITS[key]
    if not low <= value <= high:
        raise ConfigError(f"{value!r} is out of range", key=where, cure=f"{low:g} to {high:g}")
    return value if whole else float(value)


def _known(given: Mapping[str, object], known: set[str], prefix: str) -> None:
    for key in given:
        if key not in known:
            near = get_close_matches(key, sorted(known), n=1)
            cure = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
            raise ConfigError("is unknown", key=f"{prefix}{key}", cure=cure)


def make_stick(entry: StickEntry, *, seed: int = 1) -> BenchStick:
    """Return the stick that an entry means. Raises ConfigError."""
    found = find_driver(entry.model)
    if not entry.port:
        for name, value, usual in (("scale", entry.scale, 1.0), ("hub", entry.hub, "")):
            if value != usual:
                cure = "name the port, or leave it out: a virtual stick of the bench has its own"
                raise ConfigError("is for a stick at a port", key=name, cure=cure)
        return OwnStick(found, chips=entry.chips, seed=seed)
    return RealStick(
        entry.port,
        found,
        serial=entry.serial,
        chips=entry.chips,
        scale=entry.scale,
        plug=plug_for(entry.hub, entry.hub_port),
    )
