"""Readers of the values in a script: each raises ValueError with what the value must be."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

__all__ = [
    "Reader",
    "any_value",
    "file_name",
    "flag",
    "integer",
    "number",
    "octets",
    "one_of",
    "seconds",
    "text",
]

MAX_SECONDS = 1e7

Reader = Callable[[Any], Any]


def exactly(kind: type, words: str) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:  # bool is no int here
            raise ValueError(f"must be {words}")
        return value

    return read


flag = exactly(bool, "true or false")
text = exactly(str, 'text in "quotes"')


def seconds(value: Any) -> float:
    if type(value) not in (int, float, Decimal) or not 0 <= value <= MAX_SECONDS:
        raise ValueError("must be a number of seconds, 0 or more")
    return float(value)


def number(low: float, high: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if type(value) not in (int, float, Decimal) or not low <= float(value) <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return read


def integer(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if type(value) is not str or value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return read


def octets(value: Any) -> bytes:
    if type(value) is not str or not re.fullmatch(r"([0-9a-fA-F]{2})*", value):
        raise ValueError("must be hexadecimal digits, two for each byte")
    return bytes.fromhex(value)


def file_name(value: Any) -> Path:
    """Read a name that is meant from the folder of the script."""
    if type(value) is not str or not value:
        raise ValueError("must be the name of a file")
    return Path(value)


def any_value(value: Any) -> Any:
    """Read whatever a line of JSON can hold; exact decimals become what JSON writes."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [any_value(each) for each in value]
    if isinstance(value, dict):
        return {key: any_value(each) for key, each in value.items()}
    if isinstance(value, str | int | float):
        return value
    raise ValueError("must be text, a number, true, false, a list or a table of these")
