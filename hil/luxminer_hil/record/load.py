"""Reads recordings. They may come from anywhere: every line is checked, and errors name it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from luxminer.errors import ConfigError
from luxminer_hil.record.events import MAX_LINE_BYTES, BadLine, Do, Event, Header

__all__ = ["Line", "Recording", "load"]

MAX_LINES = 2_000_000
"""Some 300 MB in memory; a recording of its usual size has a few hundred thousand."""

ENDS = frozenset({Do.CLOSE, Do.LOST, Do.END})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An event and where it stands; the header is line 1."""

    number: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A whole file."""

    header: Header
    lines: tuple[Line, ...]

    def sessions(self) -> list[tuple[Line, ...]]:
        """Return the lines of each time that the port was open, and something passed."""
        found: list[list[Line]] = []
        is_open = False
        for line in self.lines:
            do = line.event.do
            if do is Do.OPEN or not is_open:
                found.append([])
                is_open = True
            found[-1].append(line)
            if do in ENDS:
                is_open = False
        return [tuple(each) for each in found if any(line.event.data for line in each)]


def load(path: Path) -> Recording:
    """Read a recording.

    Raises ConfigError that names file and line. A last line without its end is what a killed
    recorder leaves; it is left out when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _parse(path, iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""))
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror}", key=str(path)) from exc


def _parse(path: Path, raw_lines: Iterator[bytes]) -> Recording:
    header: Header | None = None
    lines: list[Line] = []
    last_s = 0.0
    for number, raw in enumerate(raw_lines, 1):
        if len(raw) > MAX_LINE_BYTES:
            raise _damaged(path, number, f"is longer than {MAX_LINE_BYTES} bytes")
        if number > MAX_LINES:
            raise _damaged(path, number, f"is beyond the {MAX_LINES} lines that are read")
        try:
            text = raw.decode("ascii")
            if header is None:
                header = Header.decode(text)
                continue
            event = _event(text, last_s)
        except (BadLine, UnicodeDecodeError) as exc:
            if header is not None and not raw.endswith(b"\n"):
                break
            why = str(exc) if isinstance(exc, BadLine) else "holds bytes that are no ASCII text"
            raise _damaged(path, number, why) from exc
        last_s = event.t_s
        lines.append(Line(number=number, event=event))
    if header is None:
        raise _damaged(path, 1, "is missing: the file is empty")
    return Recording(header=header, lines=tuple(lines))


def _event(text: str, last_s: float) -> Event:
    event = Event.decode(text)
    if event.t_s < last_s:
        raise BadLine(f"goes back in time, from {last_s:g} to {event.t_s:g} s")
    return event


def _damaged(path: Path, number: int, why: str) -> ConfigError:
    cure = "correct or remove that line, or record again"
    return ConfigError(f"line {number} {why}", key=str(path), cure=cure)
