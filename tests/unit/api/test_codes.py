"""The table of status codes against those of both references."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest

from luxminer.api.codes import CODES, SUBJECTS

REFERENCE: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "api_codes.json").read_text()
)["codes"]


@pytest.mark.parametrize("number", REFERENCE)
def test_every_code_of_the_references_has_its_letter_and_text(number: str) -> None:
    letter, text = CODES[int(number)]
    assert letter == REFERENCE[number]["letter"]
    shown = REFERENCE[number].get("text")
    if shown is not None:
        ours = re.sub(r"\{\w+\}", "%", text)
        assert ours == re.sub(r"%[ds]", "%", shown).replace("CGMiner ", "LUXminer ")


def test_what_is_ours_stands_in_the_range_of_its_subject() -> None:
    for subject in SUBJECTS:
        for number in set(subject.CODES) - {-1, *map(int, REFERENCE)}:
            assert any(number in own for own in subject.OWN), (subject.__name__, number)


def test_no_two_subjects_share_a_number() -> None:
    owned = [(subject.__name__, set().union(*subject.OWN)) for subject in SUBJECTS]
    for (one, mine), (other, theirs) in combinations(owned, 2):
        assert not mine & theirs, (one, other)
    for name, mine in owned:
        assert not mine & set(map(int, REFERENCE)), name
