"""What a stick says of itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from luxminer_hil.chipsim.chip import ChipCounters

__all__ = ["StickCounters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StickCounters:
    """What happened since the stick was made; nothing is ever reset. ``hashed`` is really so."""

    model: str
    path: str
    seed: int
    scale: float
    uptime_s: float
    """Since `start`."""
    hashed: int
    missed: int
    """Hashes that the clocks gave and this machine was too slow for."""
    lag_s: float
    """The same as time, of the chip that missed most."""
    nonces: int
    """Found and handed to the line, corrupted ones included."""
    wrong: int
    """Of them those that chips driven too hard got wrong."""
    dry_s: float
    """Idle time of all chips after the end of a range."""
    frames: Mapping[str, int]
    """Frames obeyed, by `FrameKind`."""
    bad_frames: Mapping[str, int]
    """Frames not obeyed, by `BadReason`."""
    ambiguous_tasks: int
    """Tasks that begin like a command; see `families.bm1384_wire`."""
    addresses_ignored: int
    """SET_ADDRESS when no chip was without one."""
    bytes_in: int
    """From the host, before faults."""
    bytes_out: int
    """Taken by the host, after faults."""
    bytes_untaken: int
    """Sent while no host listened."""
    bytes_at_wrong_rate: int
    replies: int
    replies_lost: int
    """Because the line was busy for too long."""
    power_ups: int
    resets: int
    """Times that the chips were held in reset, or their regulator was switched off."""
    bytes_in_reset: int
    """From the host, while no chip listened."""
    faults: Mapping[str, int]
    chips: tuple[ChipCounters, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)
