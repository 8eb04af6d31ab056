"""Who may import whom: the service knows no chip, the simulator shares no code with the driver."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = {
    "luxminer": ROOT / "firmware" / "luxminer",
    "luxminer_drivers": ROOT / "drivers" / "luxminer_drivers",
    "luxminer_hil": ROOT / "hil" / "luxminer_hil",
}

LAYERS = [
    {"errors", "clock", "logs", "commands", "limits", "pool.files"},
    {"hashing", "config.schema"},
    {"work"},
    {"stratum.asking", "stratum.endpoint", "stratum.fields", "stratum.guard", "transport.base"},
    {"stratum.held", "stratum.leniency", "stratum.lookup"},
    {"stratum.itinerary", "stratum.jobs", "stratum.route"},
    {"stratum.messages", "stratum.outcome"},
    {"stratum.rejects", "stratum.requests", "stratum.events", "stratum.tls", "stratum.tunnel"},
    {"stratum.protocol", "device.contract"},
    {"stratum.connection", "transport", "config.load", "config.changes", "config.edit"},
    {"stratum.client", "node"},
    {"telemetry", "control"},
    {"device", "plugins"},
    {"pool", "mining"},
    {"tuning.search", "tuning.ladder", "tuning.own"},
    {"tuning.course"},
    {"tuning"},
    {"thermal"},
    {"api", "web"},
    {"network"},
    {"host"},
    {"check", "config.save", "life", "reboot"},
    {"overview", "ports", "saving"},
    {"daemon", "report", "cli", "cmd"},
]
"""Modules of the service from the bottom up: a line may import itself and the lines above it."""

PURE = {"asyncio", "socket", "serial", "usb", "time", "random", "threading", "subprocess"}

API_MAY = {
    "telemetry",
    "control",
    "config.schema",
    "clock",
    "logs",
    "errors",
    "api",
    "work.coinbase",
    "work.payout",
    "work.target",
}
"""What is of `work` is pure arithmetic on what snapshots hold."""

DRIVERS_MAY = {"device.contract", "transport.base", "work", "hashing", "errors", "logs", "clock"}


def modules(package: str) -> Iterator[tuple[str, Path]]:
    base = ROOTS[package]
    for path in sorted(base.rglob("*.py")):
        parts = list(path.relative_to(base).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        yield ".".join(parts), path


def imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions; type-checking ones included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def is_in(name: str, groups: set[str]) -> bool:
    return any(name == group or name.startswith(f"{group}.") for group in groups)


def layer(name: str) -> int | None:
    """Most specific line that a module of the service stands in."""
    best: tuple[int, int] | None = None
    for number, names in enumerate(LAYERS):
        for entry in names:
            if name == entry or name.startswith(f"{entry}."):
                best = max(best or (0, 0), (len(entry), number))
    return best[1] if best else None


def ours(path: Path, package: str) -> set[str]:
    prefix = f"{package}."
    return {name.removeprefix(prefix) for name in imports(path) if name.startswith(prefix)}


def case(package: str) -> list[tuple[str, Path]]:
    return [(name, path) for name, path in modules(package) if name]


@pytest.mark.parametrize(("name", "path"), case("luxminer"), ids=lambda v: str(v)[-40:])
def test_the_service_imports_downwards_only(name: str, path: Path) -> None:
    everything = imports(path)
    assert not {i for i in everything if i.startswith(("luxminer_drivers", "luxminer_hil"))}
    mine = layer(name)
    if name in ("", "__main__"):
        return
    package_only = path.name == "__init__.py"
    assert mine is not None or package_only, f"{name} stands in no line of LAYERS"
    for target in ours(path, "luxminer"):
        theirs = layer(target)
        if mine is not None and theirs is not None and not target.startswith(f"{name}."):
            assert theirs <= mine, f"{name} imports {target}, which stands higher"


@pytest.mark.parametrize(
    ("name", "path"), [c for c in case("luxminer") if c[0].startswith("api")], ids=lambda v: str(v)
)
def test_the_api_sees_snapshots_and_commands_only(name: str, path: Path) -> None:
    for target in ours(path, "luxminer"):
        assert is_in(target, API_MAY | {"__version__"}), f"{name} imports {target}"


@pytest.mark.parametrize(("name", "path"), case("luxminer_drivers"), ids=lambda v: str(v)[-40:])
def test_drivers_see_the_contract_only(name: str, path: Path) -> None:
    assert not {i for i in imports(path) if i.startswith("luxminer_hil")}
    for target in ours(path, "luxminer"):
        assert is_in(target, DRIVERS_MAY), f"{name} imports luxminer.{target}"


JUDGES: dict[str, set[str]] = {
    "chipsim": {"hashing", "commands"},
    "fakenode": {"commands"},
    "fakepool": {"commands"},
    "scripting": set(),
    "usbsim": set(),
}
"""Packages of the bench that judge the service, and the modules of it that they may use."""


@pytest.mark.parametrize(
    ("name", "path"),
    [c for c in case("luxminer_hil") if c[0].split(".")[0] in JUDGES],
    ids=lambda v: str(v)[-40:],
)
def test_the_judges_share_numbers_but_no_code(name: str, path: Path) -> None:
    for target in ours(path, "luxminer_drivers"):
        assert ".facts" in target, f"{name} imports luxminer_drivers.{target}"
    allowed = JUDGES[name.split(".")[0]]
    for target in ours(path, "luxminer"):
        assert is_in(target, allowed), f"{name} imports luxminer.{target}"


PURE_MODULES = (
    "device.wishes",
    "limits",
    "work",
    "hashing",
    "node.block",
    "node.coinbase",
    "node.job",
    "node.merkle",
    "node.reply",
    "node.template",
    "node.verdicts",
    "stratum.asking",
    "stratum.endpoint",
    "stratum.events",
    "stratum.fields",
    "stratum.guard",
    "stratum.held",
    "stratum.jobs",
    "stratum.leniency",
    "stratum.messages",
    "stratum.outcome",
    "stratum.protocol",
    "stratum.rejects",
    "stratum.requests",
    "stratum.route",
    "stratum.tls",
    "tuning.course",
    "tuning.ladder",
    "tuning.measurement",
    "tuning.profile",
    "tuning.search",
)


@pytest.mark.parametrize(
    ("name", "path"),
    [c for c in case("luxminer") if is_in(c[0], set(PURE_MODULES))]
    + [
        c
        for c in case("luxminer_drivers")
        if c[0].endswith((".codec", ".facts", ".pll", ".chain", ".decoder"))
    ],
    ids=lambda v: str(v)[-40:],
)
def test_pure_modules_touch_neither_clock_nor_world(name: str, path: Path) -> None:
    assert not {i.split(".")[0] for i in imports(path)} & PURE, name


@pytest.mark.parametrize(
    ("name", "path"),
    [c for c in case("luxminer_drivers") if c[0].endswith(".facts")],
    ids=lambda v: str(v)[-40:],
)
def test_facts_have_no_code_paths(name: str, path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        assert not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.If | ast.For | ast.While | ast.Try
        ), f"{name}: line {getattr(node, 'lineno', '?')} is a code path"


def test_a_forbidden_import_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("def f():\n    from luxminer_drivers.bm1384 import codec\n")
    assert "luxminer_drivers.bm1384" in imports(planted)
    assert layer("hashing") is not None
    assert layer("daemon") is not None
    assert (layer("hashing") or 0) < (layer("daemon") or 0)
