"""Reads the parameter of a request by the grammar of its command.

Checks come in CGMiner's order: nothing there at all, no parameter, not possible.

Ref: CGMiner API (order of the checks of each command's parameter), LUXminer API (key=value).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luxminer.api.codes import Code
from luxminer.api.params import NO_ARGS, Args, Facts, Grammar, Kind, Param, Refusal
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["invalid_code", "missing_code", "nothing_code", "parse", "whole"]

WHOLE = re.compile(r"([+-]?[0-9]{1,18})(?!\w)")
"""Digits as C reads them, with rubbish behind them ignored, but not in the middle of a word."""
NUMBER = re.compile(r"([+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}))(?!\w)")
MAX_SHOWN = 60
"""Characters of a wrong value that an error repeats."""
WORDS: Mapping[Kind, Mapping[str, bool]] = {
    Kind.FLAG: {"true": True, "false": False},
    Kind.SWITCH: {"on": True, "off": False},
    Kind.TRUTH: {"t": True, "f": False},
}

ITEMS: Mapping[Kind, Callable[[MinerSnapshot], Sequence[Any]]] = {
    Kind.STICK: lambda miner: miner.devices,
    Kind.POOL: lambda miner: miner.pools,
    Kind.GROUP: lambda miner: miner.groups,
}
"""Lists whose items are named by number; ids are positions and run from 0 without gaps."""
NOTHING = {Kind.STICK: Code.NO_ASCS, Kind.POOL: Code.NO_POOLS}
MISSING = {Kind.STICK: Code.MISSING_DEVICE, Kind.POOL: Code.MISSING_POOL}
INVALID = {
    Kind.STICK: Code.INVALID_ASC,
    Kind.POOL: Code.INVALID_POOL,
    Kind.GROUP: Code.INVALID_GROUP,
}


def nothing_code(param: Param) -> int | None:
    """Return the code of an empty list of what is named; None where there is no such list."""
    return NOTHING.get(param.kind) if param.required else None


def missing_code(param: Param) -> int:
    if param.missing is not None:
        return param.missing
    return MISSING.get(param.kind, Code.MISSING_PARAMETER)


def invalid_code(param: Param) -> int:
    if param.invalid is not None:
        return param.invalid
    return INVALID.get(param.kind, Code.INVALID_PARAMETER)


def parse(grammar: Grammar, text: str, miner: MinerSnapshot) -> Args:
    """Read the values of a request. Raises Refusal."""
    if not grammar.params:
        return NO_ARGS
    for param in grammar.params:
        code = nothing_code(param)
        if code is not None and not ITEMS[param.kind](miner):
            raise Refusal(code)
    if not text and grammar.nothing is not None:
        raise Refusal(grammar.nothing)
    pieces = _pieces(grammar, text)
    facts: Facts = {"details": _details(grammar, pieces)}
    written = _assign(grammar, pieces, miner, facts)
    facts |= _as_written(grammar, written)
    for param in grammar.params:
        if (
            param.required
            and not written.get(param.name)
            and not (param.empty and param.name in written)
        ):
            raise Refusal(missing_code(param), **{**facts, "name": param.name})
    values = {
        param.name: _value(param, written.get(param.name, ()), miner, facts)
        for param in grammar.params
    }
    return Args(values, facts)


def _pieces(grammar: Grammar, text: str) -> list[str]:
    """Cut at commas; no text has no pieces."""
    if not text:
        return []
    if grammar.escaped:
        return _unescaped(text)
    last = grammar.params[-1]
    cuts = -1 if last.many or last.key else len(grammar.params) - 1
    return [piece.strip() for piece in text.split(",", cuts)]


def _unescaped(text: str) -> list[str]:
    """Cut at commas; a backslash takes the next character as it is."""
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


def _details(grammar: Grammar, pieces: Sequence[str]) -> str:
    secrets = [number for number, param in enumerate(grammar.places) if param.secret]
    return shortened(",".join(pieces[: min(secrets, default=len(pieces))]))


def _as_written(grammar: Grammar, written: Mapping[str, Sequence[str]]) -> Facts:
    facts: Facts = {}
    for param in grammar.params:
        texts = written.get(param.name, ())
        if texts and not param.secret:
            facts[param.name] = shortened(",".join(texts))
            if param.kind in ITEMS:
                facts["id"] = facts[param.name]
    return facts


def _assign(
    grammar: Grammar, pieces: Sequence[str], miner: MinerSnapshot, facts: Facts
) -> dict[str, tuple[str, ...]]:
    """Give each parameter what was written for it: one text, or all of them for the last."""
    written: dict[str, tuple[str, ...]] = {}
    rest = list(pieces)
    for param in grammar.places:
        if param.many:
            written[param.name], rest = tuple(filter(None, rest)), []
        elif rest and not (param.if_fits and _read(param, rest[0], miner) is None):
            written[param.name] = _texts(rest.pop(0), param)
    keys = {param.name: param for param in grammar.keys}
    bare = [param for param in grammar.keys if param.bare]
    for piece in rest if keys else ():
        name, equals, value = (part.strip() for part in piece.partition("="))
        if not equals and bare:
            name, value = bare.pop(0).name, name
        elif not equals:
            raise Refusal(Code.INVALID_KEY_VALUE, **{**facts, "value": shortened(piece)})
        if name not in keys:
            said = {"value": shortened(name), "expected": ", ".join(keys)}
            raise Refusal(Code.UNKNOWN_KEY, **{**facts, **said})
        written[name] = _texts(value, keys[name])
    if rest and not keys and grammar.surplus is not None:
        raise Refusal(grammar.surplus, **facts)
    return written


def _texts(text: str, param: Param) -> tuple[str, ...]:
    return (text,) if text or param.empty else ()


def _value(param: Param, texts: Sequence[str], miner: MinerSnapshot, facts: Facts) -> Any:
    """Read what was written for a parameter, and note what a status text may say of it."""
    values = []
    for text in texts:
        value = _read(param, text, miner)
        if value is None and not param.lax:
            raise Refusal(invalid_code(param), **{**facts, **_complaint(param, text, miner)})
        values.append(value)
    if param.many:
        if param.kind in ITEMS:
            facts["last"] = len(ITEMS[param.kind](miner)) - 1
        return tuple(values)
    value = values[0] if values and values[0] is not None else param.default
    if not param.secret:
        _note(param, value, miner, facts)
    return value


def _read(param: Param, text: str, miner: MinerSnapshot) -> Any:
    """Return the value of a text; None when it has none that is possible."""
    kind = param.kind
    if kind is Kind.TEXT:
        if not param.choices:
            return text
        return next((word for word in param.choices if word.lower() == text.lower()), None)
    if kind in WORDS:
        return WORDS[kind].get(text.lower() if kind is not Kind.TRUTH else text[:1].lower())
    number: float | None
    if kind is Kind.NUMBER:
        match = NUMBER.match(text.strip())
        number = float(match[1]) if match else None
    else:
        number = whole(text)
    if kind in ITEMS:
        items = ITEMS[kind](miner)
        return items[int(number)] if number is not None and 0 <= number < len(items) else None
    too_low = number is not None and param.low is not None and number < param.low
    too_high = number is not None and param.high is not None and number > param.high
    return None if too_low or too_high else number


def whole(text: str) -> int | None:
    match = WHOLE.match(text.strip())
    return int(match[1]) if match else None


def _complaint(param: Param, text: str, miner: MinerSnapshot) -> Facts:
    shown = "" if param.secret else shortened(text)
    number = whole(text)
    facts: Facts = {"name": param.name, "value": shown, "expected": param.expected}
    facts[param.name] = shown
    if param.kind in ITEMS:
        facts["id"] = shown if number is None else number
        facts["last"] = len(ITEMS[param.kind](miner)) - 1
    return facts


def _note(param: Param, value: Any, miner: MinerSnapshot, facts: Facts) -> None:
    if param.kind not in ITEMS or value is None:
        facts[param.name] = shortened(value) if isinstance(value, str) else value
        return
    facts |= {"id": value.id, param.name: value.id, "last": len(ITEMS[param.kind](miner)) - 1}
    if param.kind is Kind.POOL:
        facts["url"] = value.url


def shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
