"""Replies of the API as tables for a terminal."""

from collections.abc import Iterator, Mapping, Sequence

__all__ = ["failures", "plain", "tables"]

GAP = "  "
MAX_CELL = 60
"""Longer values are cut; ``--json`` shows all of them."""

Row = Mapping[str, object]


def tables(answer: object, width: int) -> str:
    """Show a reply, plain or joined; what has too many fields for the width stands upright."""
    blocks = [
        block for title, reply in _parts(answer) for block in _reply_blocks(title, reply, width)
    ]
    return "\n\n".join(blocks)


def failures(answer: object) -> list[str]:
    """Return the messages of what the miner refused."""
    return [
        f"{title}{': ' if title else ''}{plain(status.get('Msg', ''))} (code {status.get('Code')})"
        for title, reply in _parts(answer)
        for status in _rows(reply.get("STATUS"))
        if status.get("STATUS") in ("E", "F")
    ]


def plain(value: object) -> str:
    """Write a value so that nothing in it moves the cursor or changes colours."""
    text = value if isinstance(value, str) else _number(value)
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _number(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{plain(name)} {plain(each)}" for name, each in value.items())
    return str(value)


def _parts(answer: object) -> Iterator[tuple[str, Row]]:
    """Yield name and reply; the name is empty where there is only one."""
    if not isinstance(answer, dict):
        return
    if "STATUS" in answer:
        yield "", answer
        return
    for name, replies in answer.items():
        for reply in _rows(replies):
            yield plain(name), reply


def _rows(value: object) -> list[Row]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _reply_blocks(title: str, reply: Row, width: int) -> Iterator[str]:
    sections = {key: _rows(rows) for key, rows in reply.items() if key not in ("STATUS", "id")}
    shown = {key: rows for key, rows in sections.items() if rows}
    if not shown:
        status = reply.get("STATUS")
        words = [plain(row.get("Msg", "")) for row in _rows(status)] or [plain(status)]
        yield (f"{title}: " if title else "") + "; ".join(words)
    for key, rows in shown.items():
        head = f"{plain(key)}\n" if title or len(shown) > 1 else ""
        yield head + "\n".join(_section(rows, width))


def _section(rows: Sequence[Row], width: int) -> list[str]:
    labels = list(dict.fromkeys(label for row in rows for label in row))
    grid = [[plain(label) for label in labels]]
    grid += [[_cell(row.get(label, "")) for label in labels] for row in rows]
    if len(rows) > 1 and _width(grid) <= width:
        return _lines(grid)
    upright = [list(column) for column in zip(*grid, strict=True)]
    lines: list[str] = []
    start = 1
    while start < len(grid):
        end = start + 1
        while end < len(grid) and _width(_slice(upright, start, end + 1)) <= width:
            end += 1
        lines += ([""] if lines else []) + _lines(_slice(upright, start, end))
        start = end
    return lines


def _slice(upright: Sequence[Sequence[str]], start: int, end: int) -> list[list[str]]:
    return [[row[0], *row[start:end]] for row in upright]


def _cell(value: object) -> str:
    text = plain(value)
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}\N{HORIZONTAL ELLIPSIS}"


def _widths(grid: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*grid, strict=True)]


def _width(grid: Sequence[Sequence[str]]) -> int:
    widths = _widths(grid)
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _lines(grid: Sequence[Sequence[str]]) -> list[str]:
    widths = _widths(grid)
    return [
        GAP.join(text.ljust(size) for text, size in zip(row, widths, strict=True)).rstrip()
        for row in grid
    ]
