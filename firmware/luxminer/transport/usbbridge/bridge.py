"""What a kind of bridge is: where its lines are, and the requests that set it up."""

from collections.abc import Callable
from dataclasses import dataclass

from luxminer.transport.base import Capability

__all__ = ["Bridge", "Control", "Line", "Pause", "PortReset", "Step"]


@dataclass(frozen=True, slots=True)
class Control:
    """A vendor request to the device: fields of its setup packet, and the data sent along."""

    request_type: int
    request: int
    value: int
    index: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class PortReset:
    """The hub resets the device; it forgets its settings and keeps its address."""


Step = Control | Pause | PortReset


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One UART of a bridge: an interface with two bulk endpoints."""

    number: int
    interface: int
    endpoint_in: int
    endpoint_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """One kind of bridge. ``rate`` and ``setup`` raise ValueError for a rate it cannot have."""

    name: str
    vendor_id: int
    product_id: int
    lines: tuple[Line, ...]
    """Line 0 leads to the chips."""
    capabilities: frozenset[Capability]
    read_bytes: int
    """What one bulk read asks for, whole packets."""
    payload: Callable[[bytes], bytes]
    """From what a bulk read gave, with what the bridge adds to it, to what came over the line."""
    rate: Callable[[Line, int], Control]
    """From line and bits per second."""
    setup: Callable[[Line, int, str], tuple[Step, ...]]
    """From line, bits per second and the manufacturer that the device names."""
    rest_s: float = 0.0
    """Pause of the reader after a read without data; the bridge keeps what comes meanwhile."""
    hold: tuple[Step, ...] = ()
    """Puts the chips in reset."""
    release: tuple[Step, ...] | None = ()
    """Lets them run again; None when that takes the setup of all lines once more."""
