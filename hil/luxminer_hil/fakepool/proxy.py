"""A proxy, SOCKS5 or HTTP CONNECT, that works, and that refuses, stalls or cuts by a script.

It goes nowhere but to loopback unless it is told otherwise. A name that it does not know is not
looked up then: what a client should have left to its proxy shows as a name in the record.
"""

import asyncio
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Self

from luxminer_hil.fakepool.cues import Cues
from luxminer_hil.fakepool.passing import Client, Passage, ProxySettings
from luxminer_hil.fakepool.recording import SessionRecorder
from luxminer_hil.scripting.language import Step

__all__ = ["Passage", "Proxy", "ProxySettings"]

MAX_CONNECTIONS = 64
MAX_HEAD_BYTES = 16384


class Proxy:
    """Use as ``async with Proxy(kind="http") as proxy``.

    ``on_passage`` is called once for every connection, when it is through or was refused. Raises
    ValueError for settings that cannot be, OSError when the address cannot be listened on.
    """

    def __init__(
        self,
        settings: ProxySettings | None = None,
        *,
        steps: Iterable[Step] = (),
        on_passage: Callable[[Passage], object] = lambda _passage: None,
        recorder: SessionRecorder | None = None,
        **changes: Any,
    ) -> None:
        self.settings = settings or ProxySettings(**changes)
        self.port = self.settings.port
        self.passages = 0
        self._cues = Cues(steps, Random(f"proxy {self.settings.seed}"))
        self._report = on_passage
        self._recorder = recorder
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, self.settings.host, self.settings.port, limit=MAX_HEAD_BYTES
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"{self.settings.kind}://{host}:{self.port}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        if len(self._tasks) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(Client(self, self._connections, reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: Client) -> None:
        try:
            await client.run()
        finally:
            client.abort()

    def tell(self, passage: Passage) -> None:
        self.passages += 1
        self._report(passage)

    def due(self, stage: str) -> tuple[Step, ...]:
        return self._cues.take(stage).steps

    @property
    def recorder(self) -> SessionRecorder | None:
        return self._recorder
