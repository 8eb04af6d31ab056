"""How replies look on the wire, read strictly and without code of ours."""

import json
import re
from typing import Any

__all__ = ["FORMS", "STRINGS", "Number", "has_form", "parse_strictly", "text_rows"]

WHOLE = r"-?(0|[1-9]\d*)"
FORMS = {
    "int": WHOLE,
    "integer": WHOLE,
    "elapsed": WHOLE,
    "time": WHOLE,
    "float": r"-?\d+\.\d+",
    "double": r"-?\d+\.\d{6}",
    "timeval": r"-?\d+\.\d{6}",
    "mhs": r"-?\d+\.\d\d",
    "utility": r"-?\d+\.\d\d",
    "temp": r"-?\d+\.\d\d",
    "percent": r"-?\d+\.\d{4}",
    "mhtotal": r"-?\d+\.\d{4}",
    "diff": r"-?\d+\.\d{8}",
    "bool": "true|false",
}
"""How a value of each type looks; strings may be anything."""
STRINGS = ("string", "user string")


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def parse_strictly(raw: bytes) -> dict[str, Any]:
    """Parse JSON, keeping the spelling of numbers; no key twice, no null, no NaN."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), keys
        assert keys == sorted(keys, key=str.encode), keys
        assert all(value is not None for _, value in pairs), pairs
        return dict(pairs)

    def refuse(word: str) -> Any:
        raise AssertionError(word)

    tree = json.loads(
        raw,
        object_pairs_hook=unique,
        parse_int=Number,
        parse_float=Number,
        parse_constant=refuse,
    )
    assert isinstance(tree, dict)
    return tree


def text_rows(raw: bytes) -> list[list[tuple[str, str]]]:
    """Split a text reply at what is not escaped; the bare word of a section is left out."""
    sections = re.findall(r"((?:[^\\|]|\\.)*)\|", raw.decode("ascii"))
    rows = []
    for section in sections:
        items = re.findall(r"((?:[^\\,]|\\.)*)(?:,|$)", section)[:-1] or [section]
        pairs = [item.partition("=") for item in items]
        rows.append([(key, value) for key, equals, value in pairs if equals])
    return rows


def has_form(value: object, kind: str) -> bool:
    """Tell whether a value of strictly parsed JSON looks like a ``kind``."""
    if kind in STRINGS:
        return type(value) is str
    if kind == "bool":
        return type(value) is bool
    if kind == "array":
        return type(value) is list
    return type(value) is Number and re.fullmatch(FORMS[kind], value) is not None
