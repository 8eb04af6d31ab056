"""How fast the API answers beside mining, in turns with a server that does nothing else.

That one, in C, is the most that the machine gives at that moment; see api_load.c. A request is a
TCP connection of its own, as monitors make it.
"""

import asyncio
import contextlib
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from system import Peers, nonce_to_submit, peers, percentile, scale_for, service

from luxminer_hil.demo import find_model, nominal_hs

STICKS = 10
PER_SHARE = 2
"""Nonces: as many shares as there can be."""
ROUNDS = 3
SILENT = 300
REQUESTS = {
    "summary": '{"command":"summary"}',
    "five": '{"command":"version+summary+pools+devs+stats"}',
}
CLIENTS = (1, 16, 200)


class Answers(NamedTuple):
    """What clients saw."""

    per_s: float
    failed: int
    p50_ms: float
    p99_ms: float


class Load:
    """The program of api_load.c."""

    def __init__(self, program: Path) -> None:
        self._program = program

    async def clients(self, port: int, clients: int, seconds: float, request: str) -> Answers:
        """Ask as fast as answers come."""
        process = await asyncio.create_subprocess_exec(
            *(str(self._program), "clients", str(port), str(clients), str(seconds), request),
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
        asked, failed, p50_us, p99_us = map(float, printed.split())
        return Answers(asked / seconds, int(failed), p50_us / 1000, p99_us / 1000)

    @asynccontextmanager
    async def server(self, request_bytes: int, reply_bytes: int) -> AsyncIterator[int]:
        """Run the server that only answers; its port."""
        async with self._running("server", str(request_bytes), str(reply_bytes)) as said:
            yield int(said)

    @asynccontextmanager
    async def silent(self, port: int, connections: int) -> AsyncIterator[None]:
        """Hold connections that never say anything."""
        async with self._running("silent", str(port), str(connections)):
            yield

    @asynccontextmanager
    async def _running(self, *arguments: str) -> AsyncIterator[bytes]:
        process = await asyncio.create_subprocess_exec(
            *(str(self._program), *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None, "piped"
        assert process.stdout is not None, "piped"
        try:
            yield await process.stdout.readline()
        finally:
            process.stdin.close()
            await process.wait()


def compiled(folder: Path) -> Load | None:
    """Compile api_load.c; None on a machine without a C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    program, source = folder / "api_load", Path(__file__).with_name("api_load.c")
    subprocess.run([compiler, "-O2", "-pthread", "-o", str(program), str(source)], check=True)
    return Load(program)


async def reply_length(port: int, request: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    reply = await reader.read()
    writer.close()
    return len(reply)


async def answers(seconds: float) -> dict[str, float]:
    """Ask the service with ten sticks; ``seconds`` for each of three rounds."""
    figures: dict[str, float] = {}
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        load = compiled(folder)
        if load is None:
            print("no C compiler: the API is not measured", file=sys.stderr)
            return {}
        scale = scale_for(STICKS * nominal_hs(find_model("compac")))
        them = await stack.enter_async_context(
            peers(folder, STICKS, scale=scale, per_share=PER_SHARE)
        )
        ports: list[Path | str] = [each.path for each in them.sticks]
        child = await stack.enter_async_context(service(folder, them.relay.url, ports, scale=scale))
        await them.wait_for_shares(3 * STICKS)
        for name, request in REQUESTS.items():
            length = await reply_length(child.port, request)
            floor = await stack.enter_async_context(load.server(len(request), length))
            for clients in CLIENTS:
                kind = f"{name}_{clients}"
                figures |= await _in_turns(load, child.port, floor, clients, seconds, request, kind)
        figures |= await _beside_mining(them, load, child.port, 5 * seconds)
        async with load.silent(child.port, SILENT):
            for clients in CLIENTS[:2]:
                got = await load.clients(child.port, clients, seconds, REQUESTS["summary"])
                figures[f"api_summary_{clients}_beside_{SILENT}_silent_per_s"] = got.per_s
                figures[f"api_summary_{clients}_beside_{SILENT}_silent_p99_ms"] = got.p99_ms
    return figures


async def _in_turns(
    load: Load, port: int, floor: int, clients: int, seconds: float, request: str, kind: str
) -> dict[str, float]:
    ours: list[Answers] = []
    most: list[Answers] = []
    for _ in range(ROUNDS):
        most.append(await load.clients(floor, clients, seconds, request))
        ours.append(await load.clients(port, clients, seconds, request))
    per_s = statistics.median(each.per_s for each in ours)
    return {
        f"api_{kind}_per_s": per_s,
        f"api_{kind}_part_of_most": per_s / statistics.median(each.per_s for each in most),
        f"api_{kind}_most_per_s": statistics.median(each.per_s for each in most),
        f"api_{kind}_p50_ms": statistics.median(each.p50_ms for each in ours),
        f"api_{kind}_p99_ms": statistics.median(each.p99_ms for each in ours),
        f"api_{kind}_failed": sum(each.failed for each in ours),
    }


async def _beside_mining(them: Peers, load: Load, port: int, seconds: float) -> dict[str, float]:
    """Return the time from a nonce to its share, alone and while 16 clients ask."""
    figures = {}
    for name in ("quiet", "asked"):
        them.relay.submits.clear()
        if name == "asked":
            await load.clients(port, 16, seconds, REQUESTS["summary"])
        else:
            await asyncio.sleep(seconds)
        times_ms = nonce_to_submit(them)
        figures[f"nonce_to_submit_{STICKS}_{name}_p99_ms"] = percentile(times_ms, 0.99)
        figures[f"nonce_to_submit_{STICKS}_{name}_count"] = len(times_ms)
    return figures
