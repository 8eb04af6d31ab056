"""Every command of LUXminer and of CGMiner, in both forms, on a socket: a table, and no surprise.

What is asked of each: its example, nothing, too much, rubbish, and where it needs one a session
that is missing or wrong. Whatever comes, the reply is sound, carries a code that the command can
answer with, and says the same as text and as JSON.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from luxminer.api.codes import CODES, Code
from luxminer.api.commands import COMMANDS, CommandRow
from luxminer.api.render import to_json
from luxminer.api.requests import Request
from luxminer.control import Command
from tests.contract.api_forms import has_form, parse_strictly, text_rows
from tests.unit.api.examples import RESULTS
from tests.unit.api.snapshots import VISITOR, Rig
from tests.unit.api.wire import exchange, serving

VECTORS = Path(__file__).parents[1] / "vectors"
REFERENCE: dict[str, dict[str, Any]] = json.loads((VECTORS / "api_replies.json").read_text())[
    "commands"
]

GENERAL = {
    *(Code.ACCESS_DENIED, Code.MISSING_PARAMETER, Code.INVALID_PARAMETER, Code.REFUSED),
    *(Code.INVALID_KEY_VALUE, Code.UNKNOWN_KEY, Code.UNSUPPORTED, Code.NO_ANSWER),
}
"""Codes that any command may answer with."""

HOSTILE = [
    *("-1", "99999999999999999999", "1e400", "nan", "0x10", "0.5.5", "true", "0,0,0,0,0,0,0,0"),
    *(",", ",,,,", "=", "a=b=c", "=0", "0=", "\\", "\\,", "%s%n", "../../etc/passwd", "{}", "[]"),
    *("'\"`;--", "<script>", "\u202e", "\U0001d518" * 50, "\x7f", "é", "A" * 5000, " 0 ", "+0"),
]
"""None of them has a line end or a NUL, which would end a text request."""

NO_PLACE_IN_TEXT = "\\|"


@asynccontextmanager
async def miner() -> AsyncIterator[tuple[Rig, int]]:
    """Serve the miner of the tests, whose owners do whatever they are told."""
    rig = Rig()

    async def answer(order: Command) -> object:
        return RESULTS.get(type(order), True)

    for kind in Command.__subclasses__():
        rig.bus.register(kind, answer)
    async with serving(rig, max_connections=64) as server:
        yield rig, server.port


async def ask_json(port: int, command: str, parameter: str) -> dict[str, Any]:
    request = json.dumps({"command": command, "parameter": parameter})
    reply = await exchange(port, request.encode())
    assert reply.endswith(b"\0"), reply
    return parse_strictly(reply[:-1])


async def ask_text(port: int, command: str, parameter: str) -> bytes:
    reply = await exchange(port, f"{command}|{parameter}\n".encode())
    assert reply.endswith(b"\0"), reply
    return reply[:-1]


def code_of(tree: dict[str, Any]) -> int:
    status = tree["STATUS"][0]
    letter = status["STATUS"]
    code = int(status["Code"])
    assert CODES[code].letter == letter, status
    return code


def flat(value: Any, label: str = "") -> Iterator[tuple[str, str]]:
    """Write a JSON value as the text form does: lists with blanks, objects with dots."""
    if isinstance(value, bool):
        yield label, str(value).lower()
    elif isinstance(value, list):
        yield label, " ".join(text for each in value for _, text in flat(each))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from flat(each, f"{label}.{key}" if label else key)
    else:
        plain = str(value).encode("ascii", "replace").decode()
        yield label, re.sub(r"[\x00-\x1f\x7f]", " ", plain)


def check_same(tree: dict[str, Any], text: bytes) -> None:
    """Compare both forms of a reply; the clock of the miner stands still."""
    rows = [row for row in text_rows(text) if row]
    shown = [row for key in sorted(tree) if key not in ("STATUS", "id") for row in tree[key]]
    for row, json_row in zip(rows, [tree["STATUS"][0], *shown], strict=True):
        said = {key: re.sub(r"\\(.)", r"\1", value) for key, value in row}
        assert said == dict(flat(json_row))


def parameter_of(rig: Rig, row: CommandRow, parameter: str) -> str:
    """Put the session's id before a parameter, where the command needs one."""
    if not row.session:
        return parameter
    rig.dispatcher.sessions.end()
    return ",".join(filter(None, (rig.dispatcher.sessions.start(), parameter)))


class Table:
    """What came out, command by command."""

    def __init__(self) -> None:
        self.codes: dict[str, Counter[tuple[str, int]]] = {}

    def note(self, row: CommandRow, case: str, code: int) -> None:
        self.codes.setdefault(row.name, Counter())[case, code] += 1

    def show(self) -> None:
        for name, counts in self.codes.items():
            cells: dict[str, list[str]] = {}
            for (case, code), count in sorted(counts.items()):
                cells.setdefault(case, []).append(f"{code}x{count}" if count > 1 else str(code))
            print(f"{name:<18}" + "  ".join(f"{case} {' '.join(c)}" for case, c in cells.items()))


def allowed(row: CommandRow) -> set[int]:
    return {*row.codes, *GENERAL}


async def check(rig: Rig, port: int, row: CommandRow, table: Table) -> None:
    cases = [("example", row.example), ("nothing", ""), ("surplus", f"{row.example},9,9,x=y")]
    cases += [("rubbish", value) for value in HOSTILE]
    if row.example:
        first, _, rest = row.example.partition(",")
        cases += [("rubbish", f"{first},{value}") for value in HOSTILE[:8]]
        cases += [("rubbish", f"{value},{rest}") for value in HOSTILE[:8]]
    for case, value in cases:
        tree = await ask_json(port, row.name, parameter_of(rig, row, value))
        code = code_of(tree)
        table.note(row, case, code)
        assert code in allowed(row), (row.name, case, value, tree["STATUS"])
        if case == "example":
            assert code in (row.success, *row.also), (row.name, tree["STATUS"])
        if row.name != "logon" and NO_PLACE_IN_TEXT not in value:
            text = await ask_text(port, row.name, parameter_of(rig, row, value))
            check_same(tree, text)
    if row.write:
        refused = await rig.dispatcher.handle(Request(row.name, row.example), VISITOR)
        code = code_of(parse_strictly(to_json(refused)))
        table.note(row, "visitor", code)
        assert code == Code.ACCESS_DENIED, (row.name, code)
    if row.session:
        for session, expected in (("", Code.MISSING_SESSION), ("nosuchid", Code.INVALID_SESSION)):
            parameter_of(rig, row, "")
            sent = ",".join(filter(None, (session, row.example)))
            code = code_of(await ask_json(port, row.name, sent if session else ""))
            table.note(row, "session", code)
            assert code == expected, (row.name, session, code)


@pytest.mark.slow
async def test_every_command_in_both_forms_with_whatever_parameter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table()
    async with miner() as (rig, port):
        for row in COMMANDS.values():
            if not row.bare:
                async with asyncio.timeout(30):
                    await check(rig, port, row, table)
        assert rig.dispatcher.failures == 0
    with capsys.disabled():
        print()
        table.show()
        print("not there:", *sorted(REFERENCE.keys() - COMMANDS.keys()))


@pytest.mark.parametrize("name", [n for n, entry in REFERENCE.items() if n in COMMANDS])
def test_a_command_can_answer_with_the_codes_of_its_reference(name: str) -> None:
    row, entry = COMMANDS[name], REFERENCE[name]
    if row.bare or CODES[row.success].letter == "E":
        return  # refused here, for a reason that its documentation tells
    success = entry.get("luxminer_success")
    expected = [success] if success is not None else entry.get("cgminer_success", [])
    if expected:
        assert {row.success, *row.also} & set(expected), (row.codes, expected)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, entry in REFERENCE.items()
        if name in COMMANDS and entry.keys() & {"luxminer", "cgminer"}
    ],
)
async def test_every_proven_field_of_a_further_command_is_there_with_its_type(name: str) -> None:
    row, entry = COMMANDS[name], REFERENCE[name]
    if row.bare or CODES[row.success].letter == "E":
        return
    async with miner() as (rig, port):
        tree = await ask_json(port, name, parameter_of(rig, row, row.example))
    for shown in tree[entry["key"]]:
        for label, kind in {**entry.get("cgminer", {}), **entry.get("luxminer", {})}.items():
            assert label in shown, label
            assert has_form(shown[label], kind), (label, kind, shown[label])
