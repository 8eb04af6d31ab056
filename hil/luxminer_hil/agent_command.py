"""``luxminer-hil agent``: checks the stick at a place on USB, for a bench that is elsewhere.

Started by whoever exports the stick (``luxminer_hil.lab``), with a listening socket and a token on
the first line of its standard input. It ends with that input, so it never outlives who started it.
"""

import argparse
import asyncio
import logging
import signal
import socket
import sys
from functools import partial

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError
from luxminer_hil.agent.place import stick_at
from luxminer_hil.agent.server import Agent

__all__ = ["COMMAND"]

log = logging.getLogger(__name__)

MAX_TOKEN_BYTES = 256


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--usb", required=True, metavar="PLACE", help="of the stick: 1-1.3")
    parser.add_argument(
        "--listen-fd", required=True, type=int, metavar="N", help="descriptor of a listening socket"
    )
    parser.add_argument("--model", default="", metavar="NAME", help="where USB does not say it")
    parser.add_argument("--chips", type=int, default=0, metavar="N", help="that it should have")
    parser.add_argument("--scale", type=float, default=1.0, metavar="S", help="of a virtual stick")
    parser.add_argument("--switchable", action="store_true", help="uhubctl can switch its port")


def _run(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="agent: %(message)s")
    try:
        listener = socket.socket(fileno=options.listen_fd)
    except OSError as exc:
        raise ConfigError(f"is no socket: {exc.strerror}", key="--listen-fd") from exc
    token = sys.stdin.buffer.readline(MAX_TOKEN_BYTES).decode("ascii", "replace").strip()
    if not token:
        cure = "let luxminer_hil.lab start the agent"
        raise ConfigError("is missing", key="the token on standard input", cure=cure)
    find = partial(
        stick_at,
        options.usb,
        model=options.model,
        chips=options.chips,
        scale=options.scale,
        switchable=options.switchable,
    )
    asyncio.run(_serve(Agent(find, token), listener))
    return ExitCode.OK


async def _serve(agent: Agent, listener: socket.socket) -> None:
    """Serve until a signal comes or the standard input ends."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    transport, _ = await loop.connect_read_pipe(lambda: _Lifeline(stopped), sys.stdin)
    try:
        await agent.serve(listener, stopped)
    finally:
        transport.close()


class _Lifeline(asyncio.Protocol):
    """Sees the end of a pipe."""

    def __init__(self, stopped: asyncio.Event) -> None:
        self._stopped = stopped

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            log.warning("standard input: %s", exc)
        self._stopped.set()


COMMAND = CliCommand(
    name="agent",
    words="check a stick for a bench elsewhere",
    configure=_configure,
    run=_run,
)
