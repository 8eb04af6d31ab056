"""What goes wrong on purpose: a plan that can be read, repeated by its seed, and reconciled.

A plan is a list of faults, each with a time window in seconds since the stick started::

    seed = 7

    [[fault]]
    kind = "flip"  # one bit of a byte
    direction = "to_host"
    probability = 0.001  # of each byte
    from_s = 10
    until_s = 20

    [[fault]]
    kind = "unplug"
    from_s = 30
    duration_s = 2

`KINDS` says which keys a kind takes. JSON files have the same shape. Every fault draws from its own
random numbers, so that adding one leaves the others as they were.
"""

import difflib
import json
import math
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from luxminer_hil.chipsim.errors import SimulatorError

__all__ = [
    "KINDS",
    "Direction",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "Keys",
    "parse_fault",
    "parse_faults",
]

MAX_FAULTS = 1000
MAX_FILE_BYTES = 1 << 20
MAX_DELAY_S = 10.0
NONCE_BITS = 32


class Direction(StrEnum):
    TO_STICK = "to_stick"
    TO_HOST = "to_host"


class FaultKind(StrEnum):
    DROP = "drop"
    """A byte is lost."""
    FLIP = "flip"
    """One bit of a byte is inverted."""
    DUPLICATE = "duplicate"
    """A byte comes twice."""
    SPLIT = "split"
    """A write is cut at a random place, and the rest comes ``delay_s`` later."""
    DELAY = "delay"
    """A whole write comes ``delay_s`` later, and what follows behind it."""
    CORRUPT_NONCE = "corrupt_nonce"
    """One bit of a reported nonce is inverted: a hardware error."""
    DUPLICATE_NONCE = "duplicate_nonce"
    """A nonce is reported twice."""
    DEAD = "dead"
    """A chip neither answers nor hashes."""
    DEAD_CORE = "dead_core"
    """One core of a chip finds nothing."""
    ZOMBIE = "zombie"
    """A chip answers register reads and finds nothing."""
    HARD_TICKET = "hard_ticket"
    """A chip keeps nonces that are not ``times`` harder than it was told."""
    BROWN_OUT = "brown_out"
    """The chips restart: power-on clock, no addresses, no task. The port stays."""
    WEAK_SUPPLY = "weak_supply"
    """The same, whenever the chips together come to more than ``above_mhz`` for each of them."""
    UNPLUG = "unplug"
    """The port is gone for ``duration_s``; then it is back with freshly powered chips."""
    USB_RESET = "usb_reset"
    """The hub resets the port: the bridge begins anew, the chips keep their power. On USB only."""
    STALL_CONTROL = "stall_control"
    """The bridge refuses all requests of its maker's kind. On USB only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong. Which fields matter depends on ``kind``: see `KINDS`."""

    kind: FaultKind
    direction: Direction | None = None
    """None means both."""
    probability: float = 0.0
    from_s: float = 0.0
    until_s: float = math.inf
    delay_s: float = 0.0
    duration_s: float = math.inf
    """The default leaves the stick unplugged for good."""
    chip: int | None = None
    """None means all."""
    core: int = 0
    times: float = 1.0
    above_mhz: float = math.inf

    def is_active(self, now_s: float) -> bool:
        return self.from_s <= now_s < self.until_s


class Keys(NamedTuple):
    """Keys that a kind takes besides ``kind``."""

    required: frozenset[str]
    optional: frozenset[str]


def _keys(required: str, optional: str) -> Keys:
    return Keys(frozenset(required.split()), frozenset(optional.split()))


KINDS: Mapping[FaultKind, Keys] = {
    FaultKind.DROP: _keys("probability", "direction from_s until_s"),
    FaultKind.FLIP: _keys("probability", "direction from_s until_s"),
    FaultKind.DUPLICATE: _keys("probability", "direction from_s until_s"),
    FaultKind.SPLIT: _keys("probability delay_s", "direction from_s until_s"),
    FaultKind.DELAY: _keys("probability delay_s", "direction from_s until_s"),
    FaultKind.CORRUPT_NONCE: _keys("probability", "chip from_s until_s"),
    FaultKind.DUPLICATE_NONCE: _keys("probability", "chip from_s until_s"),
    FaultKind.DEAD: _keys("", "chip from_s until_s"),
    FaultKind.DEAD_CORE: _keys("core", "chip from_s until_s"),
    FaultKind.ZOMBIE: _keys("", "chip from_s until_s"),
    FaultKind.HARD_TICKET: _keys("times", "chip from_s until_s"),
    FaultKind.BROWN_OUT: _keys("from_s", ""),
    FaultKind.WEAK_SUPPLY: _keys("above_mhz", "from_s until_s"),
    FaultKind.UNPLUG: _keys("from_s", "duration_s"),
    FaultKind.USB_RESET: _keys("from_s", ""),
    FaultKind.STALL_CONTROL: _keys("", "from_s until_s"),
}

BYTE_KINDS = frozenset({FaultKind.DROP, FaultKind.FLIP, FaultKind.DUPLICATE})
WRITE_KINDS = frozenset({FaultKind.SPLIT, FaultKind.DELAY})
USB_KINDS = frozenset({FaultKind.USB_RESET, FaultKind.STALL_CONTROL})
TIMED_KINDS = USB_KINDS | {FaultKind.UNPLUG, FaultKind.BROWN_OUT}


class Part(NamedTuple):
    """Bytes that come ``delay_s`` later than they would have."""

    delay_s: float
    data: bytes


class FaultPlan:
    """Faults with their random numbers and a count of what each kind did.

    ``counts`` has names like ``flip.to_host`` (bytes, or writes), ``corrupt_nonce``, ``dead``
    (replies suppressed), ``dead_core`` (nonces kept), ``hard_ticket`` (the same),
    ``zombie`` (tasks ignored), ``unplug``.
    """

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        self.faults = tuple(faults)
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self._kinds = frozenset(fault.kind for fault in self.faults)
        self._randoms = [
            {direction: Random(f"{seed}/{number}/{direction}") for direction in Direction}
            for number in range(len(self.faults))
        ]

    @classmethod
    def load(cls, path: Path, seed: int | None = None) -> "FaultPlan":
        """Read a TOML or JSON file; ``seed`` goes before the one in the file.

        Raises SimulatorError that names key, value and cure.
        """
        faults, own_seed = parse_faults(_read(path), path.name)
        return cls(faults, own_seed if seed is None else seed)

    def passing(self, direction: Direction, data: bytes, now_s: float) -> list[Part]:
        """Return what becomes of one write on its way."""
        parts = [Part(0.0, data)]
        for number, fault in enumerate(self.faults):
            if fault.direction not in (None, direction) or not fault.is_active(now_s):
                continue
            random = self._randoms[number][direction]
            if fault.kind in BYTE_KINDS:
                parts = [
                    Part(p.delay_s, self._bytes(fault, random, p.data, direction)) for p in parts
                ]
            elif fault.kind in WRITE_KINDS:
                parts = [q for p in parts for q in self._write(fault, random, p, direction)]
        return [part for part in parts if part.data]

    def nonce(self, nonce: int, chip: int, now_s: float) -> int:
        """Return the nonce as chip number ``chip`` will report it."""
        for number, fault in enumerate(self.faults):
            if fault.kind is FaultKind.CORRUPT_NONCE and self._hits(fault, chip, now_s):
                random = self._randoms[number][Direction.TO_HOST]
                if random.random() < fault.probability:
                    self.counts[fault.kind] += 1
                    nonce ^= 1 << random.randrange(NONCE_BITS)
        return nonce

    def is_twice(self, chip: int, now_s: float) -> bool:
        """Say whether chip number ``chip`` reports its present nonce again."""
        for number, fault in enumerate(self.faults):
            if fault.kind is FaultKind.DUPLICATE_NONCE and self._hits(fault, chip, now_s):
                random = self._randoms[number][Direction.TO_HOST]
                if random.random() < fault.probability:
                    self.counts[fault.kind] += 1
                    return True
        return False

    def is_dead_core(self, chip: int, core: int, now_s: float) -> bool:
        return any(
            fault.kind is FaultKind.DEAD_CORE
            and fault.core == core
            and self._hits(fault, chip, now_s)
            for fault in self.faults
        )

    def times_harder(self, chip: int, now_s: float) -> float:
        """Return how much harder than its ticket a nonce must be for the chip to report it."""
        if FaultKind.HARD_TICKET not in self._kinds:
            return 1.0
        hit = (
            fault.times
            for fault in self.faults
            if fault.kind is FaultKind.HARD_TICKET and self._hits(fault, chip, now_s)
        )
        return max(hit, default=1.0)

    def is_too_much(self, mhz: float, now_s: float) -> bool:
        """Say whether the supply breaks down at a mean clock of the chips."""
        return any(
            fault.kind is FaultKind.WEAK_SUPPLY and mhz > fault.above_mhz and fault.is_active(now_s)
            for fault in self.faults
        )

    def is_dead(self, chip: int, now_s: float) -> bool:
        return self._is(FaultKind.DEAD, chip, now_s)

    def is_zombie(self, chip: int, now_s: float) -> bool:
        return self._is(FaultKind.ZOMBIE, chip, now_s)

    def timed(self) -> list[Fault]:
        """Return the faults that somebody has to begin, in order of time."""
        timed = (fault for fault in self.faults if fault.kind in TIMED_KINDS)
        return sorted(timed, key=lambda fault: fault.from_s)

    def _is(self, kind: FaultKind, chip: int, now_s: float) -> bool:
        return kind in self._kinds and any(
            fault.kind is kind and self._hits(fault, chip, now_s) for fault in self.faults
        )

    @staticmethod
    def _hits(fault: Fault, chip: int, now_s: float) -> bool:
        return fault.chip in (None, chip) and fault.is_active(now_s)

    def _bytes(self, fault: Fault, random: Random, data: bytes, direction: Direction) -> bytes:
        out = bytearray()
        for byte in data:
            if random.random() >= fault.probability:
                out.append(byte)
                continue
            self.counts[f"{fault.kind}.{direction}"] += 1
            if fault.kind is FaultKind.FLIP:
                out.append(byte ^ 1 << random.randrange(8))
            elif fault.kind is FaultKind.DUPLICATE:
                out += bytes([byte, byte])
        return bytes(out)

    def _write(self, fault: Fault, random: Random, part: Part, direction: Direction) -> list[Part]:
        if random.random() >= fault.probability:
            return [part]
        late_s = part.delay_s + fault.delay_s
        if fault.kind is FaultKind.DELAY:
            self.counts[f"{fault.kind}.{direction}"] += 1
            return [Part(late_s, part.data)]
        if len(part.data) < 2:
            return [part]
        self.counts[f"{fault.kind}.{direction}"] += 1
        cut = random.randrange(1, len(part.data))
        return [Part(part.delay_s, part.data[:cut]), Part(late_s, part.data[cut:])]


def _read(path: Path) -> object:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        reason = f"cannot read {path}: {exc.strerror}"
        raise SimulatorError("faults", reason, "give the path of a TOML or JSON file") from exc
    if len(raw) > MAX_FILE_BYTES:
        raise SimulatorError("faults", f"{path} is over 1 MiB", "give a file of faults")
    try:
        text = raw.decode()
        return json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        form = "JSON" if path.suffix == ".json" else "TOML"
        raise SimulatorError("faults", f"{path} is no {form}: {exc}", "correct that place") from exc


def parse_faults(document: object, name: str = "faults") -> tuple[list[Fault], int]:
    """Turn the content of a file into faults and seed. Raises SimulatorError."""
    if not isinstance(document, Mapping):
        raise SimulatorError(name, "is not a table", "write [[fault]] sections")
    for key in document:
        if key not in ("seed", "fault"):
            raise SimulatorError(f"{name}: {key}", "unknown key", _nearest(key, ("seed", "fault")))
    seed = document.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise SimulatorError(
            f"{name}: seed", f"{seed!r} is no integer", "write for example seed = 1"
        )
    entries = document.get("fault", [])
    if not isinstance(entries, list) or len(entries) > MAX_FAULTS:
        cure = f"write up to {MAX_FAULTS} [[fault]] sections"
        raise SimulatorError(f"{name}: fault", "is no list of faults", cure)
    return [_fault(entry, f"{name}: fault[{at}]") for at, entry in enumerate(entries)], seed


def parse_fault(words: str) -> Fault:
    """Read a fault as a command line has it: ``flip direction=to_host probability=0.001``.

    Raises SimulatorError.
    """
    kind, *pairs = words.split() or [""]
    entry: dict[str, object] = {"kind": kind}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise SimulatorError("fault", f"{pair!r} is no setting", "write KIND KEY=VALUE ...")
        if key in entry:
            raise SimulatorError(f"fault.{key}", "stands twice", "say it once")
        entry[key] = _typed(value)
    return _fault(entry, "fault")


def _typed(value: str) -> object:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _fault(entry: object, where: str) -> Fault:
    if not isinstance(entry, Mapping):
        raise SimulatorError(where, f"{entry!r} is not a table", "write a [[fault]] section")
    kinds = [kind.value for kind in FaultKind]
    if entry.get("kind") not in kinds:
        given = entry.get("kind")
        reason = "is missing" if given is None else f"unknown kind {given!r}"
        raise SimulatorError(f"{where}.kind", reason, _nearest(given, kinds))
    kind = FaultKind(entry["kind"])
    keys = KINDS[kind]
    for key in entry:
        if key != "kind" and key not in keys.required | keys.optional:
            known = {field.name for field in fields(Fault)}
            reason = f"{kind} takes no such key" if key in known else "unknown key"
            cure = _nearest(key, sorted(keys.required | keys.optional))
            raise SimulatorError(f"{where}.{key}", reason, cure)
    for key in sorted(keys.required - set(entry)):
        raise SimulatorError(f"{where}.{key}", "is missing", f"{kind} needs it")
    values: dict[str, Any] = {
        key: _value(key, value, f"{where}.{key}") for key, value in entry.items()
    }
    fault = Fault(**values)
    if fault.until_s <= fault.from_s:
        reason = f"{fault.until_s:g} is not after from_s = {fault.from_s:g}"
        raise SimulatorError(f"{where}.until_s", reason, "write a later time")
    return fault


LIMITS = {
    "probability": (0.0, 1.0),
    "from_s": (0.0, math.inf),
    "until_s": (0.0, math.inf),
    "delay_s": (0.0, MAX_DELAY_S),
    "duration_s": (0.0, math.inf),
    "times": (1.0, math.inf),
    "above_mhz": (0.0, math.inf),
}

NUMBERS = {
    "chip": ("chip", 255, "chips count from 0; leave it out to mean all"),
    "core": ("core", 4095, "cores count from 0"),
}


def _value(key: str, value: object, where: str) -> object:
    if key == "kind":
        return FaultKind(str(value))
    if key == "direction":
        words = [direction.value for direction in Direction]
        if value not in words:
            raise SimulatorError(where, f"unknown direction {value!r}", _nearest(value, words))
        return Direction(str(value))
    if key in NUMBERS:
        name, last, cure = NUMBERS[key]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= last:
            raise SimulatorError(where, f"{value!r} is no {name} number", cure)
        return value
    low, high = LIMITS[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        cure = f"write a number from {low:g} on" if math.isinf(high) else f"{low:g} to {high:g}"
        raise SimulatorError(where, f"{value!r} is out of range", cure)
    return float(value)


def _nearest(value: object, words: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(value), words, n=1)
    return f"did you mean {close[0]}?" if close else f"use one of {', '.join(words)}"
