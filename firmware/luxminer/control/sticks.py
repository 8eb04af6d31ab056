"""Orders for single sticks and their chips; ``device_id`` is the number in `devs`.

All are refused with ``unknown-device`` where there is no such stick.
"""

from dataclasses import dataclass

from luxminer.control.bus import Command

__all__ = [
    "DisableDevice",
    "EnableDevice",
    "RebootDevice",
    "RestartHealth",
    "SetFrequency",
    "SetHealth",
    "SetHotplug",
    "SetStickFan",
    "SetVoltage",
    "StopRamp",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFrequency(Command):
    """Set the target clock of a stick, or of one chip (0 MHz gives it back that of the stick).

    Result: the clock that the dividers give, in MHz (float). The chips follow in steps.

    Refused: ``out-of-range``, ``unsupported``, ``unknown-chip``, ``failed``.
    """

    device_id: int
    mhz: float
    chip: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRamp(Command):
    """Make the clock that a stick runs at now its target. Result: that clock in MHz (float).

    Refused: ``not-up``, ``failed``.
    """

    device_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVoltage(Command):
    """Set the core voltage of a stick's chips; None for the default of its model. Result: None.

    Refused: ``unsupported``, ``out-of-range``, ``failed``.
    """

    device_id: int
    core_mv: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootDevice(Command):
    """Stop a stick, and start it anew ``delay_s`` later; None lets it rest.

    It rests until it is enabled or rebooted, or the service starts anew. Result: None.
    """

    device_id: int
    delay_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnableDevice(Command):
    """Mine with a stick, for good. Result: False when it did already."""

    device_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableDevice(Command):
    """Leave a stick alone, for good. Result: False when it was left alone already."""

    device_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStickFan(Command):
    """Set a stick's own fan in percent until its next start. Result: None.

    Refused: ``unsupported``, ``failed``.
    """

    device_id: int
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartHealth(Command):
    """Judge the chips of a stick anew, or one of them. Result: None. Refused: ``unknown-chip``."""

    device_id: int
    chip: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetHealth(Command):
    """Set how chips are judged: seconds at least, and the part of the expected nonces."""

    readings: int
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetHotplug(Command):
    """Set how often USB is looked at, in seconds; 0 takes no new sticks. Result: None."""

    interval_s: float
