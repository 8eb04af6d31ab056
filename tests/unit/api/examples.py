"""The example of every command, run against the miner of the tests, as the documentation shows it.

The session's id is SESSION in what is shown. Owners of orders answer as `RESULTS` says.
"""

import json
from typing import Any

from luxminer.api.codes import Code
from luxminer.api.commands import COMMANDS, CommandRow
from luxminer.api.manual import BEGIN, END, render
from luxminer.api.render import to_json
from luxminer.api.requests import Request
from luxminer.control import AddGroup, AddPool, Command
from tests.unit.api.snapshots import OWNER, Rig

PLACEHOLDER = "SESSION"
MAX_FIELDS = 4
"""Fields of the first row that an example shows."""
HIDDEN = ("When", "Description")

RESULTS: dict[type[Command], object] = {AddPool: 3, AddGroup: 1}
"""What owners answer; True where it says nothing."""


def _own(rig: Rig, order: type[Command]) -> None:
    async def answer(_: Command) -> object:
        return RESULTS.get(order, True)

    rig.bus.register(order, answer)


async def run(row: CommandRow) -> tuple[str, dict[str, Any]]:
    """Send the example of a command; return the request as shown, and the reply."""
    rig = Rig()
    for order in Command.__subclasses__():
        _own(rig, order)
    parameter = row.example
    if row.session:
        session = rig.dispatcher.sessions.start()
        parameter = f"{PLACEHOLDER},{parameter}".rstrip(",")
        sent = parameter.replace(PLACEHOLDER, session or "")
    else:
        sent = parameter
    answer = await rig.dispatcher.handle(Request(row.name, sent), OWNER)
    tree = json.loads(to_json(answer))
    if row.name == "logon":
        tree["SESSION"][0]["SessionID"] = PLACEHOLDER
    return f"{row.name}|{parameter}".rstrip("|"), tree


def shortened(tree: dict[str, Any]) -> str:
    """Write a reply with one row of each section and few of its fields."""
    members = []
    for key, value in tree.items():
        if not isinstance(value, list):
            members.append(f"{json.dumps(key)}: {json.dumps(value)}")
            continue
        fields = [(label, each) for label, each in value[0].items() if label not in HIDDEN]
        shown = ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in fields[:MAX_FIELDS])
        more = ", ..." if len(fields) > MAX_FIELDS else ""
        rows = ", ..." if len(value) > 1 else ""
        members.append(f"{json.dumps(key)}: [{{{shown}{more}}}{rows}]")
    return "{" + ", ".join(members) + "}"


def is_right(row: CommandRow, tree: dict[str, Any]) -> bool:
    """Tell whether an example shows one of the command's own answers."""
    if row.bare:
        return bool(tree["STATUS"] == row.bare)
    code = tree["STATUS"][0]["Code"]
    return code in (row.success, *row.also) and code != Code.INTERNAL


async def page(text: str) -> str:
    """Return the page with its part about commands written anew."""
    examples = {}
    for row in COMMANDS.values():
        request, tree = await run(row)
        examples[row.name] = (request, shortened(tree))
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    return f"{head}{BEGIN}\n{render(examples)}\n{END}{tail}"
