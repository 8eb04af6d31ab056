"""A recording becomes golden vectors, and the runner takes them."""

import json
from collections import Counter
from pathlib import Path

import pytest

from luxminer.errors import ConfigError
from luxminer_hil.record.load import load
from luxminer_hil.record.vectors import to_vectors
from luxminer_hil.vectors.runner import Outcome, run
from luxminer_hil.vectors.runner import load as load_vectors
from tests.unit.drivers.warp import warped
from tests.unit.hil_record.recorded_rig import record

KINDS = {
    "compac": {"command": 4, "frequency_reply": 1, "init_trace": 1},
    "2pac": {"command": 5, "frequency_reply": 1, "init_trace": 1},
    "newpac": {"captured_frame": 40, "frequency_reply": 1},
    "compacf": {"captured_frame": 40, "frequency_reply": 1},
    "compaca1": {"captured_frame": 40, "frequency_reply": 1},
    "terminusa2": {"captured_frame": 40, "frequency_reply": 1},
}
"""Kind -> vectors that a recording of 40 s has at least."""


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
@warped
async def test_a_recording_becomes_vectors_that_pass(name: str, tmp_path: Path) -> None:
    await record(name, tmp_path / "r.jsonl", 100.0 if name == "compacf" else 60.0)
    document = to_vectors(load(tmp_path / "r.jsonl"))
    file = tmp_path / "vectors.json"
    file.write_text(json.dumps(document))
    results = [run(case) for case in load_vectors(file)]
    for result in results:
        assert result.outcome is Outcome.PASSED, (result.case.vector, result.text)
    found = Counter(result.case.kind for result in results)
    for kind, least in KINDS[name].items():
        assert found[kind] >= least, found
    assert all("recorded from" in case.vector["origin"] for case in load_vectors(file))


@warped
async def test_a_damaged_byte_turns_a_vector_red(tmp_path: Path) -> None:
    await record("newpac", tmp_path / "r.jsonl", 30.0)
    document = to_vectors(load(tmp_path / "r.jsonl"))
    for vector in document["vectors"]["captured_frame"]:
        frame = vector["input"]["frame"]
        vector["input"]["frame"] = f"{frame[:-2]}{int(frame[-2:], 16) ^ 1:02x}"
    file = tmp_path / "vectors.json"
    file.write_text(json.dumps(document))
    outcomes = {run(case).outcome for case in load_vectors(file) if case.kind == "captured_frame"}
    assert outcomes == {Outcome.FAILED}


@warped
async def test_a_stick_without_kinds_of_vectors_is_refused(tmp_path: Path) -> None:
    await record("blockerupter", tmp_path / "r.jsonl", 5.0)
    with pytest.raises(ConfigError, match="there are vectors of"):
        to_vectors(load(tmp_path / "r.jsonl"))
