"""``luxminer api``: a client for port 4028."""

import argparse
import json
import socket
import sys

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError, LuxminerError

__all__ = ["COMMAND", "request"]

MAX_REPLY_BYTES = 16 * 1024 * 1024
MAX_TIMEOUT_S = 3600


def request(host: str, port: int, message: bytes, timeout_s: float) -> bytes:
    """Send one request and return the reply without its terminator. Raises LuxminerError."""
    reply = bytearray()
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            connection.sendall(message)
            while chunk := connection.recv(65536):
                reply += chunk
                if len(reply) > MAX_REPLY_BYTES:
                    raise LuxminerError(f"{host}:{port} sends without end; is it a miner?")
    except TimeoutError as exc:
        raise LuxminerError(f"{host}:{port} does not answer within {timeout_s:g} s") from exc
    except OSError as exc:
        reason = exc.strerror or str(exc)
        cure = "is luxminer running, and is [api] port the same?"
        raise LuxminerError(f"cannot reach {host}:{port}: {reason}; {cure}") from exc
    return bytes(reply).rstrip(b"\x00\n")


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("api_command", metavar="COMMAND", help="for example summary, or devs+pools")
    parser.add_argument("parameter", metavar="PARAMETER", nargs="?", help="comma-separated values")
    parser.add_argument("--host", default="127.0.0.1", help="the miner (default %(default)s)")
    parser.add_argument("--port", type=int, default=4028, help="its API port (default %(default)s)")
    parser.add_argument("--text", action="store_true", help="use CGMiner's text form")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="seconds to wait")


def _run(options: argparse.Namespace) -> int:
    if not 1 <= options.port <= 65535:
        raise ConfigError(f"is {options.port}", key="--port", cure="it must be from 1 to 65535")
    if not 0 < options.timeout <= MAX_TIMEOUT_S:
        cure = f"more than 0, at most {MAX_TIMEOUT_S} seconds"
        raise ConfigError(f"is {options.timeout:g}", key="--timeout", cure=cure)
    if options.text:
        parts = [options.api_command, *([] if options.parameter is None else [options.parameter])]
        message = "|".join(parts)
    else:
        fields = {"command": options.api_command, "parameter": options.parameter}
        message = json.dumps({name: value for name, value in fields.items() if value is not None})
    reply = request(options.host, options.port, message.encode(), options.timeout)
    if options.text:
        print(reply.decode(errors="replace").replace("|", "|\n").rstrip("\n"))
        return ExitCode.FAILED if reply.startswith((b"STATUS=E", b"STATUS=F")) else ExitCode.OK
    try:
        answer = json.loads(reply)
    except ValueError as exc:
        excerpt = reply[:80].decode(errors="replace")
        raise LuxminerError(f"the answer is not JSON: {excerpt!r}; is it a miner?") from exc
    json.dump(answer, sys.stdout, indent=2)
    print()
    return ExitCode.FAILED if _letter(answer) in ("E", "F") else ExitCode.OK


def _letter(answer: object) -> object:
    """Return the STATUS letter of a plain reply; joined replies have none of their own."""
    match answer:
        case {"STATUS": [{"STATUS": letter}]}:
            return letter
    return None


COMMAND = CliCommand(
    name="api", words="send a command to a running miner", configure=_configure, run=_run
)
