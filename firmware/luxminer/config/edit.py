"""Changes settings in the text of a file and leaves everything else as its owner wrote it.

The text is cut at its headers. Comments right above a header belong to it, what comes after the
first blank line behind the last setting to nobody; so a row takes its comments along when it moves,
and a removed one takes nobody else's away.
"""

import dataclasses
import itertools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luxminer.config.changes import (
    IDENTITY,
    Add,
    Change,
    Ident,
    Order,
    Remove,
    Set,
    apply_to_rows,
    idents,
    reordered,
)
from luxminer.config.load import MARK, parse, toml_value

__all__ = ["edit"]


def edit(text: str, changes: Sequence[Change]) -> str:
    """Return the text with the changes. Raises ConfigError when it is no configuration."""
    mark = MARK if text.startswith(MARK) else ""
    text = text.removeprefix(MARK)
    config = parse(text)
    pieces = _cut(text)
    for section in dict.fromkeys(change.section for change in changes):
        wanted = [change for change in changes if change.section == section]
        rows = getattr(config, section)
        if isinstance(rows, tuple):
            _edit_rows(pieces, section, rows, wanted)
        else:
            _edit_section(pieces, section, wanted)
    return mark + "".join(piece.text for piece in pieces)


@dataclass(slots=True)
class _Piece:
    """What stands under one header; the first one is what comes before all headers."""

    section: str
    lead: str
    body: str
    tail: str
    row: Ident | None = None

    @property
    def text(self) -> str:
        return self.lead + self.body + self.tail


# Cutting ------------------------------------------------------------------------------------------


def _cut(text: str) -> list[_Piece]:
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    starts = [0]
    for number, line in enumerate(lines):
        if line.lstrip().startswith("[") and _is_whole(lines[starts[-1] : number]):
            starts.append(number)
    leads = [0]
    for before, start in itertools.pairwise(starts):
        lead = start
        while lead > before and lines[lead - 1].lstrip().startswith("#"):
            lead -= 1
        if not _is_whole(lines[before:lead]):
            lead = start  # the comment is part of a text of many lines
        leads.append(lead)
    pieces = []
    for position, (lead, start) in enumerate(zip(leads, starts, strict=True)):
        end = leads[position + 1] if position + 1 < len(leads) else len(lines)
        section = next(iter(tomllib.loads(lines[start]))) if position else ""
        body_end = _body_end(lines, start, end)
        body = "".join(lines[start:body_end])
        if body and not body.endswith("\n"):
            body += "\n"
        pieces.append(
            _Piece(section, "".join(lines[lead:start]), body, "".join(lines[body_end:end]))
        )
    return pieces


def _is_whole(lines: Sequence[str]) -> bool:
    """Tell whether no value goes on behind these lines."""
    try:
        tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True


def _body_end(lines: Sequence[str], start: int, end: int) -> int:
    """Find the first blank line behind the last setting."""
    last = end
    while last > start and re.match(r"\s*(#|$)", lines[last - 1]):
        last -= 1
    whole = tomllib.loads("".join(lines[start:end]))
    while not _is_whole(lines[start:last]) or tomllib.loads("".join(lines[start:last])) != whole:
        last += 1
    while last < end and lines[last].strip():
        last += 1
    return last


# Sections -----------------------------------------------------------------------------------------


def _edit_section(pieces: list[_Piece], section: str, changes: Sequence[Change]) -> None:
    settings = {change.key: change.value for change in changes if isinstance(change, Set)}
    piece = next((piece for piece in pieces if piece.section == section), None)
    if piece is not None:
        piece.body = _with_settings(piece.body, section, settings)
    elif section in tomllib.loads(pieces[0].body):
        pieces[0].body = _with_settings(pieces[0].body, section, settings)
    else:
        _append(pieces, _Piece(section, "", _written(f"[{section}]", settings), ""))


def _with_settings(body: str, section: str, settings: dict[str, Any]) -> str:
    import tomlkit  # 1.5 MiB, which a miner that nobody changes does without

    document = tomlkit.parse(body)
    found: Any = document[section]
    table = found[0] if isinstance(found, list) else found
    for key, value in settings.items():
        table[key] = tomlkit.value(toml_value(value))
    text = tomlkit.dumps(document)
    return text if text.endswith("\n") else f"{text}\n"


def _written(header: str, settings: dict[str, Any]) -> str:
    lines = [header, *(f"{key} = {toml_value(value)}" for key, value in settings.items())]
    return "\n".join(lines) + "\n"


def _append(pieces: list[_Piece], piece: _Piece) -> None:
    """Put a piece at the end of the file, a blank line before it."""
    last = pieces[-1]
    if last.tail and not last.tail.endswith("\n"):
        last.tail += "\n"
    if last.text and not last.text.endswith("\n\n"):
        last.tail += "\n"
    pieces.append(piece)


# Lists --------------------------------------------------------------------------------------------


def _edit_rows(
    pieces: list[_Piece], section: str, rows: Sequence[Any], changes: Sequence[Change]
) -> None:
    if rows and section in tomllib.loads(pieces[0].body):
        _replace_rows(pieces[0], section, rows, changes)
        return
    found = [piece for piece in pieces if piece.section == section]
    for piece, name in zip(found, idents(section, rows), strict=True):
        piece.row = name
    for change in changes:
        if isinstance(change, Order):
            _reorder(pieces, section, change.rows)
            continue
        row = _row(pieces, section, change.row)
        if row is None:
            if isinstance(change, Add):
                _add(pieces, section, change)
        elif isinstance(change, Remove):
            before = pieces[pieces.index(row) - 1]
            before.tail += row.tail
            pieces.remove(row)
        elif isinstance(change, Set):
            row.body = _with_settings(row.body, section, {change.key: change.value})
        else:
            settings = {
                field.name: getattr(change.settings, field.name)
                for field in dataclasses.fields(change.settings)
            }
            written = tomllib.loads(row.body)[section][0]
            row.body = _with_settings(
                row.body,
                section,
                {k: v for k, v in settings.items() if k in written or k in _told(section, change)},
            )


def _row(pieces: Sequence[_Piece], section: str, row: Ident | None) -> _Piece | None:
    return next((p for p in pieces if p.section == section and p.row == row), None)


def _told(section: str, change: Add) -> dict[str, Any]:
    """Return the settings of a new row that have to be written."""
    names = IDENTITY.get(section, ("name",))
    told = {}
    for field in dataclasses.fields(change.settings):
        value = getattr(change.settings, field.name)
        if value != field.default or (field.name in names and value):
            told[field.name] = value
    return told


def _add(pieces: list[_Piece], section: str, change: Add) -> None:
    """Put a row behind the last one of its list."""
    body = _written(f"[[{section}]]", _told(section, change))
    others = [piece for piece in pieces if piece.section == section]
    if not others:
        _append(pieces, _Piece(section, "", body, "", change.row))
        return
    last = others[-1]
    pieces.insert(pieces.index(last) + 1, _Piece(section, "", body, last.tail, change.row))
    last.tail = "\n"


def _reorder(pieces: Sequence[_Piece], section: str, order: Sequence[Ident]) -> None:
    rows = [piece for piece in pieces if piece.section == section]
    wanted = reordered(rows, lambda piece: piece.row, order)
    contents = [(piece.lead, piece.body, piece.row) for piece in wanted]
    for piece, (lead, body, row) in zip(rows, contents, strict=True):
        piece.lead, piece.body, piece.row = lead, body, row


def _replace_rows(
    root: _Piece, section: str, rows: Sequence[Any], changes: Sequence[Change]
) -> None:
    """Write a list anew that stands in one line, as ``pools = [{url = ...}]``."""
    import tomlkit

    after = apply_to_rows(section, rows, changes)
    tables = []
    for row, name in zip(after, idents(section, after), strict=True):
        told = _told(section, Add(section, name, row))
        inner = ", ".join(f"{key} = {toml_value(value)}" for key, value in told.items())
        tables.append(f"{{ {inner} }}")
    document = tomlkit.parse(root.body)
    document[section] = tomlkit.value(f"[{', '.join(tables)}]")
    root.body = tomlkit.dumps(document)
