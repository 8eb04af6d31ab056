"""Events about heat and sleep. Ref: LUXminer API (codes of events)."""

from luxminer.telemetry.events import EventKind
from luxminer.telemetry.model import EventTarget, Severity

__all__ = [
    "BOARD_HIGH_TEMPERATURE",
    "BOARD_OVERTEMP_SHUTDOWN",
    "FAN_FAILURE",
    "FAN_PANIC",
    "OVERTEMP_PROTECTION",
    "SLEEP",
]

SLEEP = EventKind(
    code="SLEEP",
    severity=Severity.NOTICE,
    target=EventTarget.MINER,
    cure="`curtail` with wakeup lets them mine",
)
BOARD_HIGH_TEMPERATURE = EventKind(
    code="BOARD_HIGH_TEMPERATURE",
    severity=Severity.WARNING,
    target=EventTarget.BOARD,
    cure="look at its cooling",
)
BOARD_OVERTEMP_SHUTDOWN = EventKind(
    code="BOARD_OVERTEMP_SHUTDOWN",
    severity=Severity.ERROR,
    target=EventTarget.BOARD,
)
OVERTEMP_PROTECTION = EventKind(
    code="OVERTEMP_PROTECTION",
    severity=Severity.ERROR,
    target=EventTarget.MINER,
    cure="`tempctrlset`, or `curtail` with sleep and wakeup, lets them mine again",
)
FAN_FAILURE = EventKind(
    code="FAN_FAILURE",
    severity=Severity.WARNING,
    target=EventTarget.MINER,
    cure="look at the fan and its cable",
)
FAN_PANIC = EventKind(
    code="FAN_PANIC",
    severity=Severity.ERROR,
    target=EventTarget.MINER,
    cure="look at the fan, or set fan.min_fans to 0",
)
