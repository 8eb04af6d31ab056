"""What a recorded stick answers once the host has said its part.

No I/O and no timers: `StickPart` is told what came and what time it is, and tells what is due. An
answer follows the host's last bytes, or the answer before it, by the recorded time.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from luxminer.errors import TransportError
from luxminer_hil.record.events import Do
from luxminer_hil.record.load import ENDS, Line

__all__ = ["Departure", "StickPart"]

MAX_AHEAD_BYTES = 65536
"""What a host may write before its turn; answers that are still due come first."""

MAX_DEPARTURES = 100
"""Remembered when they are tolerated; more are only counted."""

CONTROLS: Mapping[Do, str] = MappingProxyType({Do.BAUD: "rate", Do.RESET: "reset line"})


class Departure(TransportError):
    """The host does something else than what was recorded."""

    def __init__(self, line: int, byte: int, text: str) -> None:
        super().__init__(f"line {line}{f', byte {byte}' if byte else ''}: {text}")
        self.line = line
        self.byte = byte
        """Place in the write of that line, counted from 1; 0 where it is not about a byte."""


class StickPart:
    """One session of a recording, played towards a host."""

    def __init__(
        self, lines: Sequence[Line], *, tolerant: bool = False, hears_controls: bool = True
    ) -> None:
        """``tolerant`` accepts other bytes, as many as recorded: other work, other versions.

        ``hears_controls`` is False where rate and reset line of the host cannot be seen.
        """
        self._lines = lines
        self._at = 0
        self._tolerant = tolerant
        self._hears_controls = hears_controls
        self._heard: dict[int, bytearray] = {}
        self._controls: deque[tuple[Do, int]] = deque()
        self._matched = 0
        """Bytes of the present write that have come."""
        self._anchor: tuple[float, float] | None = None
        """Time of the replay, and of the recording, from which the next answer counts."""
        self.departures: list[Departure] = []
        self.bytes_differing = 0
        self.is_lost = False
        """The recorded stick was gone at this point."""
        self.pause_s = 0.0
        """What the last change of rate or reset line takes, as it did then."""

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._lines)

    @property
    def line(self) -> int:
        """Line of the file that is next; 0 at the end."""
        return 0 if self.is_over else self._lines[self._at].number

    def heard(self, data: bytes, channel: int = 0) -> None:
        """Take bytes of the host. `step` judges them. Raises Departure when they are far ahead."""
        waiting = self._heard.setdefault(channel, bytearray())
        waiting += data
        if len(waiting) > MAX_AHEAD_BYTES:
            text = f"the host has written {len(waiting)} bytes before their turn"
            raise Departure(self.line, 0, text)

    def controlled(self, do: Do, number: int) -> None:
        """Take a change of rate or reset line. Raises Departure."""
        self._controls.append((do, number))
        if len(self._controls) > MAX_AHEAD_BYTES:
            raise Departure(self.line, 0, "the host changes its settings without end")

    def step(self, now_s: float) -> list[tuple[int, bytes]]:
        """Return channel and bytes of all answers that are due. Raises Departure if strict."""
        due: list[tuple[int, bytes]] = []
        if self._anchor is None:
            self._anchor = (now_s, self._lines[0].event.t_s if self._lines else 0.0)
        while not self.is_over:
            line = self._lines[self._at]
            do = line.event.do
            if do is Do.READ:
                due_s = self._due_s(line)
                if due_s > now_s:
                    break
                due.append((line.event.channel, line.event.data))
                self._anchor = (due_s, line.event.t_s)
            elif do is Do.WRITE:
                if not self._take(line):
                    break
                self._anchor = (now_s, line.event.t_s)
            elif do in CONTROLS and self._hears_controls:
                self.pause_s = max(0.0, self._due_s(line) - now_s)
                if not self._obeyed(line):
                    break
                self._anchor = (now_s + self.pause_s, line.event.t_s)
            elif do in ENDS:
                self.is_lost = do is Do.LOST
            self._at += 1
        return due

    def next_s(self) -> float | None:
        """Return when the next answer is due; None when the host has to do something first."""
        if self.is_over or self._lines[self._at].event.do is not Do.READ:
            return None
        return self._due_s(self._lines[self._at])

    def left_over(self) -> Departure | None:
        """Return what the host wrote beyond the end of the recording."""
        count = sum(len(waiting) for waiting in self._heard.values())
        if not self.is_over or not count:
            return None
        last = self._lines[-1].number if self._lines else 1
        return Departure(last, 0, f"the host has written {count} bytes more than were recorded")

    def _due_s(self, line: Line) -> float:
        assert self._anchor is not None, "next_s before step"
        replay_s, recorded_s = self._anchor
        return replay_s + max(0.0, line.event.t_s - recorded_s)

    def _take(self, line: Line) -> bool:
        """Match what came with a write; True when all of it has come."""
        waiting = self._heard.get(line.event.channel)
        if waiting:
            wanted = line.event.data[self._matched : self._matched + len(waiting)]
            if wanted != waiting[: len(wanted)]:
                self._differs(line, wanted, bytes(waiting[: len(wanted)]))
            self._matched += len(wanted)
            del waiting[: len(wanted)]
        if self._matched < len(line.event.data):
            return False
        self._matched = 0
        return True

    def _differs(self, line: Line, wanted: bytes, got: bytes) -> None:
        places = [at for at, (a, b) in enumerate(zip(wanted, got, strict=True)) if a != b]
        self.bytes_differing += len(places)
        first = places[0]
        text = f"recorded {wanted[first]:02x}, the host wrote {got[first]:02x}"
        self._depart(Departure(line.number, self._matched + first + 1, text))

    def _obeyed(self, line: Line) -> bool:
        if not self._controls:
            if self._tolerant:
                return True
            waiting = self._heard.get(0)
            if waiting:
                what = CONTROLS[line.event.do]
                text = f"the host writes before it has set its {what} to {line.event.number}"
                raise Departure(line.number, 0, text)
            return False
        do, number = self._controls.popleft()
        if (do, number) != (line.event.do, line.event.number):
            wanted = f"{CONTROLS[line.event.do]} {line.event.number}"
            text = f"recorded {wanted}, the host set {CONTROLS[do]} {number}"
            self._depart(Departure(line.number, 0, text))
        return True

    def _depart(self, departure: Departure) -> None:
        if not self._tolerant:
            raise departure
        if len(self.departures) < MAX_DEPARTURES:
            self.departures.append(departure)
