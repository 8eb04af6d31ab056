"""Starts ``luxminer-hil agent`` beside a stick, and ends it."""

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["PROGRAM", "AgentProcess", "find_program"]

PROGRAM = "LUXMINER_HIL"
"""Variable that names the program."""

END_S = 10.0
"""In which an agent leaves the chips quiet; its driver takes three."""

TOKEN_BYTES = 16
BACKLOG = 8
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def find_program() -> str:
    """Return ``luxminer-hil``: from `PROGRAM`, of this source tree, or on the search path.

    Raises FileNotFoundError with what to do.
    """
    named = os.environ.get(PROGRAM)
    of_tree = Path(__file__).parents[3] / ".venv" / "bin" / "luxminer-hil"
    for name in (named,) if named else (str(of_tree), "luxminer-hil"):
        found = shutil.which(name)
        if found:
            return found
    where = named or f"{of_tree}, and none on the search path"
    raise FileNotFoundError(
        f"no luxminer-hil: {where}; install luxminer (make setup), or name the program in {PROGRAM}"
    )


class AgentProcess:
    """One agent, for one stick. The socket listens before the agent runs: nobody has to wait."""

    def __init__(self, options: Sequence[str], *, host: str) -> None:
        """Listen for all networks, or on loopback when ``host`` is that. Raises OSError."""
        self.options = list(options)
        self.token = secrets.token_hex(TOKEN_BYTES)
        program = find_program()
        with _listen(host) as listener:
            self.port: int = listener.getsockname()[1]
            number = listener.fileno()
            self._process = subprocess.Popen(
                [program, "agent", "--listen-fd", str(number), *options],
                stdin=subprocess.PIPE,
                pass_fds=[number],
            )
        assert self._process.stdin is not None
        self._process.stdin.write(self.token.encode() + b"\n")
        self._process.stdin.flush()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the agent, and with it a run. Idempotent."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _listen(host: str) -> socket.socket:
    if host in LOOPBACK:
        return socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", 0), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
        )
    return socket.create_server(("", 0), backlog=BACKLOG)
