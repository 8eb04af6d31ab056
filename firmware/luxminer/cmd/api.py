"""``luxminer api``: a client for port 4028."""

import argparse
import json
import shutil
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from luxminer.cmd.api_tables import failures, plain, tables
from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError, LuxminerError

__all__ = ["COMMAND", "request"]

MAX_REPLY_BYTES = 16 * 1024 * 1024
MAX_TIMEOUT_S = 3600
MIN_WATCH_S = 0.5
MAX_HOSTS = 256
MAX_ASKED_AT_ONCE = 32
CLEAR = "\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back from a host: a reply, or why there is none."""

    reply: bytes = b""
    trouble: str = ""


def request(host: str, port: int, message: bytes, timeout_s: float) -> bytes:
    """Send one request and return the reply without its terminator. Raises LuxminerError."""
    reply = bytearray()
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            connection.sendall(message)
            while chunk := connection.recv(65536):
                reply += chunk
                if len(reply) > MAX_REPLY_BYTES:
                    raise LuxminerError(f"{place} sends without end; is it a miner?")
    except TimeoutError as exc:
        raise LuxminerError(f"{place} does not answer within {timeout_s:g} s") from exc
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        cure = "is luxminer running, and is [api] port the same?"
        raise LuxminerError(f"cannot reach {place}: {reason}; {cure}") from exc
    return bytes(reply).rstrip(b"\x00\n")


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(refuse=parser.error)
    parser.add_argument(
        "api_command", metavar="COMMAND", nargs="?", help="for example summary, or devs+pools"
    )
    parser.add_argument("parameter", metavar="PARAMETER", nargs="?", help="comma-separated values")
    parser.add_argument(
        "--host",
        action="append",
        metavar="HOST[:PORT]",
        help="the miner (default 127.0.0.1); several with commas or one by one; IPv6 in []",
    )
    parser.add_argument("--port", type=int, default=4028, help="its API port (default %(default)s)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="show the reply as it is")
    form.add_argument("--text", action="store_true", help="use CGMiner's text form")
    parser.add_argument("--watch", type=float, metavar="S", help="ask again every S seconds")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="seconds to wait")
    parser.add_argument(
        "--completion",
        choices=("bash", "zsh", "fish"),
        help="print what the shell needs to complete names of commands",
    )


def _run(options: argparse.Namespace) -> int:
    if options.completion is not None:
        from luxminer.cmd.api_completion import script

        print(script(options.completion), end="")
        return ExitCode.OK
    if options.api_command is None:
        options.refuse("COMMAND is missing; write one, such as summary: docs/api.md has all")
    if not 0 < options.timeout <= MAX_TIMEOUT_S:
        cure = f"more than 0, at most {MAX_TIMEOUT_S} seconds"
        raise ConfigError(f"is {options.timeout:g}", key="--timeout", cure=cure)
    if options.watch is not None and not MIN_WATCH_S <= options.watch <= MAX_TIMEOUT_S:
        cure = f"from {MIN_WATCH_S} to {MAX_TIMEOUT_S} seconds"
        raise ConfigError(f"is {options.watch:g}", key="--watch", cure=cure)
    places = _places(options.host or ["127.0.0.1"], options.port)
    if options.watch is None:
        return _once(options, places)
    while True:  # until Ctrl-C, which ends every command
        if sys.stdout.isatty():
            print(CLEAR, end="")
        _once(options, places)
        sys.stdout.flush()
        time.sleep(options.watch)


def _places(hosts: list[str], port: int) -> dict[str, tuple[str, int]]:
    """Return host and port by the name that was typed. Raises ConfigError."""
    names = [name.strip() for given in hosts for name in given.split(",")]
    if len(names) > MAX_HOSTS:
        raise ConfigError(f"has {len(names)} hosts", key="--host", cure=f"at most {MAX_HOSTS}")
    return {name: _place(name, port) for name in names}


def _place(name: str, port: int) -> tuple[str, int]:
    host, digits = name, ""
    if name.startswith("["):
        host, bracket, rest = name[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigError(
                f'is "{name}"', key="--host", cure="write [ADDRESS] or [ADDRESS]:PORT"
            )
        digits = rest[1:]
    elif name.count(":") == 1:
        host, _, digits = name.partition(":")
    if not host:
        raise ConfigError(f'is "{name}"', key="--host", cure="write a name or an address")
    if digits and not (digits.isascii() and digits.isdigit()):
        raise ConfigError(f'is "{name}"', key="--host", cure="the port is a number")
    number = int(digits[:9]) if digits else port
    if not 1 <= number <= 65535:
        key = "--host" if digits else "--port"
        raise ConfigError(f"is {number}", key=key, cure="it must be from 1 to 65535")
    return host, number


def _once(options: argparse.Namespace, places: dict[str, tuple[str, int]]) -> int:
    """Ask all hosts at the same time and show what each said, in the order they were named."""
    message = _message(options)

    def ask(place: tuple[str, int]) -> Heard:
        try:
            return Heard(request(*place, message, options.timeout))
        except LuxminerError as exc:
            return Heard(trouble=str(exc))

    with ThreadPoolExecutor(min(len(places), MAX_ASKED_AT_ONCE)) as pool:
        heard = dict(zip(places, pool.map(ask, places.values()), strict=True))
    if options.json and len(heard) > 1:
        return _show_tree(heard)
    results = []
    for name, each in heard.items():
        if len(heard) > 1:
            print(f"=== {plain(name)}")
        results.append(_show(options, each))
        if len(heard) > 1:
            print()
    return ExitCode.FAILED if any(results) else ExitCode.OK


def _message(options: argparse.Namespace) -> bytes:
    if options.text:
        parts = [options.api_command, *([] if options.parameter is None else [options.parameter])]
        return "|".join(parts).encode()
    fields = {"command": options.api_command, "parameter": options.parameter}
    given = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(given).encode()


def _show(options: argparse.Namespace, heard: Heard) -> int:
    if heard.trouble:
        return _complain(heard.trouble)
    if options.text:
        text = plain(heard.reply.decode(errors="replace"))
        print(text.replace("|", "|\n").rstrip("\n"))
        failed = text.startswith(("STATUS=E", "STATUS=F"))
        return ExitCode.FAILED if failed else ExitCode.OK
    try:
        answer = _tree(heard.reply)
    except LuxminerError as exc:
        return _complain(str(exc))
    wrong = failures(answer)
    if options.json:
        json.dump(answer, sys.stdout, indent=2)
        print()
    elif answer.get("STATUS") is None or not wrong:
        print(tables(answer, shutil.get_terminal_size().columns))
    else:
        for words in wrong:
            _complain(words)
    return ExitCode.FAILED if wrong and answer.get("STATUS") is not None else ExitCode.OK


def _show_tree(heard: dict[str, Heard]) -> int:
    """Show one JSON object with a member per host; a host without a reply has only ``error``."""
    trees: dict[str, object] = {}
    failed = False
    for name, each in heard.items():
        trouble = each.trouble
        if not trouble:
            try:
                trees[name] = answer = _tree(each.reply)
                failed |= answer.get("STATUS") is not None and bool(failures(answer))
            except LuxminerError as exc:
                trouble = str(exc)
        if trouble:
            trees[name] = {"error": trouble}
            failed = True
    json.dump(trees, sys.stdout, indent=2)
    print()
    return ExitCode.FAILED if failed else ExitCode.OK


def _tree(reply: bytes) -> dict[str, object]:
    """Parse a reply. Raises LuxminerError for what is none."""
    try:
        answer = json.loads(reply)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        excerpt = reply[:80].decode(errors="replace")
        raise LuxminerError(f"the answer is not JSON: {excerpt!r}; is it a miner?")
    return answer


def _complain(words: str) -> int:
    print(f"luxminer: {plain(words)}", file=sys.stderr)
    return ExitCode.FAILED


COMMAND = CliCommand(
    name="api", words="send a command to a running miner", configure=_configure, run=_run
)
