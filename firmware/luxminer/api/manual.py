"""The commands as a page of the documentation, made of their table.

Imported by the tests, and by `scripts/render_api_docs.py`, which writes the page.
"""

from collections.abc import Iterator, Mapping

from luxminer.api.codes import CODES
from luxminer.api.commands import SUBJECTS, CommandRow

__all__ = ["BEGIN", "END", "render"]

BEGIN = "<!-- commands: begin; written by scripts/render_api_docs.py -->"
END = "<!-- commands: end -->"


def render(examples: Mapping[str, tuple[str, str]]) -> str:
    """Return Markdown of all commands. ``examples`` are requests and replies by command."""
    return "\n".join(_lines(examples)) + "\n"


def _lines(examples: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    shown: dict[int, str] = {}
    for subject in SUBJECTS:
        yield f"\n## {subject.TITLE}"
        for row in subject.ROWS:
            yield f"\n### `{row.name}`\n"
            yield f"{row.words[:1].upper()}{row.words[1:]}. {_rules(row)}"
            yield ""
            yield from _parameters(row)
            yield from _reply(row, shown)
            yield f"- Codes: {'; '.join(map(_code, row.codes))}" if row.codes else "- Codes: none"
            if row.note:
                yield f"- Here: {row.note}"
            request, reply = examples[row.name]
            yield f"- Example: `{request}` answers `{reply}`"


def _rules(row: CommandRow) -> str:
    rules = [f"Of {row.dialect}", f"right {row.letter}"]
    if row.session:
        rules.append("needs the session's id as first value")
    if row.joinable:
        rules.append("may be joined with `+`")
    return f"*{'; '.join(rules)}.*"


def _parameters(row: CommandRow) -> Iterator[str]:
    if not row.grammar.params:
        return
    yield "- Parameters:"
    for param in row.grammar.params:
        name = f"{param.name}=" if param.key else param.name
        parts = [param.expected]
        if not param.required:
            parts.append("may be left out" + _default(param.default))
        if param.many:
            parts.append("one or more")
        if param.key and param.bare:
            parts.append("also without its name, in this order")
        yield f"  - `{name}` {param.words} ({'; '.join(parts)})"


def _default(default: object) -> str:
    if default is None or default == "":
        return ""
    return f": {str(default).lower() if isinstance(default, bool) else default}"


def _reply(row: CommandRow, shown: dict[int, str]) -> Iterator[str]:
    if row.bare:
        yield f"- Reply: the word `{row.bare}`, in JSON as value of `STATUS`"
        return
    for section in row.sections:
        columns = id(section.columns)
        many = "one row" if section.is_single else "rows"
        if columns in shown:
            yield f"- Reply: `{section.key}`, {many} with the fields of `{shown[columns]}`"
            continue
        shown[columns] = row.name
        fields = ", ".join(f"`{label}`" for label in section.fields)
        yield f"- Reply: `{section.key}`, {many}: {fields}"
    if not row.sections:
        yield "- Reply: the status alone"


def _code(code: int) -> str:
    letter, text = CODES[code]
    return f"{letter} {code} `{text}`"
