"""Events about sticks: gone, not starting, short of chips, started anew as they found nothing.

Ref: LUXminer API (codes of events).
"""

from collections.abc import Callable, Sequence

from luxminer.clock import Chores
from luxminer.device.state import DeviceState
from luxminer.telemetry.events import EventKind, EventLog
from luxminer.telemetry.model import DeviceStatus, EventTarget, Illness, Severity

__all__ = ["StickAlarms"]

LOOK_S = 5.0

BOARD_NOT_DETECTED = EventKind(
    code="BOARD_NOT_DETECTED", severity=Severity.ERROR, target=EventTarget.BOARD
)
BOARD_ASIC_INIT_FAILURE = EventKind(
    code="BOARD_ASIC_INIT_FAILURE", severity=Severity.ERROR, target=EventTarget.BOARD
)
BOARD_ASIC_ENUMERATION_FAILURE = EventKind(
    code="BOARD_ASIC_ENUMERATION_FAILURE",
    severity=Severity.WARNING,
    target=EventTarget.BOARD,
    cure="start it anew with `reboot`; look at its power",
)
REBOOT_NOT_HASHING = EventKind(
    code="REBOOT_NOT_HASHING",
    severity=Severity.WARNING,
    target=EventTarget.BOARD,
    is_notice=True,
)


class StickAlarms:
    """Looks at all sticks every few seconds."""

    def __init__(
        self, states: Callable[[], Sequence[DeviceState]], *, events: EventLog, chores: Chores
    ) -> None:
        self._states = states
        self._events = events
        self._chores = chores
        self._silent: dict[int, int] = {}
        """How often a stick was started anew as it found nothing."""

    async def load(self) -> None:
        """Begin to look."""
        self._chores.add(self.look, every_s=LOOK_S)

    async def end(self) -> None:
        self._chores.remove(self.look)

    def look(self) -> None:
        for state in self._states():
            self._look_at(state)

    def _look_at(self, state: DeviceState) -> None:
        words = state.problem or "it was pulled"
        self._tell(BOARD_NOT_DETECTED, state.id, state.gone_wall_s is not None, words)
        is_up, is_wanted = state.brought_up_s is not None, state.present and state.enabled
        has_failed = state.illness.last is Illness.FAIL_INIT and not is_up and is_wanted
        # While it is tried again it has not come up yet, so the event goes on.
        is_over = not has_failed and (is_up or not is_wanted)
        if has_failed and state.status is not DeviceStatus.INITIALISING:
            self._tell(BOARD_ASIC_INIT_FAILURE, state.id, True, state.problem)
        elif is_over:
            self._tell(BOARD_ASIC_INIT_FAILURE, state.id, False, "")
        found = len(state.report.chips) if state.report is not None else 0
        words = f"{found} of {state.chips} chips answer"
        self._tell(BOARD_ASIC_ENUMERATION_FAILURE, state.id, is_up and found < state.chips, words)
        silent = state.illness.counts.get(Illness.DEAD_IDLE, 0)
        if silent > self._silent.get(state.id, 0):
            words = "it was started anew, as it found nothing for far longer than chance explains"
            self._events.note(REBOOT_NOT_HASHING, state.id, words)
        self._silent[state.id] = silent

    def _tell(self, kind: EventKind, number: int, holds: bool, words: str) -> None:
        if holds:
            self._events.note(kind, number, words)
        else:
            self._events.clear(kind, number)
