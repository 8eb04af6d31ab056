"""What is soldered behind a virtual bridge, as a test wants it."""

from luxminer_hil.usbsim.uart import HostLine


class UartPeer:
    """Remembers what it was fed and how it was reset; says what it is told to."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.rates: list[int] = []
        """Rate of each piece it was fed."""
        self.resets: list[bool] = []
        self.room = 1 << 30
        """How many more bytes it takes."""
        self.echoes = False
        self.line: HostLine | None = None
        self.plugs = 0

    def plugged(self, line: HostLine) -> None:
        self.line = line
        self.plugs += 1

    def unplugged(self) -> None:
        self.line = None

    def feed(self, data: bytes, baudrate: int) -> int:
        taken = data[: self.room]
        self.room -= len(taken)
        if taken:
            self.received += taken
            self.rates.append(baudrate)
        if self.echoes:
            self.say(taken)
        return len(taken)

    def set_reset(self, asserted: bool) -> None:
        self.resets.append(asserted)

    def say(self, data: bytes) -> int:
        assert self.line is not None, "unplugged"
        return self.line.send(data)

    def take_on(self, room: int = 1 << 30) -> None:
        """Take bytes again."""
        self.room = room
        if self.line is not None:
            self.line.ready()
