"""Records what passes through a transport; to its user the transport stays what it is."""

import datetime
import platform
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TextIO

from luxminer import __version__
from luxminer.clock import Clock, SystemClock
from luxminer.errors import ConfigError, TransportError
from luxminer.transport.base import Capability, Transport
from luxminer_hil.record.events import MAX_DATA_BYTES, MAX_TEXT, Do, Event, Header

__all__ = ["DEFAULT_LIMIT_BYTES", "MIN_LIMIT_BYTES", "Recorder", "RecordingTransport", "Sink"]

DEFAULT_LIMIT_BYTES = 64 << 20
"""About an hour of a Compac, ten minutes of an R909."""

MIN_LIMIT_BYTES = 4096

END_ROOM_BYTES = 512
"""Kept free for the line that says that the file is full."""


class Sink(Protocol):
    """Who keeps events."""

    def add(
        self, do: Do, *, channel: int = 0, data: bytes = b"", number: int = 0, words: str = ""
    ) -> None:
        """Keep what happens now."""
        ...


class Recorder:
    """A file of events, complete up to the last event at any moment: each line goes out at once."""

    def __init__(
        self,
        path: Path,
        *,
        model: str = "",
        serial: str = "",
        port: str = "",
        capabilities: frozenset[Capability] = frozenset(),
        note: str = "",
        clock: Clock | None = None,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
    ) -> None:
        """Create the file. Raises ConfigError when that is not possible, or it is there already.

        When ``limit_bytes`` are written the recording ends, and says so; the traffic goes on.
        """
        if limit_bytes < MIN_LIMIT_BYTES:
            cure = f"give {MIN_LIMIT_BYTES} or more"
            raise ConfigError(f"{limit_bytes} bytes are too few", key=str(path), cure=cure)
        self._clock = clock or SystemClock()
        self._limit_bytes = limit_bytes
        self._written = 0
        self._file: TextIO | None = None
        self.is_full = False
        self.events = 0
        started = datetime.datetime.fromtimestamp(self._clock.wall(), datetime.UTC)
        self.header = Header(
            model=model[:MAX_TEXT],
            serial=serial[:MAX_TEXT],
            port=port[:MAX_TEXT],
            capabilities=tuple(sorted(capabilities)),
            started=started.isoformat(timespec="seconds"),
            luxminer=__version__,
            python=platform.python_version(),
            note=note[:MAX_TEXT],
        )
        try:
            self._file = path.open("x", encoding="ascii", buffering=1)
        except FileExistsError as exc:
            raise ConfigError("is there already", key=str(path), cure="name another file") from exc
        except OSError as exc:
            raise ConfigError(f"cannot be made: {exc.strerror}", key=str(path)) from exc
        self._path = path
        self._started_s = self._clock.monotonic()
        self._put(self.header.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def add(
        self, do: Do, *, channel: int = 0, data: bytes = b"", number: int = 0, words: str = ""
    ) -> None:
        """Record what happens now. A disk that is full ends the recording, not the traffic."""
        t_s = self._clock.monotonic() - self._started_s
        for at in range(0, max(len(data), 1), MAX_DATA_BYTES):
            piece = data[at : at + MAX_DATA_BYTES]
            event = Event(t_s=t_s, do=do, channel=channel, data=piece, number=number, words=words)
            line = event.encode()
            if self._file is None:
                return
            if self._written + len(line) > self._limit_bytes - END_ROOM_BYTES:
                self._end(t_s, f"the limit of {self._limit_bytes} bytes is reached")
                return
            if not self._put(line):
                return
            self.events += 1

    def close(self) -> None:
        """End the file. Idempotent; the recorder takes no more events then."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _end(self, t_s: float, why: str) -> None:
        self.is_full = True
        self._put(Event(t_s=t_s, do=Do.END, words=why).encode())
        self.close()

    def _put(self, line: str) -> bool:
        assert self._file is not None
        try:
            self._file.write(line + "\n")
        except OSError:
            self.is_full = True
            self.close()
            return False
        self._written += len(line) + 1
        return True


class RecordingTransport:
    """A transport, and everything that passes through it, in a `Recorder` or on another `Sink`."""

    def __init__(
        self, inner: Transport, recorder: Sink, baudrate: int = 0, *, channel: int = 0
    ) -> None:
        """Wrap an open transport. ``baudrate`` is what it was opened with."""
        self._inner = inner
        self._recorder = recorder
        self._channel = channel
        self._is_closed = False
        self._channels: dict[int, Transport] = {}
        if not channel:
            self._add(Do.OPEN, number=baudrate)

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self._inner.capabilities

    async def read(self, limit: int = 4096) -> bytes:
        """See `Transport.read`."""
        try:
            data = await self._inner.read(limit)
        except TransportError as exc:
            self._lost(exc)
            raise
        self._add(Do.READ, data=data)
        return data

    async def write(self, data: bytes) -> None:
        """See `Transport.write`. What is recorded is what was handed over, and when."""
        if data and not self._is_closed:
            self._add(Do.WRITE, data=data)
        try:
            await self._inner.write(data)
        except TransportError as exc:
            self._lost(exc)
            raise

    def discard_input(self) -> int:
        count = self._inner.discard_input()
        if count:
            self._add(Do.DISCARD, number=count)
        return count

    async def set_baudrate(self, baudrate: int) -> None:
        """See `Transport.set_baudrate`."""
        await self._inner.set_baudrate(baudrate)
        self._add(Do.BAUD, number=baudrate)

    async def set_reset(self, asserted: bool) -> None:
        """See `Transport.set_reset`."""
        await self._inner.set_reset(asserted)
        self._add(Do.RESET, number=int(asserted))

    def channel(self, number: int) -> Transport:
        """See `Transport.channel`; what passes there stands in the same recording."""
        if number == self._channel:
            return self
        if number not in self._channels:
            inner = self._inner.channel(number)
            self._channels[number] = RecordingTransport(inner, self._recorder, channel=number)
        return self._channels[number]

    async def close(self) -> None:
        """See `Transport.close`. The recorder stays open: it may record the next opening too."""
        if not self._is_closed:
            self._is_closed = True
            if not self._channel:
                self._add(Do.CLOSE)
        await self._inner.close()

    def _lost(self, error: TransportError) -> None:
        if not self._is_closed and not self._channel:
            self._is_closed = True
            self._add(Do.LOST, words=str(error))

    def _add(self, do: Do, *, data: bytes = b"", number: int = 0, words: str = "") -> None:
        self._recorder.add(do, channel=self._channel, data=data, number=number, words=words)
