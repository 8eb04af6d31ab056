import json
from pathlib import Path

import pytest

from luxminer_hil.chipsim import Direction, Fault, FaultKind, FaultPlan, SimulatorError
from luxminer_hil.chipsim.faults import KINDS, parse_fault, parse_faults

TO_HOST, TO_STICK = Direction.TO_HOST, Direction.TO_STICK
DATA = bytes(range(256)) * 8


def plan(kind: FaultKind, seed: int = 1, **fields: object) -> FaultPlan:
    return FaultPlan([Fault(kind=kind, **fields)], seed)  # type: ignore[arg-type]


def joined(faults: FaultPlan, data: bytes, now_s: float = 0.0, step: int = 0) -> bytes:
    pieces = [data[at : at + step] for at in range(0, len(data), step)] if step else [data]
    parts = [part for piece in pieces for part in faults.passing(TO_STICK, piece, now_s)]
    return b"".join(part.data for part in parts)


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.FLIP, FaultKind.DUPLICATE])
def test_the_same_seed_does_the_same_however_the_bytes_are_cut(kind: FaultKind) -> None:
    whole = joined(plan(kind, probability=0.1), DATA)
    assert whole != DATA
    assert joined(plan(kind, probability=0.1), DATA, step=7) == whole
    assert joined(plan(kind, probability=0.1, seed=2), DATA) != whole


def test_counts_reconcile_with_the_bytes() -> None:
    dropped = plan(FaultKind.DROP, probability=0.1)
    assert len(joined(dropped, DATA)) == len(DATA) - dropped.counts["drop.to_stick"]
    doubled = plan(FaultKind.DUPLICATE, probability=0.1)
    assert len(joined(doubled, DATA)) == len(DATA) + doubled.counts["duplicate.to_stick"]
    flipped = plan(FaultKind.FLIP, probability=0.1)
    got = joined(flipped, DATA)
    differing = [a ^ b for a, b in zip(DATA, got, strict=True) if a != b]
    assert len(differing) == flipped.counts["flip.to_stick"] > 100
    assert all(bits.bit_count() == 1 for bits in differing)


def test_another_fault_leaves_the_first_one_as_it_was() -> None:
    first = Fault(kind=FaultKind.FLIP, probability=0.1)
    alone = FaultPlan([first], 5)
    second = Fault(kind=FaultKind.DROP, probability=0.5, direction=TO_HOST)
    both = FaultPlan([first, second], 5)
    assert joined(alone, DATA) == joined(both, DATA)


def test_faults_keep_to_their_window_and_direction() -> None:
    faults = plan(FaultKind.DROP, probability=1.0, from_s=10, until_s=20, direction=TO_STICK)
    for now_s, expected in ((9.9, DATA), (10.0, b""), (19.9, b""), (20.0, DATA)):
        assert joined(faults, DATA, now_s) == expected
    assert faults.passing(TO_HOST, DATA, 15.0) == [(0.0, DATA)]


def test_a_write_is_split_or_late_as_a_whole() -> None:
    split = plan(FaultKind.SPLIT, probability=1.0, delay_s=0.25)
    first, second = split.passing(TO_HOST, DATA, 0.0)
    assert first.data + second.data == DATA
    assert first.data
    assert second.data
    assert (first.delay_s, second.delay_s) == (0.0, 0.25)
    assert split.passing(TO_HOST, b"x", 0.0) == [(0.0, b"x")]
    assert split.counts == {"split.to_host": 1}
    late = plan(FaultKind.DELAY, probability=1.0, delay_s=0.5)
    assert late.passing(TO_HOST, DATA, 0.0) == [(0.5, DATA)]
    assert late.counts == {"delay.to_host": 1}


def test_a_share_of_the_nonces_is_wrong_by_one_bit() -> None:
    faults = plan(FaultKind.CORRUPT_NONCE, probability=0.25, chip=1)
    assert all(faults.nonce(n, 0, 0.0) == n for n in range(100))
    wrong = [(n ^ faults.nonce(n, 1, 0.0)).bit_count() for n in range(1000)]
    assert set(wrong) == {0, 1}
    assert sum(wrong) == faults.counts["corrupt_nonce"]
    assert 180 < sum(wrong) < 320, f"seed {faults.seed}"


def test_chips_die_one_by_one_or_all() -> None:
    faults = FaultPlan(
        [Fault(kind=FaultKind.DEAD, chip=1, from_s=5), Fault(kind=FaultKind.ZOMBIE, until_s=3)]
    )
    assert [faults.is_dead(chip, 6) for chip in (0, 1)] == [False, True]
    assert not faults.is_dead(1, 4)
    assert faults.is_zombie(0, 1)
    assert not faults.is_zombie(0, 4)


TOML = """
seed = 7
[[fault]]
kind = "flip"
direction = "to_host"
probability = 0.001
[[fault]]
kind = "unplug"
from_s = 30
duration_s = 2
[[fault]]
kind = "brown_out"
from_s = 3
"""


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    entries = [
        {"kind": "flip", "direction": "to_host", "probability": 0.001},
        {"kind": "unplug", "from_s": 30, "duration_s": 2},
        {"kind": "brown_out", "from_s": 3},
    ]
    (tmp_path / "a.toml").write_text(TOML)
    (tmp_path / "a.json").write_text(json.dumps({"seed": 7, "fault": entries}))
    a, b = (FaultPlan.load(tmp_path / name) for name in ("a.toml", "a.json"))
    assert a.faults == b.faults
    assert a.seed == b.seed == 7
    assert [f.kind for f in a.timed()] == [FaultKind.BROWN_OUT, FaultKind.UNPLUG]
    assert FaultPlan.load(tmp_path / "a.toml", seed=9).seed == 9


def test_every_kind_can_be_written_with_its_required_keys() -> None:
    assert set(KINDS) == set(FaultKind)
    for kind, keys in KINDS.items():
        entry = {"kind": kind.value, **dict.fromkeys(keys.required, 1)}
        (fault,), _ = parse_faults({"fault": [entry]})
        assert fault.kind is kind


def test_a_fault_in_words_is_the_same_as_in_a_file() -> None:
    words = "flip direction=to_host probability=0.001 from_s=5"
    entry = {"kind": "flip", "direction": "to_host", "probability": 0.001, "from_s": 5}
    (fault,), _ = parse_faults({"fault": [entry]})
    assert parse_fault(words) == fault
    assert parse_fault(" zombie  chip=1 ") == Fault(kind=FaultKind.ZOMBIE, chip=1)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "fault.kind: unknown kind ''; use one of drop"),
        ("flip 0.1", "fault: '0.1' is no setting; write KIND KEY=VALUE ..."),
        ("flip probability=x", "fault.probability: 'x' is out of range; 0 to 1"),
        ("dead chip=first", "fault.chip: 'first' is no chip number"),
        ("unplug from_s=-1", "fault.from_s: -1 is out of range; write a number from 0 on"),
    ],
)
def test_wrong_words_are_named_with_their_cure(words: str, reason: str) -> None:
    with pytest.raises(SimulatorError) as caught:
        parse_fault(words)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "fault[0].kind: is missing; use one of drop"),
        ({"kind": "dorp"}, "unknown kind 'dorp'; did you mean drop?"),
        ({"kind": ["drop"]}, "unknown kind"),
        ({"kind": "drop"}, "fault[0].probability: is missing; drop needs it"),
        ({"kind": "drop", "probability": 2}, "probability: 2 is out of range; 0 to 1"),
        ({"kind": "drop", "probability": True}, "True is out of range"),
        ({"kind": "drop", "probability": "1"}, "'1' is out of range"),
        ({"kind": "drop", "probability": float("nan")}, "nan is out of range"),
        ({"kind": "drop", "probability": 1, "probabilty": 1}, "did you mean probability?"),
        ({"kind": "drop", "probability": 1, "chip": 1}, "chip: drop takes no such key"),
        ({"kind": "drop", "probability": 1, "direction": "to_hots"}, "did you mean to_host?"),
        ({"kind": "dead", "from_s": 3, "until_s": 2}, "until_s: 2 is not after from_s = 3"),
        ({"kind": "delay", "probability": 1, "delay_s": 99}, "99 is out of range; 0 to 10"),
        ({"kind": "dead", "chip": -1}, "-1 is no chip number; chips count from 0"),
        (
            {"kind": "hard_ticket", "times": 0.5},
            "0.5 is out of range; write a number from 1",
        ),
        ({"kind": "dead_core", "core": 1.5}, "1.5 is no core number; cores count from 0"),
        ("drop", "'drop' is not a table"),
    ],
)
def test_a_wrong_fault_is_named_with_its_cure(entry: object, words: str) -> None:
    with pytest.raises(SimulatorError) as caught:
        parse_faults({"fault": [entry]}, "x.toml")
    assert words in str(caught.value)
    assert "x.toml: fault[0]" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("seed = 'a'", "f.toml", "seed: 'a' is no integer"),
        ("faults = []", "f.toml", "unknown key; did you mean fault?"),
        ("fault = 3", "f.toml", "is no list of faults"),
        ("[[fault]", "f.toml", "is no TOML"),
        ("[1, 2", "f.json", "is no JSON"),
        ("[1, 2]", "f.json", "is not a table"),
        ("[" * 100_000, "f.json", "is no JSON"),
        ("#" * (1 << 20) + "x", "f.toml", "over 1 MiB"),
    ],
)
def test_a_wrong_file_is_named_with_its_cure(
    tmp_path: Path, content: str, name: str, words: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(SimulatorError) as caught:
        FaultPlan.load(path)
    assert words in str(caught.value)
    assert caught.value.cure


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match=r"cannot read .*No such file"):
        FaultPlan.load(tmp_path / "none.toml")
    (tmp_path / "raw.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SimulatorError, match="is no TOML"):
        FaultPlan.load(tmp_path / "raw.toml")
