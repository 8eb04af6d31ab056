"""Whose facts are changed, one at a time, and what has to notice it: always one side by itself."""

import ast
import importlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from luxminer_hil.vectors import chips_sim
from luxminer_hil.vectors.not_applicable import row_for
from tests.contract.fact_literals import Literal, anew, literals, put_changed
from tests.contract.test_chip_vectors import (
    CHECKS_MODULE,
    ROOT,
    STATED,
    VECTORS,
    all_vectors,
    check_rows,
    named,
    ours,
)

__all__ = ["PACKAGES", "SUBJECTS", "Subject"]

BRIDGES = "luxminer_hil.vectors.bridges"
SIMULATOR = "luxminer_hil.chipsim"
SIMULATOR_CHECKS = "luxminer_hil.vectors.chips_sim"
HOST_BRIDGES = "luxminer.transport.usbbridge"
VIRTUAL_BRIDGES = "luxminer_hil.usbsim"

LATER = ("bm13xx", "bm1387", "bm1397", "bm1362", "bm1370")
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "common": ("common", "bm1380", "bm1384", "icarus", *LATER),
    "icarus": ("icarus", "bm1380"),
    "bm1380": ("bm1380",),
    "bm1384": ("bm1384", "bm1380", "icarus"),
    "bm13xx": LATER,
    "bm1387": ("bm1387",),
    "bm1397": ("bm1397",),
    "bm1362": ("bm1362", "bm1370"),
    "bm1370": ("bm1370",),
}
"""Facts of drivers -> packages that have to be imported anew with them."""

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "common": (),
    "icarus": ("ICARUS", "BM1380"),
    "bm1380": ("BM1380",),
    "bm1384": ("BM1384",),
    "bm13xx": (),
    "bm1387": ("BM1387",),
    "bm1397": ("BM1397", "BM1391", "BM1366", "BM1368", "BM1370"),
    "bm1362": ("BM1362", "BM1366", "BM1368", "BM1370"),
    "bm1370": ("BM1370", "BM1368"),
}
"""The same -> whose vectors can see a change; none for all."""

TELLING = ("op", "version", "command", "register", "product")
"""Input of vectors that are unlike each other when it differs."""

CONTROLLERS = ("all", "CompacA1", "A2", "NewPac", "BM13xx")

ROWS = [row for row in VECTORS["products"] if row["bridge"] in ("CP2102", "FT230X", "CP2105")]
TELEMETRY_LINES = {
    trace["input"]["product"]: [
        step for step in trace["expect"]["steps"] if step[0] == "control" and step[4] == "0001"
    ]
    for trace in VECTORS["vectors"]["init_trace"]
}
KERNEL: Mapping[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "kernel_requests.json").read_text()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Facts of one module, and who looks at them."""

    name: str
    module: str
    changes: Sequence[Literal] = field(repr=False)
    changed: Callable[[Literal | None], Any] = field(repr=False)
    """Returns a context in which one fact is another, or none is."""
    checks: list[Callable[[], None]] = field(repr=False)
    """Each raises when a fact is wrong. What noticed the last change comes first, so that few have
    to be run for the next; all of them are for one that nobody notices."""

    def notices(self, literal: Literal | None) -> bool:
        """Say whether a change is seen. Without a change, raises what is seen nevertheless."""
        check = self.checks[0]
        try:
            with self.changed(literal):
                for check in tuple(self.checks):
                    check()
        except Exception:  # whatever a wrong fact may lead to
            if literal is None:
                raise
            self.checks.remove(check)
            self.checks.insert(0, check)
            return True
        return False


def _each(module: str, vectors: Sequence[tuple[str, dict[str, Any]]]) -> list[Callable[[], None]]:
    """Return the checks of vectors by a module that may be another one at each change.

    Those unlike each other come first: what one does not see the next of its like seldom sees.
    """
    alike: Counter[object] = Counter()
    turns = []
    for kind, vector in vectors:
        given = vector["input"]
        likeness = kind, vector["family"], *(str(given.get(name)) for name in TELLING)
        turns.append(alike[likeness])
        alike[likeness] += 1
    order = sorted(range(len(vectors)), key=turns.__getitem__)

    def run(kind: str, vector: dict[str, Any]) -> None:
        importlib.import_module(module).CHECKS[kind](vector)

    return [partial(run, *vectors[place]) for place in order]


# --- Drivers -------------------------------------------------------------------------------------


def _driver(name: str) -> Subject:
    module = importlib.import_module(f"{ROOT}.{name}.facts")
    families = FAMILIES[name]
    seen_by = list(ours((*families, *CONTROLLERS) if families else ()))

    @contextmanager
    def changed(literal: Literal | None) -> Iterator[None]:
        with anew([*(f"{ROOT}.{each}" for each in PACKAGES[name]), CHECKS_MODULE, BRIDGES]):
            put_changed(module, literal)
            yield

    return Subject(
        name=f"driver {name}",
        module=module.__name__,
        changes=literals(module),
        changed=changed,
        checks=[check_rows, *_each(CHECKS_MODULE, seen_by)],
    )


def _check_host_bridges() -> None:
    bridges = importlib.import_module(BRIDGES)
    for row in ROWS:
        bridges.check_host(row)
        if row.get("telemetry"):
            recorded = TELEMETRY_LINES[row["name"]]
            bridges.check_telemetry_line(bridges.bridge_of(row), recorded)
    for kind, check in bridges.CHECKS.items():
        for vector in STATED["vectors"][kind]:
            check(vector)


def _host_bridge(name: str) -> Subject:
    return _plain(
        f"bridge {name}", f"{HOST_BRIDGES}.{name}", (HOST_BRIDGES, BRIDGES), _check_host_bridges
    )


def _plain(name: str, path: str, prefixes: Sequence[str], check: Callable[[], None]) -> Subject:
    module = importlib.import_module(path)

    @contextmanager
    def changed(literal: Literal | None) -> Iterator[None]:
        with anew(prefixes):
            put_changed(module, literal)
            yield

    return Subject(
        name=name, module=path, changes=literals(module), changed=changed, checks=[check]
    )


# --- Simulator -----------------------------------------------------------------------------------


def _simulated(families: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Return the vectors that the simulator is run with, of all or of some families."""
    wanted = {*families, *CONTROLLERS} if families else set()
    return [
        (kind, vector)
        for kind, vector in all_vectors()
        if kind in chips_sim.CHECKS
        and not row_for(kind, vector["id"], vector)
        and chips_sim.applicable(kind, vector) is None
        and (not wanted or named(vector) & wanted)
    ]


def _check_boards() -> None:
    boards = importlib.import_module(f"{SIMULATOR}.products").BOARDS
    for row in ROWS:
        _check_board(boards, row)


def _check_board(boards: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """Compare what is on the boards of a product."""
    products = row["products"] or [row["name"]]
    names = [
        {"asicminerblockerupter": "blockerupter", "antmineru1/u2": "u1"}.get(each, each)
        for each in (_model(product) for product in products)
    ]
    for name in names:
        board = boards[name]
        chip = board.kinds[0].chip(0, board.chips, 1, 0.0)
        assert board.kinds[0].name == row["chip"]
        if row["chips"]:
            assert board.chips == row["chips"]
        rate = next(step for step in row["line_setup"] if step[2:3] in (["1e"], ["03"]))
        if rate[2] == "1e":
            wanted = int.from_bytes(bytes.fromhex(rate[5]), "little")
            assert abs(chip.baudrate - wanted) < 0.01 * wanted
        constants = row.get("driver_constants")
        if constants:
            assert board.nominal_mhz == constants["freq_requested"]
            assert board.core_mv == constants["telem_corev_def"]
            assert (board.telemetry is not None) == bool(row.get("telemetry"))


def _model(product: str) -> str:
    """Return the name of a model from its string on USB."""
    words = product.replace("GekkoScience ", "").replace(" Bitcoin Miner", "")
    return words.replace(" BM1384", "").replace(" ", "").lower()


class Uses(NamedTuple):
    """What the simulator's sources mention."""

    facts: frozenset[tuple[str, str]]
    """Module and name."""
    fields: frozenset[str]


def _uses_of_simulator() -> Uses:
    folder = Path(importlib.import_module(SIMULATOR).__path__[0])
    found: set[tuple[str, str]] = set()
    fields: set[str] = set()
    for path in folder.rglob("*.py"):
        modules: dict[str, str] = {}
        nodes = list(ast.walk(ast.parse(path.read_text())))
        for node in nodes:
            if isinstance(node, ast.Import):
                modules |= {each.asname or each.name: each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {(str(node.module), each.name) for each in node.names}
        for node in nodes:
            if isinstance(node, ast.Attribute):
                fields.add(node.attr)
                if isinstance(node.value, ast.Name) and node.value.id in modules:
                    found.add((modules[node.value.id], node.attr))
    return Uses(frozenset(found), frozenset(fields))


SIMULATOR_USES = _uses_of_simulator()


def _is_used(module: ModuleType, literal: Literal) -> bool:
    """Tell what the simulator uses from what is for hosts: by the names in its sources."""
    first, *parts = literal.name.split(".")
    names = {name for path, name in SIMULATOR_USES.facts if path == module.__name__}
    inside = {
        name
        for name in names
        if isinstance(row := getattr(module, name), tuple)
        and isinstance(part := getattr(module, first), tuple)
        and _has(row, part)
    }
    return (first in names or bool(inside)) and all(
        part in SIMULATOR_USES.fields or part.isdigit() for part in parts
    )


def _has(row: tuple[Any, ...], part: object) -> bool:
    """Tell whether a row is made with another one."""
    return any(each is part or (isinstance(each, tuple) and _has(each, part)) for each in row)


FACTS = {name: importlib.import_module(f"{ROOT}.{name}.facts") for name in PACKAGES}


def _simulated_facts(name: str) -> Subject:
    module = FACTS[name]
    vectors = _simulated(FAMILIES[name])

    @contextmanager
    def changed(literal: Literal | None) -> Iterator[None]:
        with anew((SIMULATOR, SIMULATOR_CHECKS)):
            with anew([each.__name__ for each in FACTS.values()]):
                put_changed(module, literal)
                for part in ("products", "stick", "telemetry", "families"):
                    importlib.import_module(f"{SIMULATOR}.{part}")
            # From here on everybody but the simulator has the facts as they are.
            yield

    return Subject(
        name=f"simulator, facts of {name}",
        module=module.__name__,
        changes=[literal for literal in literals(module) if _is_used(module, literal)],
        changed=changed,
        checks=[_check_boards, *_each(SIMULATOR_CHECKS, vectors)],
    )


def _simulator_own(name: str, families: Sequence[str] = ()) -> Subject:
    vectors = _simulated(families)
    path = f"{SIMULATOR}.{name}"
    module: ModuleType = importlib.import_module(path)

    @contextmanager
    def changed(literal: Literal | None) -> Iterator[None]:
        with anew((SIMULATOR, SIMULATOR_CHECKS)):
            # Its package imports most of itself: first of all the changed module has to be there.
            for prefix in _packages(path):
                sys.modules[prefix] = _empty_package(prefix)
            put_changed(module, literal)
            importlib.import_module(SIMULATOR_CHECKS)
            yield

    return Subject(
        name=f"simulator, {name}",
        module=path,
        changes=literals(module),
        changed=changed,
        checks=[_check_boards, *_each(SIMULATOR_CHECKS, vectors)],
    )


def _packages(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(2, len(parts))]


def _empty_package(name: str) -> ModuleType:
    """Return a package without its own names, in which parts are found all the same."""
    whole = PACKAGES_OF_SIMULATOR[name]
    made = ModuleType(name)
    made.__dict__.update(__path__=whole.__path__, __package__=name, __spec__=whole.__spec__)
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, made)
    return made


PACKAGES_OF_SIMULATOR = {
    name: importlib.import_module(name) for name in (SIMULATOR, f"{SIMULATOR}.families")
}


def _check_virtual_bridges() -> None:
    bridges = importlib.import_module(BRIDGES)
    for row in ROWS:
        bridges.check_virtual(row)
        if row.get("telemetry"):
            bridges.check_virtual_telemetry_line(row, TELEMETRY_LINES[row["name"]])
    for name, talks in KERNEL["models"].items():
        for talk in talks:
            bridges.check_kernel(name, KERNEL["talks"][talk])
    for kind, check in bridges.VIRTUAL_CHECKS.items():
        for vector in STATED["vectors"][kind]:
            check(vector)


def _virtual_bridge(name: str) -> Subject:
    path = f"{VIRTUAL_BRIDGES}.{name}"
    prefixes = (VIRTUAL_BRIDGES, BRIDGES)
    return _plain(f"virtual bridge, {name}", path, prefixes, _check_virtual_bridges)


SUBJECTS: Mapping[str, Subject] = {
    subject.name: subject
    for subject in (
        *map(_driver, PACKAGES),
        *map(_host_bridge, ("cp210x", "ftdi")),
        *map(_simulated_facts, PACKAGES),
        _simulator_own("telemetry", CONTROLLERS),
        _simulator_own("families.framed"),
        _simulator_own("families.registers"),
        _simulator_own("families.bm1384_wire", ("BM1384", "BM1380", "ICARUS")),
        _simulator_own("families.bm1380", ("BM1380",)),
        _simulator_own("families.bm1384", ("BM1384",)),
        _simulator_own("families.icarus", ("ICARUS",)),
        _simulator_own("families.bm1387", ("BM1387",)),
        _simulator_own("families.bm1397", ("BM1397",)),
        _simulator_own("families.bm1362", ("BM1362", "BM1366", "BM1368", "BM1370")),
        *map(_virtual_bridge, ("cp210x", "ftdi", "sticks", "descriptors", "device")),
    )
}
