"""Golden vectors through the simulator, and proof that its checks can fail."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from luxminer_hil.vectors.chips_sim import CHECKS, applicable
from luxminer_hil.vectors.mismatch import Mismatch
from tests.unit.chipsim.host import VECTORS

STATED = json.loads((Path(__file__).parents[2] / "vectors" / "reference.json").read_text())
ALL = [
    (kind, vector)
    for kind in CHECKS
    for document in (VECTORS, STATED)
    for vector in document["vectors"].get(kind, ())
]
CASES = [(kind, vector) for kind, vector in ALL if applicable(kind, vector) is None]

NOT_OURS = {
    "BFCLAR",  # on no stick of ours
    "BM1382",
}


def test_every_kind_has_vectors() -> None:
    assert {kind for kind, _ in CASES} == set(CHECKS)


@pytest.mark.parametrize(
    ("kind", "vector"), CASES, ids=lambda v: v if isinstance(v, str) else v["id"]
)
def test_the_simulator_agrees(kind: str, vector: dict[str, Any]) -> None:
    CHECKS[kind](vector)


def test_no_vector_of_a_chip_that_is_simulated_is_left_out() -> None:
    left = {
        vector["id"]
        for kind, vector in ALL
        if applicable(kind, vector) is not None and vector["family"] not in NOT_OURS
    }
    assert not left


def changed(vector: dict[str, Any]) -> list[dict[str, Any]]:
    """Variants of a vector with one nibble of one expected value, or of its reply, changed."""
    variants = []

    def walk(node: Any, path: list[Any]) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            if isinstance(value, dict | list):
                walk(value, [*path, key])
                continue
            variant = copy.deepcopy(vector)
            target: Any = variant
            for step in path:
                target = target[step]
            if isinstance(value, bool) or value is None:
                continue
            if isinstance(value, int | float):
                target[key] = 2 * value + 1
            elif len(value) >= 2 and all(digit in "0123456789abcdef" for digit in value):
                target[key] = value[:-1] + format(int(value[-1], 16) ^ 1, "x")
            else:
                continue
            variants.append(variant)

    walk(vector["expect"], ["expect"])
    walk({k: v for k, v in vector["input"].items() if k in ("rx", "bytes", "reply")}, ["input"])
    return variants


SUBJECTS = sorted({(kind, vector["family"]) for kind, vector in CASES})


@pytest.mark.parametrize(("kind", "family"), SUBJECTS)
def test_a_wrong_vector_is_noticed(kind: str, family: str) -> None:
    vector = next(v for one, v in CASES if one == kind and v["family"] == family)
    noticed = 0
    for variant in changed(vector):
        try:
            CHECKS[kind](variant)
        except Mismatch:
            noticed += 1
    assert noticed > 0, json.dumps(vector)[:200]


def test_the_vector_file_is_the_one_of_the_project() -> None:
    path = Path(__file__).parents[2] / "vectors" / "bm13xx.json"
    assert json.loads(path.read_text()) == VECTORS
