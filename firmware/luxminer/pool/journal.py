"""The share journal: what became of each share, in the file before anybody is told.

Each event is one ``write`` to the end of a file that stays open: what the kernel has taken survives
the end of this process however that comes, and no disk is waited for. From there `history` moves it
into the database. A power cut may cost what the kernel had not written out: half a minute, as Linux
is set up.

A write that fails (disk full, file too large) is tried again with the next one. What does not fit
into the memory meanwhile is given up line by line, and said; the sums of the run follow as soon as
there is room, so that only single rows are missing then.
"""

import fcntl
import logging
import os
from fractions import Fraction
from pathlib import Path
from secrets import token_hex

from luxminer.pool.records import FORMAT, MAX_LINE_BYTES, Kind, decode, encode
from luxminer.pool.tallies import to_values
from luxminer.stratum.outcome import ShareResult
from luxminer.telemetry.model import ShareTally
from luxminer.work.job import Share

__all__ = ["FILE_NAME", "MAX_JOURNAL_BYTES", "Journal", "set_aside"]

log = logging.getLogger(__name__)

FILE_NAME = "ledger.journal"

MAX_JOURNAL_BYTES = 16 << 20
"""Of the file, while no database takes its lines: some 60,000 shares."""

MAX_PENDING_BYTES = 256 << 10
"""Of lines that could not be written yet."""

MAX_ASIDE = 3
"""Damaged files of one name that are kept."""

MAX_NAME_CHARS = 256
MAX_REASON_CHARS = 64


class Journal:
    """Writes; nobody reads here. ``version`` is that of the service.

    All calls are for the event loop, and block for no longer than a ``write`` into the page cache.
    """

    def __init__(self, path: Path, version: str) -> None:
        self.path = path
        self.name = ""
        """Random, of this file's content; a new one with each `restart`."""
        self.size = 0
        self.run = token_hex(6)
        self.lost = 0
        """Lines given up since the totals were last written down."""
        self._version = version
        self._fd: int | None = None
        self._buffer = bytearray()
        self._open: dict[Share, tuple[int, list[object], bool]] = {}
        """Number, what its line says, and whether it was sent."""
        self._count = 0
        self._started_s = 0.0
        self._failed = False

    @property
    def is_open(self) -> bool:
        return self._fd is not None

    def start(self, wall_s: float) -> None:
        """Open the file, and begin a run in it. Raises OSError; then nothing is written down.

        BlockingIOError: another process has it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                name = _name_of(fd)
            except OSError:
                os.close(fd)
                raise
            if name is not None:
                break
            os.close(fd)
            set_aside(self.path, "its first line is damaged, or of another version")
        self._fd = fd
        self._started_s = round(wall_s, 3)
        self.size = os.fstat(fd).st_size
        self._buffer[:0] = encode(Kind.RUN, self.run, self._started_s, self._version)
        if name:
            self.name = name
            if os.pread(fd, 1, self.size - 1) != b"\n":
                self._buffer[:0] = b"\n"  # the last line was cut short
        else:
            self._begin(None)
        self.flush()

    def restart(self, before: ShareTally | None, run: ShareTally) -> None:
        """Empty the file: the database has it all.

        The totals of earlier runs, None when they are not known, and of this one are said anew in
        it, around what could not be written. Raises OSError.
        """
        assert self._fd is not None
        os.ftruncate(self._fd, 0)
        self.size = 0
        self._buffer[:0] = encode(Kind.RUN, self.run, self._started_s, self._version)
        self._begin(before)
        self._restate(run)
        self.flush()

    @property
    def has_more(self) -> bool:
        """Lines wait to be written, or were given up."""
        return bool(self._buffer or self.lost)

    def stopped(self, wall_s: float) -> None:
        """Write down that the run ends in order."""
        self._add(encode(Kind.STOPPED, self.run, round(wall_s, 3)))
        self.flush()

    def close(self) -> None:
        """Give the file up."""
        self.flush()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    # Shares --------------------------------------------------------------------------------------

    def opened(self, share: Share, wall_s: float, url: str, user: str, device: str) -> None:
        """Note a share; the line is written with the next one, or by `flush`."""
        self._count += 1
        what: list[object] = [
            self.run,
            self._count,
            round(wall_s, 3),
            url[:MAX_NAME_CHARS],
            user[:MAX_NAME_CHARS],
            device[:MAX_NAME_CHARS],
            str(share.difficulty),
            str(share.work.job.difficulty),
            share.is_block,
        ]
        self._open[share] = (self._count, what, False)
        self._add(encode(Kind.OPENED, *what))

    def sent(self, share: Share) -> None:
        """Write down that a share is about to leave, before it does. Once more does no harm."""
        if share not in self._open:
            return
        number, what, was_sent = self._open[share]
        if not was_sent:
            self._open[share] = (number, what, True)
            self._add(encode(Kind.SENT, self.run, number))
            self.flush()

    def settled(self, share: Share, result: ShareResult, wall_s: float) -> None:
        number, _, _ = self._open.pop(share)
        latency_s = round(result.latency_s, 4) if result.latency_s is not None else None
        reason = result.reason[:MAX_REASON_CHARS]
        difficulty: Fraction = share.work.job.difficulty
        end = (round(wall_s, 3), result.outcome, reason, latency_s, str(difficulty))
        self._add(encode(Kind.ENDED, self.run, number, *end))
        self.flush()

    def catch_up(self, run: ShareTally) -> None:
        """Write what could not be written; the totals in the place of lines that were given up."""
        self.flush()
        if self.lost and not self._buffer:
            self._restate(run)
            self.flush()

    # The file ------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Hand all lines to the kernel."""
        if not self._buffer or self._fd is None:
            return
        try:
            problem = self._write(self._fd)
        except OSError as exc:
            problem = str(exc)
        if problem and not self._failed:
            words = "shares cannot be written down in %s: %s; mining goes on"
            log.warning(words, self.path, problem)
        elif not problem and self._failed:
            log.info("shares are written down again in %s", self.path.name)
        self._failed = bool(problem)

    def _write(self, fd: int) -> str:
        """Return why not all of it may be written, or nothing. Raises OSError."""
        if self.size + len(self._buffer) > MAX_JOURNAL_BYTES:
            return f"{MAX_JOURNAL_BYTES >> 20} MiB wait for the database"
        while self._buffer:
            written = os.write(fd, self._buffer)
            self.size += written
            del self._buffer[:written]
        return ""

    def _add(self, line: bytes) -> None:
        if len(self._buffer) + len(line) > MAX_PENDING_BYTES:
            if not self.lost:
                log.warning("shares are only counted, not listed, until they can be written down")
            self.lost += 1
            return
        self._buffer += line

    def _begin(self, before: ShareTally | None) -> None:
        """Put the first line in front of what is to be written."""
        self.name = token_hex(6)
        totals = to_values(before) if before is not None else None
        self._buffer[:0] = encode(Kind.HEAD, FORMAT, self.name, totals)

    def _restate(self, run: ShareTally) -> None:
        self._buffer += encode(Kind.TOTALS, self.run, to_values(run))
        for _, what, was_sent in self._open.values():
            self._buffer += encode(Kind.WAITING, *what, was_sent)
        self.lost = 0


def _name_of(fd: int) -> str | None:
    """Return the name in the first line; empty for a file without one, None for another's file."""
    start = os.pread(fd, MAX_LINE_BYTES + 1, 0)
    line, end, _ = start.partition(b"\n")
    if not start or (not end and len(start) <= MAX_LINE_BYTES):
        os.ftruncate(fd, 0)  # the first line itself was cut short: nothing was written behind it
        return ""
    try:
        kind, items = decode(line)
    except ValueError:
        return None
    is_ours = kind is Kind.HEAD and items[0] == FORMAT and isinstance(items[1], str)
    return str(items[1]) if is_ours else None


def set_aside(path: Path, reason: str) -> Path:
    """Move a file that is no use out of the way, and say so. Raises OSError.

    The last of `MAX_ASIDE` gives way to the next.
    """
    names = [path.with_name(f"{path.name}.damaged{n or ''}") for n in range(MAX_ASIDE)]
    aside = next((name for name in names if not name.exists()), names[-1])
    path.replace(aside)
    log.warning("%s: %s; kept as %s, a new one is begun", path, reason, aside.name)
    return aside
