"""Grammars of parameters: text in, the thing meant out, or a refusal with its code.

A grammar is a function of the parameter and the snapshot. Checks come in CGMiner's order: nothing
there at all, no parameter, out of range.

Ref: CGMiner API (order of the checks of each command's parameter).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from luxminer.api.codes import Code
from luxminer.telemetry.model import DeviceSnapshot, MinerSnapshot, PoolSnapshot

__all__ = [
    "AddPoolDetails",
    "Facts",
    "Grammar",
    "Refusal",
    "age_s",
    "command_name",
    "device",
    "ignored",
    "pool",
    "pool_details",
    "pool_facts",
]

Facts = dict[str, object]
"""What fills the braces of a status text."""

T = TypeVar("T")
Grammar = Callable[[str, MinerSnapshot], T]

NUMBER = re.compile(r"([+-]?[0-9]{1,18})(?!\w)")
"""Digits as C reads them, with rubbish behind them ignored, but not in the middle of a word."""
MAX_SHOWN = 60
"""Characters of a wrong value that an error repeats."""


class Refusal(Exception):
    """A request that a table or an owner turns down: the code, and what its text speaks of."""

    def __init__(self, code: int, **facts: object) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.facts = facts


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPoolDetails:
    url: str
    user: str
    password: str
    group: int

    @property
    def shown(self) -> str:
        """What an error may repeat: everything but the password."""
        return _shortened(f"{self.url},{self.user}")


def ignored(_text: str, _miner: MinerSnapshot) -> None:
    """Commands without a parameter take any, as CGMiner does."""


def device(text: str, miner: MinerSnapshot) -> DeviceSnapshot:
    if not miner.devices:
        raise Refusal(Code.NO_ASCS)
    return _pick(text, miner.devices, missing=Code.MISSING_DEVICE, invalid=Code.INVALID_ASC)


def pool(text: str, miner: MinerSnapshot) -> PoolSnapshot:
    if not miner.pools:
        raise Refusal(Code.NO_POOLS)
    return _pick(text, miner.pools, missing=Code.MISSING_POOL, invalid=Code.INVALID_POOL)


def pool_facts(pool: PoolSnapshot, miner: MinerSnapshot) -> Facts:
    return {"id": pool.id, "url": pool.url, "last": len(miner.pools) - 1}


def command_name(text: str, _miner: MinerSnapshot) -> str:
    if not text:
        raise Refusal(Code.MISSING_CHECK)
    return text


def age_s(text: str, _miner: MinerSnapshot) -> int:
    """Seconds; missing or no number is 0."""
    return _number(text) or 0


def pool_details(text: str, _miner: MinerSnapshot) -> AddPoolDetails:
    """Read ``url,user,password[,group]``; a backslash makes the next character literal."""
    if not text:
        raise Refusal(Code.MISSING_ADDPOOL)
    values = _split(text)
    url_and_user = _shortened(",".join(values[:2]))
    if not 3 <= len(values) <= 4 or not values[0] or not values[1]:
        raise Refusal(Code.INVALID_ADDPOOL, details=url_and_user)
    group = _number(values[3]) if len(values) == 4 and values[3] else 0
    if group is None:
        raise Refusal(Code.INVALID_GROUP, group=_shortened(values[3]))
    return AddPoolDetails(url=values[0], user=values[1], password=values[2], group=group)


def _pick(text: str, items: Sequence[T], *, missing: int, invalid: int) -> T:
    """Find the item with this number. Ids are positions and run from 0 without gaps."""
    if not text:
        raise Refusal(missing)
    number = _number(text)
    if number is None or not 0 <= number < len(items):
        raise Refusal(
            invalid, id=_shortened(text) if number is None else number, last=len(items) - 1
        )
    return items[number]


def _number(text: str) -> int | None:
    match = NUMBER.match(text.strip())
    return int(match[1]) if match else None


def _split(text: str) -> list[str]:
    """Split at commas; a backslash takes the next character as it is."""
    parts: list[list[str]] = [[]]
    characters = iter(text)
    for character in characters:
        if character == "\\":
            parts[-1].append(next(characters, "\\"))
        elif character == ",":
            parts.append([])
        else:
            parts[-1].append(character)
    return ["".join(part).strip() for part in parts]


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
