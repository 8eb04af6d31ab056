"""The drivers against what the outside world recorded: vectors, products and pauses."""

import ast
import importlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from luxminer.transport.usbbridge.bridge import Pause, Step
from luxminer_hil.vectors import chips
from luxminer_hil.vectors.bridges import bridge_of, check_host
from luxminer_hil.vectors.not_applicable import row_for

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "bm13xx.json").read_text()
)
STATED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "reference.json").read_text()
)
"""The same about what references say in words, beside what was recorded."""
ROOT = "luxminer_drivers"
CHECKS_MODULE = "luxminer_hil.vectors.chips"
BAUDRATE = 115200

FRAME_KINDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "bm1384.codec": {
        "ReadRegister": ("command", "count_chips"),
        "ChainInactive": ("command", "chain_inactive"),
        "SetAddress": ("command", "set_address"),
        "WritePll": ("frequency", ""),
        "TaskFrame": ("task", ""),
        "TaskTemplate": ("task", ""),
        "ChipIdReply": ("init_trace", ""),
        "PllReply": ("frequency_reply", ""),
        "NonceReply": ("nonce", ""),
    },
    "icarus.codec": {
        "TaskFrame": ("captured_share", ""),
        "NonceReply": ("nonce", ""),
        "Decoder": ("nonce", ""),
    },
    "bm1380.codec": {
        "WritePll": ("frequency", ""),
        "NonceReply": ("nonce", ""),
        "Decoder": ("nonce", ""),
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


def module_name(name: str, part: str = "facts") -> str:
    return f"{ROOT}.{name}.{part}"


def facts_of(name: str) -> Any:
    return importlib.import_module(module_name(name))


def named(vector: Mapping[str, Any]) -> set[str]:
    return set(str(vector["family"]).split("/"))


def all_vectors() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield kind and vector of all that was recorded, and of all that is stated."""
    for document in (VECTORS, STATED):
        for kind, vectors in document["vectors"].items():
            for vector in vectors:
                yield kind, vector


def ours(families: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the vectors that apply, of all or of some families, where these are named."""
    for kind, vector in all_vectors():
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


def check_older(now: Any, row: Mapping[str, Any]) -> None:
    """Compare a row of a product without strings with the facts of its chip."""
    for product in now.PRODUCTS:
        assert row["ident"] == product.code
        assert (row["vid"], row["pid"]) == (f"{product.vendor_id:04x}", f"{product.product_id:04x}")
        assert (row["manufacturer"], row["products"]) == (None, None)
        assert (product.manufacturers, product.product) == ((), "")
        assert row["chips"] == product.chips
        assert row["chip"] == now.CHIP
        assert set(product.title.split()) <= set(row["name"].replace("/", " U1 ").split())
    rate = next(step for step in row["line_setup"] if step[:3] == ["control", "41", "1e"])
    assert int.from_bytes(bytes.fromhex(rate[5]), "little") == now.BAUDRATE


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


def pauses_ms(steps: Iterable[Step]) -> list[float]:
    return [step.seconds * 1e3 for step in steps if isinstance(step, Pause)]


def check_line(shared: Any, family: Any, row: Mapping[str, Any]) -> None:
    """Compare the bridge of a product, and its pauses."""
    check_host(row)
    bridge = bridge_of(row)
    line = bridge.lines[0]
    pauses = pauses_ms(bridge.setup(line, BAUDRATE, "")) + pauses_ms(bridge.hold)
    pauses += pauses_ms(bridge.release or ())
    recorded = [step[1] for step in row["reset"] if step[0] == "sleep_ms"]
    if bridge.name == "FT230X":
        low_ms = shared.FTDI_LOW_BM1397_S * 1e3 if family.name == "BM1397" else pauses[1]
        assert [pauses[0], low_ms, pauses[2]] == recorded
    else:
        assert pauses[-1:] == recorded
        assert pauses[0] <= row["line_setup"][-1][1]


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


OLDER = {"BM1380": "bm1380", "BE100": "icarus"}
"""Chips of products without strings -> module of facts."""

PRODUCTS = [row for row in VECTORS["products"] if row["chip"] in {*chips.FAMILIES, *OLDER}]
TRACES = [each for each in VECTORS["vectors"]["init_trace"] if named(each) & chips.FAMILIES]
RATES = [each for each in VECTORS["vectors"]["rates"] if each["family"] == "BM1384"]


def check_rows() -> None:
    """Compare everything that is no vector."""
    shared = facts_of("bm13xx")
    for row in PRODUCTS:
        if row["chip"] in OLDER:
            check_older(facts_of(OLDER[row["chip"]]), row)
            continue
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
    later = {"BM1384", "BM1387", "BM1397", "BM1362", "BM1370"}
    assert {row["chip"] for row in PRODUCTS} == {*later, *OLDER}
    check_rows()


@pytest.mark.parametrize("name", ["bm1387", "bm1397", "bm1362", "bm1370"])
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
