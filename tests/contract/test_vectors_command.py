"""``luxminer-hil vectors`` on the golden vectors: what must hold, and that a wrong one is seen."""

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from luxminer.commands import ExitCode
from luxminer_hil.cli import main
from luxminer_hil.vectors.chips import FAMILIES as DRIVEN
from luxminer_hil.vectors.runner import Outcome, Result, load, run

VECTORS = Path(__file__).parents[1] / "vectors"
CHIPS, POOLS = VECTORS / "bm13xx.json", VECTORS / "stratum.json"
STATED = VECTORS / "reference.json"
"""Chips again, as references have them in words."""

SUMMARY = re.compile(r"\d+ passed, \d+ failed, \d+ not applicable")
KIND_LINE = re.compile(r"\S+: \d+ passed, \d+ failed, \d+ not applicable")

WIRE_KINDS = {
    "captured_frame",
    "captured_share",
    "chip_address",
    "command",
    "crc16",
    "crc5",
    "frequency_reply",
    "micro_command",
    "nonce",
    "nonce_space",
    "open_core_task",
    "busy_task",
    "stream",
    "task",
    "telemetry_command",
    "telemetry_mask",
    "telemetry_read",
    "telemetry_value",
    "ticket",
    "version_mask",
}
"""Facts of the wire: never left out for a family that a driver exists for."""

LATER_SECTIONS = ("sv2",)
DECIDED_ELSEWHERE = ("scenarios", "malformed")
"""Sections of which single outcomes may be left out, where the design decides otherwise."""


@cache
def of(path: Path) -> tuple[Result, ...]:
    return tuple(run(case) for case in load(path))


def left_out(path: Path) -> list[Result]:
    return [result for result in of(path) if result.outcome is Outcome.NOT_APPLICABLE]


@pytest.mark.slow
def test_the_command_says_what_the_contract_wants(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["vectors", *map(str, (CHIPS, POOLS))])
    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert status == ExitCode.OK, "\n".join(lines[:40])
    assert SUMMARY.fullmatch(lines[-1])
    assert all(KIND_LINE.fullmatch(line) for line in lines[:-1])
    numbers = [tuple(map(int, re.findall(r"\d+(?= (?:passed|failed|not))", x))) for x in lines]
    assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == list(numbers[-1])
    assert sum(numbers[-1]) == len(of(CHIPS)) + len(of(POOLS))
    assert output.err == ""


@pytest.mark.parametrize("path", [CHIPS, POOLS, STATED], ids=lambda path: path.name)
def test_nothing_fails(path: Path) -> None:
    failed = [result for result in of(path) if result.outcome is Outcome.FAILED]
    assert not [f"{each.case.vector_id} {each.case.kind}: {each.text}" for each in failed]


@pytest.mark.parametrize("path", [CHIPS, POOLS, STATED], ids=lambda path: path.name)
def test_every_kind_is_known(path: Path) -> None:
    assert not {result.case.kind for result in left_out(path) if result.text == "unknown kind"}


@pytest.mark.parametrize("path", [CHIPS, STATED], ids=lambda path: path.name)
def test_the_files_are_read_completely(path: Path) -> None:
    chips = json.loads(path.read_text())["vectors"]
    assert Counter(result.case.kind for result in of(path)) == {
        kind: len(vectors) for kind, vectors in chips.items()
    }


def test_nothing_that_is_stated_is_left_out() -> None:
    assert left_out(STATED) == []


def test_every_fact_of_the_wire_is_proven_for_our_families() -> None:
    ours = {
        str(result.case.vector["family"])
        for result in of(CHIPS)
        if result.case.kind == "task" and result.outcome is Outcome.PASSED
    }
    assert ours, "no family at all"
    assert not [
        (result.case.vector_id, result.text)
        for result in left_out(CHIPS)
        if result.case.kind in WIRE_KINDS
        and ours & set(str(result.case.vector["family"]).split("/"))
    ]


def test_every_pool_vector_is_proven_but_for_what_the_design_decides() -> None:
    assert not [
        (result.case.kind, result.case.vector_id, result.text)
        for result in left_out(POOLS)
        if not result.case.kind.startswith((*LATER_SECTIONS, *DECIDED_ELSEWHERE))
    ]


def spoiled(vector: dict[str, Any]) -> dict[str, Any]:
    """The same vector with every number and every hexadecimal text of ``expect`` changed."""

    def spoil(value: Any) -> Any:
        if isinstance(value, bool):
            return not value
        if isinstance(value, int | float):
            return value + 1
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f]+", value):
            return value[:-1] + f"{int(value[-1], 16) ^ 1:x}"
        if isinstance(value, list):
            return [spoil(item) for item in value]
        if isinstance(value, dict):
            return {key: spoil(item) for key, item in value.items()}
        return value

    changed = copy.deepcopy(vector)
    changed["expect"] = spoil(changed["expect"])
    return changed


@pytest.mark.parametrize("kind", sorted(WIRE_KINDS))
def test_a_wrong_vector_of_the_wire_is_seen(kind: str) -> None:
    """Three of each family: with every value changed, all fail."""
    tried: Counter[str] = Counter()
    for result in of(CHIPS):
        case = result.case
        family = str(case.vector["family"])
        if case.kind != kind or result.outcome is not Outcome.PASSED or tried[family] == 3:
            continue
        tried[family] += 1
        wrong = replace(case, vector=spoiled(dict(case.vector)))
        assert run(wrong).outcome is Outcome.FAILED, case.vector_id
    assert tried, "no vector of a kind that every family has"


def test_a_failure_has_its_line_and_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crc5 = json.loads(CHIPS.read_text())["vectors"]["crc5"][:2]
    crc5[1]["expect"]["crc5"] ^= 1
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"vectors": {"crc5": crc5, "unheard_of": [crc5[0]]}}))
    assert main(["vectors", str(path), "--explain"]) == ExitCode.FAILED
    lines = capsys.readouterr().out.splitlines()
    wanted, got = crc5[1]["expect"]["crc5"], crc5[1]["expect"]["crc5"] ^ 1
    assert lines[0] == f"{crc5[1]['id']} crc5: expected {wanted}, got {got} (driver)"
    assert lines[1] == "crc5: 1 passed, 1 failed, 0 not applicable"
    assert lines[2] == "unheard_of: 0 passed, 0 failed, 1 not applicable"
    assert "  unheard_of, family all (1): unknown kind" in lines
    assert lines[-1] == "1 passed, 1 failed, 1 not applicable"


def test_a_kind_without_a_check_for_a_driven_family_is_no_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vector = json.loads(CHIPS.read_text())["vectors"]["telemetry_command"][0]
    vector["family"] = "BM1384"
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"vectors": {"telemetry_command": [vector]}}))
    assert main(["vectors", str(path)]) == ExitCode.FAILED
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed, 0 not applicable"


FOR_PEOPLE = [
    "id",
    "origin",
    "note",
    "title",
    "why",
    "kind",
    "category",
    "expected",
    "event",
    "chain",
    "rule",
    "stated_form",
]
OTHER_RULES = {
    "jobs": "version_by_pool_rule.* naive_wrong_merkle_root_internal",
    "headers": "stated_* device_nonce_comment",
    "midstates": "device_* stated_midstate",
    "prevhash_text": "sv2_u256_wire",
    "constants": "pdiff1_target ratio_* approximation_error_ppm",
    "difficulty_to_target": "target_if_parsed_as_double cgminer_double_target",
    "nbits": "reencoded_nbits",
    "hash_to_difficulty": "cgminer_rounded",
    "version_rolling/cases": "bits_xor pool_or pool_xor all_rules_agree *_reconstructs*",
    "version_rolling/roll_sequence": "esp_miner_sequence.*",
    "extranonce2/space": "seconds_at_*",
    "ntime_windows": "template_mintime pool_curtime",
    "reconnect_hosts": "cgminer_rule_allows same_registrable_domain",
}
"""What other programs do, or a second form of a value that is compared in its exact one."""

GIVEN = {
    "jobs": "notify.ntime notify.clean_jobs height",
    "midstates": "notify.* header76_hex",
    "constants": "expected_hashes_per_diff1",
    "nbits": "negative overflow",
    "version_rolling/cases": "mask",
    "version_rolling/set_version_mask": "old_mask pushed_mask client_mask",
    "gbt/blocks": "expect.coinbase_wtxid_rule",
    "gbt/submitblock_results": "meaning client_action",
    "gbt/templates_only": "template.version template.vbrequired template.coinbasevalue "
    "template.longpollid template.mintime template.curtime template.mutable.* template.*limit "
    "template.transactions.*.fee template.transactions.*.sigops template.transactions.*.weight",
    "scenarios": "steps.*.action steps.*.note steps.*.event steps.*.expected "
    "steps.*.hash_found.difficulty",
    "malformed": "line line_hex reason code generator.* length sha256",
}
"""What a small change of is still the same case: a mask by its lowest bit, another bad line."""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def changed(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d+/\d+", value):
        return f"1{value}"
    if isinstance(value, str) and not re.fullmatch(r"[0-9a-f]+", value):
        return f"{value}1"
    return 1 if value is None else spoiled({"expect": value})["expect"]


def with_leaf(vector: Mapping[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(dict(vector))
    at: Any = copied
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return copied


def test_every_value_of_a_pool_vector_is_looked_at() -> None:
    """Change one value at a time: some vector of its section must turn red for each."""
    seen: dict[str, bool] = {}
    for result in of(POOLS):
        case = result.case
        if result.outcome is not Outcome.PASSED:
            continue
        for path, value in leaves(case.vector):
            name = ".".join("*" if isinstance(key, int) else key for key in path)
            known = OTHER_RULES.get(case.kind, "") + " " + GIVEN.get(case.kind, "")
            if name in FOR_PEOPLE or any(fnmatch(name, each) for each in known.split()):
                continue
            key = f"{case.kind}: {name}"
            if not seen.get(key):
                vector = with_leaf(case.vector, path, changed(value))
                seen[key] = run(replace(case, vector=vector)).outcome is Outcome.FAILED
    assert len(seen) > 150
    assert [key for key, failed in seen.items() if not failed] == []


OTHERS_OF_CHIPS = {
    "captured_frame": "meaning belongs_to",
    "captured_share": "meaning",
    "frequency": "steps.*",
    "frequency_bfgminer": "ok",
    "frequency_reply": "set_mhz",
    "frequency_espminer": "frames.*",
    "init_trace": "steps.* final.job_frame_hcn",
    "init_trace_espminer": "steps.*",
    "nonce": "chip_by_second_nonce_byte",
    "nonce_espminer": "small_core_id",
    "stream": "frames_taken duplicates hw_errors",
    "rates": "wait_factor",
}
"""Of the chips: what is only in some families, what another host counts, and whole dialogues."""

SINGLE_PRECISION = 1.001
"""Figures that were computed so are changed by this factor, and by one more."""


@pytest.mark.parametrize(
    ("path", "least"), [(CHIPS, 200), (STATED, 50)], ids=["recorded", "stated"]
)
def test_every_value_of_a_chip_vector_is_looked_at(path: Path, least: int) -> None:
    """Change one expected value at a time: a vector of its kind and family must turn red."""
    seen: dict[str, bool] = {}
    for result in of(path):
        case = result.case
        families = set(str(case.vector["family"]).split("/"))
        if result.outcome is not Outcome.PASSED or not families & DRIVEN:
            continue
        for place, value in leaves(case.vector["expect"]):
            name = ".".join("*" if isinstance(key, int) else key for key in place)
            if any(fnmatch(name, each) for each in OTHERS_OF_CHIPS.get(case.kind, "").split()):
                continue
            key = f"{case.kind} {case.vector['family']}: {name}"
            if not seen.get(key):
                if case.kind == "rates" and isinstance(value, int | float):
                    value = type(value)(value * SINGLE_PRECISION)
                vector = with_leaf(case.vector, ("expect", *place), changed(value))
                seen[key] = run(replace(case, vector=vector)).outcome is Outcome.FAILED
    assert len(seen) > least
    assert [key for key, failed in seen.items() if not failed] == []
