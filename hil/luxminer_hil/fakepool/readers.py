"""Readers of what only scripts of pools say: each raises ValueError with what the value must be."""

import re
from decimal import Decimal
from typing import Any

from luxminer_hil.fakepool.blocks import block_named
from luxminer_hil.fakepool.proof import exact_difficulty, json_number
from luxminer_hil.scripting.values import text

__all__ = ["block", "difficulty", "job_difficulty", "list_of_texts", "mask"]


def difficulty(value: Any) -> Any:
    if type(value) not in (int, float, Decimal):
        raise ValueError("must be a number")
    json_number(exact_difficulty(value))
    return value


def job_difficulty(value: Any) -> Any:
    return value if value == "network" else difficulty(value)


def mask(value: Any) -> int:
    if type(value) is not str or not re.fullmatch(r"[0-9a-fA-F]{8}", value):
        raise ValueError('must be eight hexadecimal digits, as "1fffe000"')
    return int(value, 16)


def list_of_texts(value: Any) -> tuple[str, ...]:
    if type(value) is not list or not all(type(name) is str for name in value):
        raise ValueError('must be a list of patterns, as ["*"]')
    return tuple(value)


def block(value: Any) -> str:
    return block_named(text(value)).name
