"""The drivers against what the outside world recorded, and proof that a changed fact is seen.

Mutation: each fact is changed by itself, in the drivers only, and at least one vector or row of the
products must then disagree. A fact that nothing from outside our own code proves is listed with its
reason.
"""

import ast
import importlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from luxminer.errors import LuxminerError
from luxminer_drivers.common import facts as common
from luxminer_hil.vectors import chips
from luxminer_hil.vectors.not_applicable import row_for

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "bm13xx.json").read_text()
)
ROOT = "luxminer_drivers"
CHECKS_MODULE = "luxminer_hil.vectors.chips"

FRAME_KINDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "bm1384.codec": {
        "ReadRegister": ("command", "count_chips"),
        "ChainInactive": ("command", "chain_inactive"),
        "SetAddress": ("command", "set_address"),
        "WritePll": ("frequency", ""),
        "TaskFrame": ("task", ""),
        "ChipIdReply": ("init_trace", ""),
        "PllReply": ("frequency_reply", ""),
        "NonceReply": ("nonce", ""),
    },
    "bm13xx.commands": {
        "ReadRegister": ("command", "read_register"),
        "WriteRegister": ("command", "write_register"),
        "SetAddress": ("command", "set_address"),
        "ChainInactive": ("command", "chain_inactive"),
    },
    "bm13xx.tasks": {"MidstateTask": ("task", ""), "HeaderTask": ("task", "")},
    "bm13xx.replies": {
        "RegisterReply": ("frequency_reply", ""),
        "NonceReply": ("nonce", ""),
        "BadFrame": ("stream", ""),
        "Decoder": ("stream", ""),
    },
}
"""Frames of the codecs -> kind of vector, and where one kind holds several, its ``op``."""


class Facts(NamedTuple):
    """A module of facts, and the packages that have to be imported anew when it changes."""

    name: str
    packages: tuple[str, ...]
    families: tuple[str, ...]
    """Whose vectors can see a change; empty for all."""


LATER = ("bm13xx", "bm1387", "bm1397", "bm1362", "bm1370")
MODULES = (
    Facts("common", ("common", "bm1384", *LATER), ()),
    Facts("bm1384", ("bm1384",), ("BM1384",)),
    Facts("bm13xx", LATER, ()),
    Facts("bm1387", ("bm1387",), ("BM1387",)),
    Facts("bm1397", ("bm1397",), ("BM1397", "BM1391", "BM1366", "BM1368", "BM1370")),
    Facts("bm1362", ("bm1362", "bm1370"), ("BM1362", "BM1366", "BM1368", "BM1370")),
    Facts("bm1370", ("bm1370",), ("BM1370", "BM1368")),
)

FOR_PEOPLE = "a name for people"
STATED = "stated by the reference in words"
BY_NAME = "known by name, never read or written by a recorded host"
SIMULATOR = "what a chip does by itself, used by the simulator alone"
WIDTH = "follows from the width of a field"
NO_MEANING = "has no meaning for this family"
NO_STICK = "no stick has this chip, only frames of it are recorded"
ONE_SIDE = "no recorded value lies where the change makes a difference"
NO_RECORD = "from another project than the one that was recorded"

HEADERS_ONLY = ("header_*", "core_groups", "versions_per_batch", "hash_count_less")
"""Of a `Family` whose chips take midstates: no meaning."""


def of_family(name: str, reason: str, *places: str) -> dict[str, str]:
    return {f"{name}.{place}": reason for place in places}


UNPROVEN: Mapping[str, Mapping[str, str]] = {
    "common": {"MAX_CHIPS": WIDTH, "GRACE_S": STATED},
    "bm1384": {
        "CHIP": FOR_PEOPLE,
        "POWER_ON_MHZ": SIMULATOR,
        "CHIP_ID_REPLY": "used by the simulator alone; the driver takes any id that starts right",
        "MAX_TICKET_DIFFICULTY": "follows from the width of the field; no known stick gets there",
        "COARSE_FROM_MHZ": "follows from the formula; all vectors there are multiples of 25 MHz",
        "RAMP_INTERVAL_S": STATED,
        "SLOW_DOWN_STEP_MHZ": STATED,
        "SLOW_DOWN_INTERVAL_S": STATED,
    },
    "bm13xx": {
        "MAX_TICKET_BITS": WIDTH,
        "TICKET_CHECK*": STATED,
        "TICKET_TOO_EASY_*": STATED,
        "TICKET_RETRIES": STATED,
        "PLL_LOCKED.*": STATED,
        "POWER_ON_UART_DIVIDER": SIMULATOR,
        "START_BAUDRATE": STATED,
        "MAX_WAIT_FULLSCANS": "all vectors have a wait factor that stays below it",
        "RAMP_INTERVAL_S": STATED,
        "FTDI_RUN_BAUDRATE": "follows from the divisor, for which the host's rate stands",
        "FTDI_STATUS_LENGTH": STATED,
        "FTDI_PACKET_LENGTH": STATED,
        "TELEMETRY_BAUDRATE": "follows from the line setup",
        "TELEMETRY_POLL_S": STATED,
        "TELEMETRY_RETRY_S": STATED,
        "TELEMETRY_TRIES": STATED,
        "TELEMETRY_VERSIONS.2.last": "only the versions that exist are recorded",
        "TELEMETRY_VERSIONS.3.*": "only the versions that exist are recorded",
        "TELEMETRY_VERSIONS.4.last": "only the versions that exist are recorded",
        "CORE_SAFE_MV": STATED,
        "HOT_C": STATED,
        "COOL_C": STATED,
        "MICRO_CHANNELS": WIDTH,
        "MICRO_SELECT.?.request*": STATED,
        "MICRO_SELECT.?.interface": STATED,
        "MICRO_SELECT.?.data": STATED,
        "MICRO_SELECT.?.pause_s": STATED,
        "MICRO_READ_S": STATED,
        "MICRO_VCORE_*": STATED,
        "MicroCommand.SET_LED": BY_NAME,
    },
    "bm1387": {
        "Register.HASH_RATE": BY_NAME,
        "Register.HASH_COUNT": BY_NAME,
        "Register.TICKET": BY_NAME,
        "Register.I2C": BY_NAME,
        "MISC_INVERT_CLOCK.*": NO_RECORD,
        "MISC_NOT_SET_BAUD.*": NO_RECORD,
        "MISC_GATE_BLOCK.*": NO_RECORD,
        "MISC_MMEN.*": NO_RECORD,
        "PLL_LOCKED_START": SIMULATOR,
        "JOBS_REMEMBERED": STATED,
        "BM1387.registers.ticket": BY_NAME,
        "BM1387.registers.hash_count": BY_NAME,
        "BM1387.core_bits.*": NO_RECORD,
        "BM1387.job_id_step": "our choice: multiples of the number of midstates",
        **of_family("BM1387", NO_MEANING, *HEADERS_ONLY, "pll.*fast*", "pll.search_*"),
    },
    "bm1397": {
        "Register.HASH_RATE": BY_NAME,
        "Register.HASH_COUNT": BY_NAME,
        "Register.CORE_VALUE": BY_NAME,
        "Register.NONCE_ERRORS": BY_NAME,
        "Register.ANALOG_MUX": BY_NAME,
        "Register.DRIVER_STRENGTH": BY_NAME,
        "Register.PLL1": BY_NAME,
        "Register.PLL2": BY_NAME,
        "PLL_RESET": SIMULATOR,
        "MISC_RESET": SIMULATOR,
        "BM1397.registers.hash_count": BY_NAME,
        "NONCE_ADDRESS_ESP.split": ONE_SIDE,
        **of_family("BM1397", NO_MEANING, *HEADERS_ONLY, "pll.*fast*", "pll.search_*"),
        **of_family("BM1391", NO_MEANING, *HEADERS_ONLY),
        **of_family("BM1391", NO_STICK, "name", "cores", "tickets.*", "pll.*", "job_id_*"),
        **of_family("BM1391", NO_STICK, "registers.*", "id_byte.*", "nonce_address.*"),
        **of_family("BM1391", NO_STICK, "midstate_counts.*", "reply_names_register"),
    },
    "bm1362": {
        "Register.NONCE_OFFSET": BY_NAME,
        "Register.ADC": BY_NAME,
        "UART_RESET": SIMULATOR,
        "MISC_RESET": SIMULATOR,
        "HASH_COUNT_ORIGINAL": "we write another value",
        "BM1362.register_lengths.0": "the short form is only recorded of a BM1370",
        "BM1362.core_groups": NO_RECORD,
        "BM1362.versions_per_batch": NO_RECORD,
        "BM1362.hash_count_less": NO_RECORD,
        "BM1362.registers.hash_count": "the value is ours, so its write is not compared",
        "BM1362.registers.version": "only other chips were set to less than all versions",
        "BM1362.pll.*fast*": "the original never writes it; recorded of a BM1370",
        "BM1362.pll.search_*": NO_RECORD,
        "BM1362.pll.bands.2.above_mhz": ONE_SIDE,
        "*.nonce_address.split": ONE_SIDE,
        **of_family("BM1366", NO_STICK, "name", "cores", "tickets.*", "header_*", "job_id_*"),
        **of_family("BM1366", NO_STICK, "register_lengths.0", "reply_names_register"),
        **of_family("BM1366", NO_STICK, "versions_per_batch", "pll.bands.*", "pll.search_*"),
        **of_family("BM1366", NO_STICK, "pll.m*_mhz", "pll.step_mhz", "pll.can_stop"),
    },
    "bm1370": {
        "HASH_COUNT_ORIGINAL": "we write another value",
        "BM1370.versions_per_batch": NO_RECORD,
        "BM1370.pll.search_*": NO_RECORD,
        "BM1370.pll.bands.2.above_mhz": ONE_SIDE,
        "*.nonce_address.split": ONE_SIDE,
        "BM1370.tickets.?.above_cores": ONE_SIDE,
        "BM1370.tickets.2.*": "every A2 has too many cores for the last row",
        **of_family("BM1368", NO_STICK, "name", "cores", "tickets.*", "header_*", "job_id_*"),
        **of_family("BM1368", NO_STICK, "register_lengths.0", "reply_names_register"),
        **of_family("BM1368", NO_STICK, "versions_per_batch", "pll.bands.*", "pll.search_*"),
        **of_family("BM1368", NO_STICK, "pll.m*_mhz", "pll.step_mhz", "pll.can_stop"),
    },
}
"""Patterns of facts, or of places in them, that no vector sees."""

LOWEST = "no clock is lower, and no chain shorter"

EQUIVALENT: Mapping[str, Mapping[str, str]] = {
    "common": {},
    "bm1384": {
        "PLL_M.width": "the register ends with it",
        "REPLY_LAST.width": "the frame ends with it",
        "REPLY_TYPE.width": "the byte ends with it",
        "REPLY_LOW.width": "the next bit is 0 in both types of reply",
    },
    "bm13xx": {
        "REPLY_TYPE.width": "the byte ends with it",
        "REPLY_CRC.*": "the check sum is compared by running it over itself",
        "REPLY_NONCE.offset": "the frame begins with it",
        "TASK_FIRST.*": "the frame begins with it",
        "TASK_START_NONCE.offset": "it is between others, which are compared",
        "TICKET_ROWS.2.above_cores": LOWEST,
        "VERSION_REGISTER_*.width": "the value has no more bits",
        "PLL_PREFIX.width": "no prefix is that wide",
        "PLL_FEEDBACK.width": "the next bits are 0 in all prefixes that are read",
        "CP2105_TELEMETRY.?.pause_s": "there is none",
        "TELEMETRY_READ_LENGTH": "what is longer is not looked at",
    },
    "bm1387": {
        "UART_DIVIDER.width": "only the place is used",
        "OPEN_CORE_JOB_IDS": "fewer frames are sent",
        "BM1387.tickets.0.above_cores": LOWEST,
        "BM1387.pll.bands.1.above_mhz": LOWEST,
        "BM1387.pll.bands.1.includes": LOWEST,
        "Register.CHIP_ADDRESS": "codecs take it from the family",
        "Register.PLL": "of writes that are ours alone; the family's is compared",
    },
    "bm1397": {
        "Register.CHIP_ID": "codecs take it from the family",
        "BM1397.core_bits.width": "the number ends with it",
        "BM1397.tickets.2.above_cores": LOWEST,
        "BM1397.pll.bands.3.above_mhz": LOWEST,
        "BM1397.pll.bands.3.includes": LOWEST,
    },
    "bm1362": {
        "Register.CHIP_ID": "codecs take it from the family",
        "UART_DIVIDER.width": "the next bits are 0 in all values that are read",
        "*.core_bits.width": "the number ends with it",
        "BM1362.tickets.2.above_cores": LOWEST,
        "BM1362.pll.bands.3.above_mhz": LOWEST,
        "BM1362.pll.bands.3.includes": LOWEST,
    },
    "bm1370": {
        "*.core_bits.width": "the number ends with it",
        "BM1370.pll.bands.3.above_mhz": LOWEST,
        "BM1370.pll.bands.3.includes": LOWEST,
    },
}
"""Changes that make no difference."""


def module_name(name: str, part: str = "facts") -> str:
    return f"{ROOT}.{name}.{part}"


def facts_of(name: str) -> Any:
    return importlib.import_module(module_name(name))


def named(vector: Mapping[str, Any]) -> set[str]:
    return set(str(vector["family"]).split("/"))


def ours(families: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the vectors that apply, of all or of some families, where these are named."""
    for kind, vectors in VECTORS["vectors"].items():
        for vector in vectors:
            if families and not named(vector) & set(families):
                continue
            if kind not in chips.CHECKS or row_for(kind, vector["id"], vector):
                continue
            if chips.applicable(kind, vector) is None:
                yield kind, vector


# --- Rows of the vector file that are no vectors -------------------------------------------------


def check_identity(product: Any, row: Mapping[str, Any]) -> None:
    assert row["ident"].split("/")[0] == product.code
    assert (row["vid"], row["pid"]) == (f"{product.vendor_id:04x}", f"{product.product_id:04x}")
    assert tuple(row["manufacturer"]) == product.manufacturers
    assert product.product in row["products"]
    assert (row["chips"] or 0) == product.chips
    assert product.title.replace(" ", "").lower() == f"gekkoscience{product.name}".replace(" ", "")


def check_bm1384(now: Any, row: Mapping[str, Any]) -> None:
    """Compare a row of the products with the facts of the BM1384."""
    product = next(each for each in now.PRODUCTS if each.name == row["name"].lower())
    check_identity(product, row)
    constants = row["driver_constants"]
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


def controls(rows: Sequence[Any], *, low_s: float | None = None) -> list[list[Any]]:
    """Write rows of control transfers as the vector file does; ``low_s`` is of the reset line."""
    steps: list[list[Any]] = []
    for index, row in enumerate(rows):
        numbers = (f"{row.request_type:02x}", f"{row.request:02x}", f"{row.value:04x}")
        steps.append(["control", *numbers, f"{row.interface:04x}", row.data.hex()])
        pause_s = low_s if low_s is not None and index == len(rows) - 2 else row.pause_s
        if pause_s:
            steps.append(["sleep_ms", round(pause_s * 1e3, 6)])
    return steps


def check_later(shared: Any, now: Any, family: Any, row: Mapping[str, Any]) -> None:
    """Compare a row of the products with the facts of its chip and of all later chips."""
    models = [each for each in now.MODELS if each.product.product in row["products"]]
    assert len(models) == len(row["products"])
    assert models[0].product.name == row["name"].lower()
    assert family.name == row["chip"]
    constants = row["driver_constants"]
    for model in models:
        check_identity(model.product, row)
        assert constants["expected_chips"] == model.chips_required
        assert constants["freq_requested"] == model.product.frequency_mhz
        assert constants["freq_start"] == model.start_mhz
        assert constants["hr_scale"] == model.rate_scale
        assert constants["ramp_ms"] == model.ramp_window_s * 1e3
        assert constants["telem_corev_def"] == model.core_mv
    preamble = len(family.reply_preamble)
    assert constants["rx_len"] == preamble + family.nonce_length
    assert constants["cores"] == family.cores
    assert constants["min_job_id"] == family.job_id_first
    assert constants["max_job_id"] == family.job_id_last
    assert constants["midstates"] == max(family.midstate_counts, default=1)
    assert constants["freq_base"] == constants["step_freq"] == family.pll.step_mhz
    check_line(shared, family, row)


def check_line(shared: Any, family: Any, row: Mapping[str, Any]) -> None:
    if row["bridge"] == "FT230X":
        is_slow = family.name == "BM1397"
        low_s = shared.FTDI_LOW_BM1397_S if is_slow else None
        assert row["reset"] == controls(shared.FTDI_RESET, low_s=low_s)
        assert row["line_setup"][:-1] == row["reset"][:-1]
    else:
        assert row["reset"] == [["usb_reset"], *controls(shared.CP2105_OFF)]
        setup = [["usb_reset"], *controls(shared.CP2105_ON)]
        assert row["line_setup"][:-1] == setup[:-1]
        assert row["line_setup"][-1][1] >= setup[-1][1]


def check_timing(now: Any, vector: Mapping[str, Any]) -> None:
    """Compare the pauses of a recorded BM1384 bring-up with the facts of the driver."""
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


def check_timing_later(shared: Any, vector: Mapping[str, Any]) -> None:
    """Compare the pauses around the count, and to the telemetry controller."""
    steps = vector["expect"]["steps"]
    assert steps[0] == ["sleep_ms", shared.SETTLE_S * 1e3]
    count = next(i for i, step in enumerate(steps) if step[0] == "read" and step[2])
    assert steps[count - 1] == ["sleep_ms", shared.COMMAND_PAUSE_S * 1e3]
    assert steps[count][1] == shared.COUNT_FIRST_S * 1e3
    assert steps[count + 1][1] == steps[count + 2][1] == shared.COUNT_QUIET_S * 1e3
    telemetry = [i for i, step in enumerate(steps) if step[0] == "write_telemetry"]
    last = next(i for i, step in enumerate(steps) if i > count + 2 and step[0] == "write") - 1
    assert steps[last] == ["sleep_ms", shared.AFTER_COUNT_S * 1e3]
    if telemetry:
        pause = ["sleep_ms", shared.TELEMETRY_PAUSE_S * 1e3]
        assert steps[telemetry[0] + 1] == steps[telemetry[0] + 3] == pause
        assert steps[telemetry[0] + 2][1] == shared.TELEMETRY_READ_S * 1e3


def check_chip_id(now: Any, vector: Mapping[str, Any]) -> None:
    """Compare the answers to the count, which were recorded, with the one that is known."""
    raw = bytes.fromhex(vector["input"]["chip_replies"])
    family = getattr(now, vector["family"])
    length = len(raw) // vector["input"]["chips"]
    answer = family.reply_preamble + now.CHIP_ID_REPLY
    assert {raw[at : at + length - 1] for at in range(0, len(raw), length)} == {answer}


PRODUCTS = [row for row in VECTORS["products"] if row["chip"] in chips.FAMILIES]
TRACES = [each for each in VECTORS["vectors"]["init_trace"] if named(each) & chips.FAMILIES]
RATES = [each for each in VECTORS["vectors"]["rates"] if each["family"] == "BM1384"]


def check_rows() -> None:
    """Compare everything that is no vector."""
    shared = facts_of("bm13xx")
    for row in PRODUCTS:
        now = facts_of(row["chip"].lower())
        if row["chip"] == "BM1384":
            check_bm1384(now, row)
        else:
            check_later(shared, now, getattr(now, row["chip"]), row)
    for trace in TRACES:
        if trace["family"] == "BM1384":
            check_timing(facts_of("bm1384"), trace)
        else:
            check_timing_later(shared, trace)
            check_chip_id(facts_of(trace["family"].lower()), trace)
    for rate in RATES:
        # The original's default on Linux is the one that its figures were made with.
        assert rate["expect"]["wait_factor"] == facts_of("bm1384").WAIT_FACTOR
    assert [each["input"]["wait_factor"] for each in VECTORS["vectors"]["rates"]].count(
        shared.WAIT_FACTOR
    )


@pytest.mark.parametrize(
    ("kind", "vector"), [pytest.param(*each, id=each[1]["id"]) for each in ours()]
)
def test_the_driver_agrees(kind: str, vector: dict[str, Any]) -> None:
    chips.CHECKS[kind](vector)


def test_products_and_pauses_agree() -> None:
    assert {row["chip"] for row in PRODUCTS} == {"BM1384", "BM1387", "BM1397", "BM1362", "BM1370"}
    check_rows()


@pytest.mark.parametrize("name", LATER[1:])
def test_products_are_those_of_the_models(name: str) -> None:
    facts = facts_of(name)
    assert tuple(model.product for model in facts.MODELS) == facts.PRODUCTS


@pytest.mark.parametrize("codec", FRAME_KINDS)
def test_there_are_vectors_for_every_frame_of_the_codec(codec: str) -> None:
    source = Path(importlib.import_module(f"{ROOT}.{codec}").__file__ or "")
    frames = {
        node.name for node in ast.parse(source.read_text()).body if isinstance(node, ast.ClassDef)
    }
    assert frames == set(FRAME_KINDS[codec])
    families = ["BM1384"] if codec == "bm1384.codec" else sorted(chips.FAMILIES - {"BM1384"})
    seen = {(kind, vector["input"].get("op", "")) for kind, vector in ours(families)}
    assert set(FRAME_KINDS[codec].values()) <= seen


@pytest.mark.parametrize("name", [module.name for module in MODULES])
def test_facts_are_rows_without_code(name: str) -> None:
    facts = facts_of(name)
    tree = ast.parse(Path(facts.__file__).read_text())
    own = {name for name, value in vars(facts).items() if isinstance(value, type)}
    allowed = (
        *(ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.Assign, ast.keyword),
        *(ast.AnnAssign, ast.Expr, ast.Constant, ast.Name, ast.Load, ast.Store, ast.Attribute),
        *(ast.Call, ast.Tuple, ast.Subscript, ast.BinOp, ast.BitOr),  # X | None is a type
    )
    for node in ast.walk(tree):
        assert isinstance(node, allowed), f"line {getattr(node, 'lineno', '?')}: {node}"
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            assert node.func.id in own
        if isinstance(node, ast.ImportFrom):
            module = str(node.module)
            assert module in ("typing", "enum") or module.endswith(".facts")


# --- Mutation ------------------------------------------------------------------------------------


def mutations(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield where ``value`` was changed, and it with that one change."""
    if isinstance(value, bool):
        yield place, not value
    elif value is None:
        yield place, 1
    elif isinstance(value, Enum):
        yield place, next(each for each in type(value) if each is not value)
    elif isinstance(value, int | float):
        yield place, type(value)(value * 1.25 + 1)
    elif isinstance(value, str | bytes):
        yield place, value[:-1] or (b"\x01" if isinstance(value, bytes) else "x")
    elif isinstance(value, tuple):
        names = getattr(value, "_fields", None) or [str(index) for index in range(len(value))]
        for index, item in enumerate(value):
            if is_same_to_everybody(value, names[index]):
                continue
            for where, changed in mutations(item, f"{place}.{names[index]}"):
                items = [*value[:index], changed, *value[index + 1 :]]
                yield where, type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    else:
        raise TypeError(f"no idea how to change {value!r}")


def is_same_to_everybody(value: object, name: str) -> bool:
    """Names of fields are for people; a single group of bytes has no other order."""
    if isinstance(value, common.Field):
        return name == "name" or (name == "order" and value.width <= common.WORD_LENGTH)
    return isinstance(value, common.BitField) and name == "name"


def changed_members(value: type[Enum]) -> Iterator[tuple[str, object]]:
    for member in value:
        members = {each.name: each.value for each in value}
        (_, members[member.name]), *_ = mutations(member.value)
        if isinstance(member.value, int):
            members[member.name] = member.value + 1
        if len({repr(each) for each in members.values()}) == len(members):
            yield member.name, value.__base__(value.__name__, members)  # type: ignore[misc]


def parts(value: Any) -> Iterator[int]:
    """Yield who is inside a row."""
    if isinstance(value, tuple):
        for item in value:
            yield id(item)
            yield from parts(item)


def own_facts(facts: Any) -> Iterator[tuple[str, Any]]:
    """Yield the facts of a module that are no part of another one of it, nor from elsewhere."""
    tree = ast.parse(Path(facts.__file__).read_text())
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    rows = {name: getattr(facts, name) for name in names}
    inside = {each for row in rows.values() for each in parts(row)}
    for name, value in rows.items():
        is_row = isinstance(value, tuple) and id(value) in inside
        if not is_row and name != "PRODUCTS":
            yield name, value


def is_listed(table: Mapping[str, str], *names: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in table for name in names)


MARKERS = ("Order", "Split")
"""Enumerations whose values are for people: their members are what counts."""


def all_changes(module: Facts) -> Iterator[tuple[str, str, object]]:
    """Yield the name of a fact, the place in it, and it with a change at that place."""
    for name, value in own_facts(facts_of(module.name)):
        if isinstance(value, type):
            is_enum = issubclass(value, Enum) and name not in MARKERS
            places = changed_members(value) if is_enum else iter(())
            changes = [(f".{place}", changed) for place, changed in places]
        elif module.name == "bm1384" and name == "PRODUCTS":
            continue
        else:
            changes = list(mutations(value))
        yield from ((name, place, changed) for place, changed in changes)


def changed_facts(module: Facts) -> Iterator[tuple[str, str, object]]:
    """Yield the changes that have to be noticed."""
    left_out = {**UNPROVEN[module.name], **EQUIVALENT[module.name]}
    for name, place, changed in all_changes(module):
        if not is_listed(left_out, name, name + place):
            yield name, place, changed


@contextmanager
def fresh_driver(module: Facts) -> Iterator[Any]:
    """Import facts anew, and after the caller has changed them, whoever imports the driver."""
    prefixes = (*(f"{ROOT}.{name}" for name in module.packages), CHECKS_MODULE)
    saved = {name: each for name, each in sys.modules.items() if name.startswith(prefixes)}
    for name in saved:
        del sys.modules[name]
        package, _, child = name.rpartition(".")
        if package in sys.modules:  # which would give away the old one
            delattr(sys.modules[package], child)
    try:
        yield facts_of(module.name)
    finally:
        for name in [name for name in sys.modules if name.startswith(prefixes)]:
            del sys.modules[name]
        sys.modules.update(saved)
        for name, each in saved.items():  # packages hold their modules as attributes, too
            package, _, child = name.rpartition(".")
            setattr(sys.modules[package], child, each)


TROUBLE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, StopIteration),
    *(TypeError, ValueError, LuxminerError),
)
"""What a wrong fact may lead to."""

SEEN_BY = {
    module.name: [*ours((*module.families, "all")), *ours(("CompacA1", "NewPac"))]
    if module.families
    else list(ours())
    for module in MODULES
}


def is_noticed(module: Facts, name: str = "", value: object = None) -> bool:
    with fresh_driver(module) as now:
        if name:
            setattr(now, name, value)
        try:
            checks = importlib.import_module(CHECKS_MODULE).CHECKS
            check_rows()
            for kind, vector in SEEN_BY[module.name]:
                checks[kind](vector)
        except TROUBLE:
            return True
    return False


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_nothing_is_noticed_without_a_change(module: Facts) -> None:
    before = facts_of(module.name)
    assert not is_noticed(module)
    assert importlib.import_module(f"{ROOT}.{module.name}").facts is before
    assert facts_of(module.name) is before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        pytest.param(module, name, value, id=f"{module.name}-{name}{place}")
        for module in MODULES
        for name, place, value in changed_facts(module)
    ],
)
def test_a_changed_fact_is_noticed(module: Facts, name: str, value: object) -> None:
    assert is_noticed(module, name, value)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_what_is_listed_as_unproven_exists(module: Facts) -> None:
    places = {name + place for name, place, _ in all_changes(module)}
    names = {name for name, _ in own_facts(facts_of(module.name))}
    for table in (UNPROVEN, EQUIVALENT):
        for pattern in table[module.name]:
            assert any(fnmatchcase(known, pattern) for known in names | places), pattern
