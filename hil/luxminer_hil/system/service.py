"""The service in the machine, seen from outside: its settings, its start and end, its API."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from luxminer_hil.system.machine import HUB, POOL_ADDRESS, Machine, MachineError
from luxminer_hil.system.sticks import PluggedStick

__all__ = ["ALIVE", "DEAD", "Service", "settings_for"]

Answer = dict[str, Any]
"""Keys as in LUXminer."""

ALIVE, DEAD = "Alive", "Dead"
SETTINGS = "/run/luxminer.toml"
LOG_PORT = "/run/log"
START_S = 60.0
STOP_S = 20.0
REPLY_S = 10.0
MAX_REPLY_BYTES = 1 << 20
POLL_S = 0.1
"""How often the API is asked while something is waited for: each time costs the emulated processor
some 20 ms."""


def settings_for(sticks: Sequence[PluggedStick]) -> str:
    """Return a configuration for sticks at the hub's ports, in their order. More may follow."""
    lines = [
        "[log]",
        "hashrate_interval_s = 0",
        "[stratum]",
        "retry_min_s = 0.2",
        "[[pools]]",
        f'url = "stratum+tcp://{POOL_ADDRESS}"',
        'user = "bench"',
    ]
    for number, stick in enumerate(sticks, 1):
        lines += ["[[devices]]", f"scale = {float(stick.scale)!r}"]
        if stick.plan.by_place:
            lines += [f'port = "usb:{HUB}.{number}"', f'model = "{stick.plan.model}"']
        elif stick.plan.identity is not None:
            # Only its owner knows that it is a stick. The kernel counts ttys in the hub's order.
            lines += [f'port = "/dev/ttyUSB{number - 1}"', f'model = "{stick.plan.model}"']
        else:
            lines.append(f'serial = "{stick.serial}"')
    return "\n".join(lines) + "\n"


class Service:
    """``luxminer run`` in a machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._process = ""

    async def start(self, settings: str) -> float:
        """Start it and return the seconds until its API answers. Raises MachineError."""
        await self._machine.order(f"echo {_packed(settings)} | base64 -d >{SETTINGS}")
        started_s = time.monotonic()
        run = f"python3 -m luxminer run -c {SETTINGS} >{LOG_PORT} 2>&1 & echo $!"
        self._process = (await self._machine.order(run)).strip()
        while True:
            try:
                await self.ask("version")
            except (OSError, ValueError, TimeoutError) as exc:
                if time.monotonic() > started_s + START_S:
                    raise MachineError(f"luxminer has not started: {exc}") from exc
                await asyncio.sleep(POLL_S)
            else:
                return time.monotonic() - started_s

    async def stop(self) -> float:
        """End it by SIGTERM and return how long that took. Raises MachineError."""
        started_s = time.monotonic()
        await self._machine.order(
            f"kill {self._process}; while kill -0 {self._process} 2>&-; do sleep 0.05; done",
            STOP_S,
        )
        return time.monotonic() - started_s

    async def luxminer(self, arguments: str, *, check: bool = True) -> str:
        """Run another command of luxminer and return what it prints. Raises MachineError."""
        return await self._machine.order(f"python3 -m luxminer {arguments}", check=check)

    async def ask(self, command: str) -> Answer:
        """Ask on port 4028, as CGMiner's clients do. Raises OSError, ValueError, TimeoutError."""
        request = json.dumps({"command": command}).encode()
        reply = await _exchange(self._machine.api_port, request)
        return _object(reply.rstrip(b"\0\n"))

    async def ask_http(self, command: str) -> Answer:
        """Ask on port 8080. Raises OSError, ValueError, TimeoutError."""
        body = json.dumps({"command": command}).encode()
        head = (
            "POST /api HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        reply = await _exchange(self._machine.http_port, head.encode() + body)
        status, _, rest = reply.partition(b"\r\n")
        if status.split(b" ")[1:2] != [b"200"]:
            raise ValueError(f"HTTP says {status.decode(errors='replace')}")
        return _object(rest.partition(b"\r\n\r\n")[2])

    async def rows(self) -> list[Answer]:
        """Return the rows of ``devs``; none if there are none."""
        answer = await self.ask("devs")
        rows: list[Answer] = answer.get("DEVS", [])
        return rows

    async def until(
        self, condition: Callable[[list[Answer]], bool], timeout_s: float, what: str
    ) -> float:
        """Wait until the rows are so, and return the seconds of the machine's own that it took.

        Raises MachineError after ``timeout_s`` of real time.
        """
        started_s, own_s = time.monotonic(), self._machine.own_s()
        rows: list[Answer] = []
        while time.monotonic() < started_s + timeout_s:
            rows = await self.rows()
            if condition(rows):
                return self._machine.own_s() - own_s
            await asyncio.sleep(POLL_S)
        seen = [(row["ID"], row["Status"], row["Accepted"], row["Problem"]) for row in rows]
        raise MachineError(f"not within {timeout_s:g} s: {what}; {seen}")


async def _exchange(port: int, request: bytes) -> bytes:
    async with asyncio.timeout(REPLY_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=MAX_REPLY_BYTES)
        try:
            writer.write(request)
            reply = await reader.read(MAX_REPLY_BYTES)
            while chunk := await reader.read(MAX_REPLY_BYTES):
                reply += chunk
            return reply
        finally:
            writer.close()


def _object(text: bytes) -> Answer:
    answer = json.loads(text)
    if not isinstance(answer, dict):
        raise ValueError(f"no object: {text[:80]!r}")
    return answer


def _packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
