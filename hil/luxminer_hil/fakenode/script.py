"""What a script can make a node do, and when: at a time, or when it is asked for something.

The language is that of `luxminer_hil.scripting.language`; its words are other ones here.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from luxminer_hil.fakenode.faults import Cut, Failure, Fault, Hang, Raw, Result
from luxminer_hil.scripting.language import (
    Action,
    Key,
    Script,
    Step,
    Vocabulary,
    optional,
    read_document_of_steps,
    read_words,
)
from luxminer_hil.scripting.values import any_value, flag, integer, seconds, text

if TYPE_CHECKING:
    from luxminer_hil.fakenode.server import FakeNode

__all__ = ["EVENTS", "NODE", "carry_out", "fault_of", "play", "read_script", "read_step_words"]

EVENTS = (
    "getblockchaininfo",
    "getblockheader",
    "getblocktemplate",
    "longpoll",
    "proposal",
    "submitblock",
    "validateaddress",
)
"""Calls; the three uses of ``getblocktemplate`` are told apart."""


def block(node: "FakeNode") -> None:
    node.found_elsewhere()


def transactions(node: "FakeNode", count: int) -> None:
    node.add_transactions(count)


def template(node: "FakeNode", field: str, value: object) -> None:
    node.template_changes[field] = value


def cookie(node: "FakeNode") -> None:
    node.write_cookie()


ORDERS: dict[str, Action] = {
    "block": Action({}, block),
    "transactions": Action({"count": Key(integer(1, 5000))}, transactions),
    "template": Action({"field": Key(text), "value": optional(any_value)}, template),
    "cookie": Action({}, cookie),
}
"""Change the node; all calls see it from then on."""

ANSWERS: dict[str, Action] = {
    "error": Action({"code": Key(integer(-32768, 32767)), "message": optional(text, "")}, Failure),
    "status": Action(
        {"status": Key(integer(200, 599)), "text": optional(text, "")},
        lambda status, text: Raw(text.encode(), status),
    ),
    "result": Action({"value": optional(any_value)}, Result),
    "cut": Action({"after": optional(flag, False)}, Cut),
    "hang": Action({"seconds": Key(seconds)}, Hang),
}
"""Stand instead of the answer to one call."""

NODE = Vocabulary(
    actions={
        **ORDERS,
        **{name: action._replace(only_on=True) for name, action in ANSWERS.items()},
    },
    events=EVENTS,
    moments=("at", "when"),
)


def read_script(path: Path) -> Script:
    """Read a file. Raises ScriptError."""
    return read_document_of_steps(path, NODE, "a node")


def read_step_words(words: str) -> Step:
    """Read one step as a command line has it. Raises ScriptError."""
    return read_words(words, NODE)


def fault_of(step: Step) -> Fault | None:
    """Return what a step puts in place of an answer; None when it is an order."""
    action = ANSWERS.get(step.action)
    if action is None:
        return None
    fault: Fault = action.run(**step.values)
    return fault


def carry_out(step: Step, node: "FakeNode") -> None:
    """Obey an order."""
    run: Callable[..., Any] = ORDERS[step.action].run
    run(node, **step.values)


async def play(script: Script, node: "FakeNode") -> None:
    """Carry out all steps that have a time, from now on."""
    random = Random(f"script {node.settings.seed}")
    async with asyncio.TaskGroup() as group:
        for step in script.steps:
            if step.at_s is not None:
                group.create_task(_repeat(step, node, random))


async def _repeat(step: Step, node: "FakeNode", random: Random) -> None:
    assert step.at_s is not None
    await asyncio.sleep(step.at_s)
    done = 0
    while True:
        if step.chance >= 1 or random.random() < step.chance:
            carry_out(step, node)
            done += 1
        if step.every is None or done == step.times:
            return
        await asyncio.sleep(step.every)
