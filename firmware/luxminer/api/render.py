"""Replies as bytes on the wire: JSON as LuxOS sends it, text as CGMiner sends it. Both are ASCII.

Ref: LUXminer API (replies); CGMiner API (text and JSON replies, joined commands).
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from luxminer.api.columns import Digits, Row, Value
from luxminer.api.replies import Answer, Joined, Reply, Status

__all__ = ["to_json", "to_text"]

REQUEST_ID = 1
"""Never anything else; the protocol has no other ids."""

NUMBER_WORDS = re.compile(r'^"(-?)([in])', re.IGNORECASE)
TEXT_SPECIAL = re.compile(r"[\\|,=]")
NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def to_json(answer: Answer) -> bytes:
    """One line without a terminator; keys in byte order at every level."""
    return _answer_json(answer).encode("ascii")


def to_text(answer: Answer) -> bytes:
    """Sections that end in a bar, without a terminator."""
    if isinstance(answer, Joined):
        parts = (f"CMD={_escaped(name)}|{_reply_text(reply)}" for name, reply in answer.parts)
        text = "".join(parts)
    else:
        text = _reply_text(answer)
    return text.encode("ascii", "replace")


def _answer_json(answer: Answer) -> str:
    if isinstance(answer, Joined):
        members = {name: f"[{_reply_json(reply)}]" for name, reply in answer.parts}
        return _object({**members, "id": str(REQUEST_ID)})
    return _reply_json(answer)


def _reply_json(reply: Reply) -> str:
    if reply.bare:
        return _object({"STATUS": _string(reply.bare), "id": str(REQUEST_ID)})
    members = {"STATUS": _list([_status(reply.status)]), "id": str(REQUEST_ID)}
    members |= {section.key: _list(section.rows) for section in reply.sections if section.rows}
    return _object(members)


def _list(rows: Iterable[Row]) -> str:
    return f"[{','.join(map(_row, rows))}]"


def _row(row: Row) -> str:
    members = (f"{quoted}:{_value_json(row[label])}" for label, quoted in _order(tuple(row)))
    return "{" + ",".join(members) + "}"


@lru_cache(maxsize=128)
def _order(labels: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Sort and quote the labels of a row. They come from our tables, so the cache is bounded."""
    return tuple((label, _string(label)) for label in _sorted(labels))


def _object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{_string(key)}:{members[key]}" for key in _sorted(members)) + "}"


def _sorted(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: key.encode("utf-8", "surrogatepass"))


def _value_json(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if isinstance(value, Digits) else _string(value)
    if isinstance(value, tuple):
        return f"[{','.join(map(_value_json, value))}]"
    return _row(value) if isinstance(value, dict) else str(value)


def _string(text: str) -> str:
    """Quote a string so that no client's repairs of broken JSON can hit its inside.

    pyasic rewrites ``,}`` ``}{`` ``[,{`` and whole strings ``"inf"`` and ``"nan"`` before it
    parses; escapes that JSON undoes keep such pieces away from it.
    """
    quoted = json.dumps(text).replace("{", "\\u007b").replace("}", "\\u007d")
    if text.lower().removeprefix("-") in ("inf", "nan"):
        quoted = NUMBER_WORDS.sub(lambda m: f'"{m[1]}\\u{ord(m[2]):04x}', quoted)
    return quoted


def _status(status: Status) -> Row:
    return {
        "STATUS": status.letter,
        "When": status.when,
        "Code": status.code,
        "Msg": status.text,
        "Description": status.description,
    }


def _reply_text(reply: Reply) -> str:
    if reply.bare:
        return reply.bare
    sections = [_section_text("", _status(reply.status))]
    for section in sorted(reply.sections, key=lambda section: section.key):
        word = section.key if section.word else ""
        sections += [_section_text(word, row) for row in section.rows]
    return "".join(sections)


def _section_text(word: str, row: Row) -> str:
    items = [word] if word else []
    items += [f"{label}={_value_text(value)}" for label, value in _flat(row)]
    return ",".join(items) + "|"


def _flat(row: Row, outer: str = "") -> Iterator[tuple[str, Value]]:
    for label, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{outer}{label}.")
        else:
            yield outer + label, value


def _value_text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return " ".join(map(_value_text, value))
    return _escaped(value) if isinstance(value, str) else str(value)


def _escaped(text: str) -> str:
    """Escape once, and put blanks for control characters, which would break lines or end text."""
    return NOT_PRINTABLE.sub(" ", TEXT_SPECIAL.sub(r"\\\g<0>", text))
