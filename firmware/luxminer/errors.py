"""Exception tree of the service.

::

    LuxminerError
      ConfigError           a setting is wrong: names key, value and cure
      TransportError
        TransportClosed     the other end is gone (unplugged, port closed)
        TransportTimeout    also a TimeoutError
        PortUnusable        a port that cannot be opened: why, and the cure
      ProtocolError
        FrameError          bytes from a chip that cannot be a frame
        StratumError        a pool broke the protocol
        NodeError           a Bitcoin node refuses, or answered what cannot be used
      DriverError
        ProbeMismatch       what answers is not what the driver expects
        DeviceFault         the device was right before and is wrong now
          ChipsMissing      fewer chips answer than it has
          Overheated        it has to cool
      LedgerError           the history of shares cannot be read or written now
      CommandError          an order from the API that its owner refuses
"""

from enum import StrEnum

__all__ = [
    "ChipsMissing",
    "CommandError",
    "ConfigError",
    "DeviceFault",
    "DriverError",
    "FrameError",
    "LedgerError",
    "LuxminerError",
    "NodeError",
    "Overheated",
    "PortProblem",
    "PortUnusable",
    "ProbeMismatch",
    "ProtocolError",
    "StratumError",
    "TransportClosed",
    "TransportError",
    "TransportTimeout",
]


class LuxminerError(Exception):
    """Base of everything that the world, not the program, got wrong."""


class ConfigError(LuxminerError):
    """A setting that cannot be used.

    ``key`` is the dotted path in the file (``pools[0].url``); ``cure`` says what to write
    instead; line and column count from 1 and are None when the value has no place in a file.
    """

    def __init__(
        self,
        reason: str,
        *,
        key: str = "",
        value: object = None,
        cure: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        text = f"{key}: {reason}" if key else reason
        super().__init__(f"{text}; {cure}" if cure else text)
        self.reason = reason
        self.key = key
        self.value = value
        self.cure = cure
        self.line = line
        self.column = column


class TransportError(LuxminerError):
    """A byte channel failed."""


class TransportClosed(TransportError):
    """The channel is gone for good; only opening it again can help."""


class TransportTimeout(TransportError, TimeoutError):
    """The other end did not answer in time."""


class PortProblem(StrEnum):
    """Why a port cannot be used."""

    MISSING = "missing"
    DENIED = "no permission"
    BUSY = "in use"
    NOT_SERIAL = "not a serial port"
    BAD_ADDRESS = "bad address"
    UNREACHABLE = "unreachable"
    """A URL whose other end does not answer."""
    FAILED = "failed"


class PortUnusable(TransportError):
    """A port that cannot be opened; ``cure`` is what its owner can do about it."""

    def __init__(self, port: str, problem: PortProblem, reason: str, cure: str) -> None:
        super().__init__(f"{port}: {reason}; {cure}")
        self.port = port
        self.problem = problem
        self.reason = reason
        self.cure = cure


class ProtocolError(LuxminerError):
    """A peer said something the protocol does not allow. ``raw`` holds the offending bytes."""

    def __init__(self, reason: str, raw: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw


class FrameError(ProtocolError):
    """Bytes from a chip that cannot be a frame."""

    def __init__(self, reason: str, raw: bytes = b"") -> None:
        super().__init__(f"{reason}: {raw.hex(' ') or 'no bytes'}", raw)


class StratumError(ProtocolError):
    """A pool broke the protocol. ``code`` is its own error number where it sent one."""

    def __init__(self, reason: str, raw: bytes = b"", *, code: int | None = None) -> None:
        super().__init__(reason, raw)
        self.code = code


class NodeError(ProtocolError):
    """A Bitcoin node refuses, or answered what cannot be used. ``code`` is its own error number."""

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


class DriverError(LuxminerError):
    """A device could not be brought up or kept running."""


class ProbeMismatch(DriverError):
    """What answers on the port is not the device that the driver drives."""


class DeviceFault(DriverError):
    """A device that worked has failed; a reset may help."""


class ChipsMissing(DeviceFault):
    """Fewer chips answer than the device has."""


class Overheated(DeviceFault):
    """A device is too hot to run; it has to cool, nothing else helps."""


class LedgerError(LuxminerError):
    """The history of shares cannot be read or written now; mining does not depend on it."""


class CommandError(LuxminerError):
    """An order that its owner refuses. ``reason`` is a stable word, the text is for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
