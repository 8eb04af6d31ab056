"""What a script can make a proxy do, and at which stage of a connection."""

from pathlib import Path
from typing import Any

from luxminer_hil.scripting import values
from luxminer_hil.scripting.language import (
    Action,
    Key,
    Script,
    ScriptError,
    Step,
    Vocabulary,
    optional,
    read_document_of_steps,
    read_words,
)

__all__ = ["PROXY", "PROXY_SCRIPTS", "STAGES", "read_proxy_script", "read_proxy_step"]

PROXY_SCRIPTS = Path(__file__).parent / "scripts" / "proxy"

STAGES = ("connect", "greeting", "login", "request", "tunnel")
"""The client is there; has said hello; has given a password; wants somewhere; is through."""

MAX_BYTES = 1 << 40


def done_by_the_proxy(**_values: object) -> None:
    """Do nothing: the proxy looks at the step where it happens."""


def check_raw(given: dict[str, Any]) -> dict[str, Any]:
    if (given["text"] is None) == (given["hex_bytes"] is None):
        raise ScriptError("says nothing, or two things", cure="give text or hex_bytes")
    return given


PROXY = Vocabulary(
    actions={
        "refuse": Action({"code": optional(values.integer(1, 599))}, done_by_the_proxy),
        "stall": Action(
            {"bytes": optional(values.integer(0, MAX_BYTES), default=0)}, done_by_the_proxy
        ),
        "cut": Action(
            {"bytes": optional(values.integer(0, MAX_BYTES), default=0)}, done_by_the_proxy
        ),
        "delay": Action({"seconds": Key(values.seconds)}, done_by_the_proxy),
        "raw": Action(
            {"text": optional(values.text), "hex_bytes": optional(values.octets)},
            done_by_the_proxy,
            check_raw,
        ),
    },
    events=STAGES,
    moments=("when",),
)


def read_proxy_script(path: Path) -> Script:
    """Read a script for a proxy. Raises ScriptError."""
    return read_document_of_steps(path, PROXY, "a proxy")


def read_proxy_step(words: str) -> Step:
    """Read a step as a command line has it: ``when=tunnel do=cut bytes=500``."""
    return read_words(words, PROXY)
