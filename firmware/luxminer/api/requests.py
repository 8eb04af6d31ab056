"""What a client asks for: a command and its parameter, out of JSON or text.

Ref: CGMiner API and LUXminer API (requests).
"""

import json
import math
from dataclasses import dataclass

from luxminer.api.codes import Code

__all__ = ["Request", "RequestError", "parse_json", "parse_text"]


class RequestError(Exception):
    """A request from which no command can be read; ``code`` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """A command, or several joined with ``+``; no parameter is the same as an empty one."""

    command: str
    parameter: str = ""


def parse_text(raw: bytes) -> Request:
    """Read ``command`` or ``command|parameter``; bytes that are no UTF-8 cannot match anything."""
    command, _, parameter = raw.decode("utf-8", "replace").partition("|")
    return Request(command.strip(), parameter.strip())


def parse_json(raw: bytes) -> Request:
    """Read ``{"command": ..., "parameter": ...}``. Raises RequestError."""
    try:
        tree = json.loads(raw.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise RequestError(Code.INVALID_JSON) from exc
    if not isinstance(tree, dict):
        raise RequestError(Code.INVALID_JSON)
    if "command" not in tree:
        raise RequestError(Code.MISSING_COMMAND)
    command, parameter = tree["command"], _parameter_text(tree.get("parameter"))
    if not isinstance(command, str):
        raise RequestError(Code.INVALID_COMMAND)
    if "\0" in command or "\0" in parameter:
        raise RequestError(Code.INVALID_JSON)
    return Request(command.strip(), parameter.strip())


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _parameter_text(value: object) -> str:
    """Write numbers in decimal, join lists with commas; what is neither is no parameter."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6f}"
    if isinstance(value, list):
        return ",".join(_parameter_text(item) for item in value)
    return ""
