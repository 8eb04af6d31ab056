"""Serves one stick on a listening socket: one run at a time, ended by whoever hangs up."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from luxminer.errors import ConfigError
from luxminer_hil.acceptance.bench import Bench
from luxminer_hil.acceptance.engine import Result, Run, make_checks
from luxminer_hil.acceptance.report import HTML, JUNIT, write_reports
from luxminer_hil.acceptance.rig import StickEntry, make_stick
from luxminer_hil.acceptance.warp import LoopClock
from luxminer_hil.agent.request import RunRequest, parse_request
from luxminer_hil.agent.wire import BEAT_S, MAX_REQUEST_BYTES, SILENCE_S, Kind, encode

__all__ = ["Agent"]

log = logging.getLogger(__name__)

REQUEST_S = 10.0
"""In which a request is there."""

MAX_CONNECTIONS = 8


class Agent:
    """Runs the suite for those who know the token."""

    def __init__(self, find: Callable[[], StickEntry], token: str) -> None:
        """``find`` says which stick it is; asked before each run. Raises ConfigError if none."""
        self._find = find
        self._token = token
        self._is_running = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket, stopped: asyncio.Event) -> None:
        """Serve until ``stopped``, then end the run and leave the chips quiet."""
        server = await asyncio.start_server(
            self._connected, sock=listener, limit=MAX_REQUEST_BYTES, backlog=MAX_CONNECTIONS
        )
        try:
            await stopped.wait()
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "called by a server"
        if len(self._tasks) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, TimeoutError) as exc:
            log.warning("the bench is gone: %s", exc or type(exc).__name__)
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(REQUEST_S):
                    await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                line = await reader.readline()
        except ValueError:
            words = f"request: is longer than {MAX_REQUEST_BYTES} bytes"
            await _send(writer, Kind.ERROR, words=words)
            return
        try:
            await self._run_alone(parse_request(line, self._token), reader, writer)
        except ConfigError as exc:
            await _send(writer, Kind.ERROR, words=str(exc))

    async def _run_alone(
        self, request: RunRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._is_running:
            raise ConfigError("is on this stick", key="another run", cure="wait for its end")
        self._is_running = True
        try:
            await self._run(request, reader, writer)
        finally:
            self._is_running = False

    async def _run(
        self, request: RunRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        entry = await asyncio.to_thread(self._find)
        stick = make_stick(entry, seed=request.seed)
        bench = Bench(stick, request.effort, LoopClock(), seed=request.seed)
        log.info("%s at %s: a run begins", entry.label, entry.port)
        await _send(
            writer,
            Kind.STICK,
            label=entry.label,
            model=stick.model.name,
            port=entry.port,
            serial=entry.serial,
        )

        def tell(result: Result) -> None:
            writer.write(_line(result))

        suite = asyncio.create_task(make_checks(bench, request.checks, tell), name="suite")
        gone = asyncio.create_task(reader.read(1), name="bench")
        try:
            while not suite.done():
                both = {suite, gone}
                await asyncio.wait(both, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    log.info("%s: the bench has hung up", entry.label)
                    return
                await _send(writer, Kind.ALIVE)
        finally:
            suite.cancel()
            gone.cancel()
            await asyncio.wait({suite, gone})
        run = suite.result()
        reports = await asyncio.to_thread(_reports, run, bench)
        log.info("%s: %s", entry.label, run.verdict)
        await _send(writer, Kind.END, verdict=run.verdict, reports=reports)


async def _send(writer: asyncio.StreamWriter, kind: Kind, **values: object) -> None:
    """Send a line. Raises TimeoutError when nobody takes it."""
    writer.write(encode(kind, **values))
    async with asyncio.timeout(SILENCE_S):
        await writer.drain()


def _line(result: Result) -> bytes:
    check, finding = result.check, result.finding
    return encode(
        Kind.RESULT,
        check=check.name,
        what=check.what,
        bound=check.bound,
        verdict=finding.verdict,
        figure=finding.figure,
        details=list(finding.details),
        seconds=round(result.seconds, 3),
    )


def _reports(run: Run, bench: Bench) -> dict[str, str]:
    with TemporaryDirectory() as folder:
        write_reports(Path(folder), run, bench)
        return {name: (Path(folder) / name).read_text("utf-8") for name in (HTML, JUNIT)}
