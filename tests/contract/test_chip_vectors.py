"""The BM1384 driver against what the outside world recorded, and proof that a changed fact is seen.

Mutation: each fact is changed by itself, in the driver only, and at least one vector or product row
must then disagree. A fact that nothing from outside our own code proves is listed with its reason.
"""

import ast
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from luxminer.errors import LuxminerError
from luxminer_drivers.bm1384 import facts

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "bm13xx.json").read_text()
)
CHECKS_MODULE = "luxminer_hil.vectors.chips"
DRIVER = ("luxminer_drivers.bm1384", "luxminer_drivers.common", CHECKS_MODULE)

FRAME_KINDS: Mapping[str, tuple[str, str]] = {
    "ReadRegister": ("command", "count_chips"),
    "ChainInactive": ("command", "chain_inactive"),
    "SetAddress": ("command", "set_address"),
    "WritePll": ("frequency", ""),
    "TaskFrame": ("task", ""),
    "ChipIdReply": ("init_trace", ""),
    "PllReply": ("frequency_reply", ""),
    "NonceReply": ("nonce", ""),
}
"""Frame of the codec -> kind of vector, and where one kind holds several, its ``op``."""

UNPROVEN: Mapping[str, str] = {
    "CHIP": "a name",
    "MAX_CHIPS": "follows from the width of an address",
    "POWER_ON_MHZ": "inferred by one project; used by the simulator alone",
    "CHIP_ID_REPLY": "used by the simulator alone; the driver takes any id that starts right",
    "MAX_TICKET_DIFFICULTY": "follows from the width of the field; no known stick gets there",
    "COARSE_FROM_MHZ": "follows from the formula; all vectors there are multiples of 25 MHz",
    "RAMP_INTERVAL_S": "stated by the reference in words",
    "SLOW_DOWN_STEP_MHZ": "stated by the reference in words",
    "SLOW_DOWN_INTERVAL_S": "stated by the reference in words",
    "GRACE_S": "stated by the reference in words",
}

EQUIVALENT: Mapping[str, str] = {
    "PLL_M.width": "the register ends with it",
    "REPLY_LAST.width": "the frame ends with it",
    "REPLY_TYPE.width": "the byte ends with it",
    "REPLY_LOW.width": "the next bit is 0 in both types of reply",
}
"""Changes that make no difference."""


def ours() -> Iterator[tuple[str, dict[str, Any]]]:
    chips = importlib.import_module(CHECKS_MODULE)
    for kind, vectors in VECTORS["vectors"].items():
        for vector in vectors:
            if chips.applicable(kind, vector) is None and kind in chips.CHECKS:
                yield kind, vector


def check_product(now: Any, row: Mapping[str, Any]) -> None:
    """Compare a row of the products in the vector file with the facts of the driver."""
    name = str(row["name"])
    product = next(each for each in now.PRODUCTS if each.name == name.lower())
    constants = row["driver_constants"]
    assert product.title == f"GekkoScience {name}"
    assert row["ident"].split("/")[0] == product.code
    assert (row["vid"], row["pid"]) == (f"{product.vendor_id:04x}", f"{product.product_id:04x}")
    assert tuple(row["manufacturer"]) == product.manufacturers
    assert row["products"] == [product.product]
    assert row["chip"] == "BM1384"
    assert (row["chips"] or 0) == product.chips
    assert constants["rx_len"] == now.REPLY_LENGTH
    assert constants["task_len"] == now.TASK_LENGTH
    assert constants["cores"] == now.CORES
    assert constants["min_job_id"] == now.JOB_ID_FIRST
    assert constants["add_job_id"] == now.JOB_ID_STEP
    assert constants["max_job_id"] == now.JOB_ID_LAST
    assert constants["freq_requested"] == product.frequency_mhz
    assert constants["freq_start"] == now.START_MHZ
    assert constants["freq_base"] == constants["step_freq"] == now.STEP_MHZ
    rate = next(step for step in row["line_setup"] if step[:3] == ["control", "41", "1e"])
    assert int.from_bytes(bytes.fromhex(rate[5]), "little") == now.BAUDRATE


def check_timing(now: Any, vector: Mapping[str, Any]) -> None:
    """Compare the pauses of a recorded bring-up with the facts of the driver."""
    steps = vector["expect"]["steps"]
    pauses = [step[1] for step in steps if step[0] == "sleep_ms"]
    commands = sum(step[0] == "write" for step in steps)
    assert pauses[0] == now.SETTLE_S * 1e3
    assert pauses.count(now.COMMAND_PAUSE_S * 1e3) == commands
    assert pauses[2] == now.BEFORE_ADDRESSES_S * 1e3
    reads = [step[1] for step in steps if step[0] == "read"]
    assert reads[1:3] == [now.COUNT_FIRST_S * 1e3, now.COUNT_QUIET_S * 1e3]
    cores = next(step[1] for step in steps if step[0] == "open_core_tasks")
    assert cores["gap_ms"] == now.OPEN_CORE_PAUSE_S * 1e3


def check_wait(now: Any, vector: Mapping[str, Any]) -> None:
    """The original's default on Linux is the one that its figures were made with."""
    assert vector["expect"]["wait_factor"] == now.WAIT_FACTOR


PRODUCTS = [row for row in VECTORS["products"] if row["chip"] == "BM1384"]
TRACES = [each for each in VECTORS["vectors"]["init_trace"] if each["family"] == "BM1384"]
RATES = [each for each in VECTORS["vectors"]["rates"] if each["family"] == "BM1384"]


def check_everything(now: Any, checks: Mapping[str, Callable[[Any], None]]) -> None:
    for row in PRODUCTS:
        check_product(now, row)
    for trace in TRACES:
        check_timing(now, trace)
    for rate in RATES:
        check_wait(now, rate)
    for kind, vector in ours():
        checks[kind](vector)


@pytest.mark.parametrize(
    ("kind", "vector"), [pytest.param(*each, id=each[1]["id"]) for each in ours()]
)
def test_the_driver_agrees(kind: str, vector: dict[str, Any]) -> None:
    importlib.import_module(CHECKS_MODULE).CHECKS[kind](vector)


@pytest.mark.parametrize("row", PRODUCTS, ids=lambda row: str(row["name"]))
def test_products_agree(row: Mapping[str, Any]) -> None:
    check_product(facts, row)


def test_there_are_vectors_for_every_frame_of_the_codec() -> None:
    source = Path(importlib.import_module("luxminer_drivers.bm1384.codec").__file__ or "")
    frames = {
        node.name for node in ast.parse(source.read_text()).body if isinstance(node, ast.ClassDef)
    }
    assert frames == set(FRAME_KINDS)
    seen = [(kind, vector["input"].get("op", "")) for kind, vector in ours()]
    assert set(FRAME_KINDS.values()) <= set(seen)


def test_facts_are_rows_without_code() -> None:
    tree = ast.parse(Path(facts.__file__).read_text())
    own = {name for name, value in vars(facts).items() if isinstance(value, type)}
    allowed = (
        *(ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.Assign, ast.keyword),
        *(ast.AnnAssign, ast.Expr, ast.Constant, ast.Name, ast.Load, ast.Store, ast.Attribute),
        *(ast.Call, ast.Tuple, ast.Subscript),
    )
    for node in ast.walk(tree):
        assert isinstance(node, allowed), f"line {getattr(node, 'lineno', '?')}: {node}"
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            assert node.func.id in own
        if isinstance(node, ast.ImportFrom):
            assert node.module in ("typing", "enum", "luxminer_drivers.common.facts")


# --- Mutation ------------------------------------------------------------------------------------


def mutations(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield where ``value`` was changed, and it with that one change."""
    if isinstance(value, int | float):
        yield place, type(value)(value * 1.25 + 1)
    elif isinstance(value, str | bytes):
        yield place, value[:-1]
    elif isinstance(value, facts.Order):
        yield place, next(order for order in facts.Order if order is not value)
    elif isinstance(value, tuple):
        names = getattr(value, "_fields", None) or [str(index) for index in range(len(value))]
        for index, item in enumerate(value):
            for where, changed in mutations(item, f"{place}.{names[index]}"):
                items = [*value[:index], changed, *value[index + 1 :]]
                yield where, type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    else:
        raise TypeError(f"no idea how to change {value!r}")


def is_same_to_everybody(value: object, place: str) -> bool:
    """Names of fields are for people; a single group of bytes has no other order."""
    if isinstance(value, facts.Field):
        return place == ".name" or (place == ".order" and value.width <= facts.WORD_LENGTH)
    return isinstance(value, facts.BitField) and place == ".name"


def changed_facts() -> Iterator[tuple[str, str, object]]:
    """Yield the name of a fact, the place in it, and it with a change at that place."""
    for name, value in vars(facts).items():
        if isinstance(value, type) and issubclass(value, IntEnum):
            for member in value:
                members = {each.name: each.value + (each is member) for each in value}
                if len(set(members.values())) == len(members):
                    yield name, f".{member.name}", IntEnum(name, members)
        elif name.isupper() and name not in UNPROVEN and not isinstance(value, facts.Product):
            for place, changed in mutations(value):
                if not is_same_to_everybody(value, place) and name + place not in EQUIVALENT:
                    yield name, place, changed


@contextmanager
def fresh_driver() -> Iterator[ModuleType]:
    """Import facts anew, and after the caller has changed them, whoever imports the driver."""
    saved = {name: module for name, module in sys.modules.items() if name.startswith(DRIVER)}
    for name in saved:
        del sys.modules[name]
    try:
        yield importlib.import_module("luxminer_drivers.bm1384.facts")
    finally:
        for name in [name for name in sys.modules if name.startswith(DRIVER)]:
            del sys.modules[name]
        sys.modules.update(saved)
        for name, module in saved.items():  # packages hold their modules as attributes, too
            package, _, child = name.rpartition(".")
            setattr(sys.modules[package], child, module)


TROUBLE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, StopIteration),
    *(TypeError, ValueError, LuxminerError),
)
"""What a wrong fact may lead to."""


def is_noticed(change: Callable[[ModuleType], None]) -> bool:
    with fresh_driver() as now:
        change(now)
        try:
            checks = importlib.import_module(CHECKS_MODULE).CHECKS
            check_everything(now, checks)
        except TROUBLE:
            return True
    return False


def test_nothing_is_noticed_without_a_change() -> None:
    importlib.import_module(CHECKS_MODULE)
    assert not is_noticed(lambda now: None)
    assert importlib.import_module("luxminer_drivers.bm1384").facts is facts
    assert sys.modules["luxminer_drivers"].bm1384.facts is facts


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(name, value, id=name + place) for name, place, value in changed_facts()],
)
def test_a_changed_fact_is_noticed(name: str, value: object) -> None:
    assert is_noticed(lambda now: setattr(now, name, value))


def test_what_is_listed_as_unproven_exists() -> None:
    assert set(UNPROVEN) <= set(vars(facts))
    assert {place.split(".")[0] for place in EQUIVALENT} <= set(vars(facts))
