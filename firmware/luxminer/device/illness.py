"""Why a stick was not well, and how often: the counters of CGMiner's ``notify``.

Ref: CGMiner API, ``notify``: the reasons, and that a pulled stick counts as one without hashes.
"""

from collections import Counter

from luxminer.errors import Overheated, PortUnusable, ProbeMismatch, TransportClosed
from luxminer.telemetry.model import Illness, IllnessSnapshot

__all__ = ["IllnessLog"]


class IllnessLog:
    """Of one stick."""

    def __init__(self) -> None:
        self._counts: Counter[Illness] = Counter()
        self._last: Illness | None = None
        self._last_wall_s: float | None = None

    def note(self, what: Illness, wall_s: float) -> None:
        self._counts[what] += 1
        self._last, self._last_wall_s = what, wall_s

    def failed(self, exc: BaseException, wall_s: float, *, came_up: bool, silent: bool) -> None:
        """Note why a session ended; ``silent`` says that it had found nothing for too long."""
        self.note(_of(exc, came_up=came_up, silent=silent), wall_s)

    def snapshot(self) -> IllnessSnapshot:
        return IllnessSnapshot(
            counts=dict(self._counts), last=self._last, last_wall_s=self._last_wall_s
        )


def _of(exc: BaseException, *, came_up: bool, silent: bool) -> Illness:
    if isinstance(exc, TransportClosed):
        return Illness.ZERO_HASH
    if isinstance(exc, PortUnusable):
        return Illness.NO_START
    if isinstance(exc, Overheated):
        return Illness.OVER_HEAT
    if not came_up or isinstance(exc, ProbeMismatch):
        return Illness.FAIL_INIT
    return Illness.DEAD_IDLE if silent else Illness.COMMS_ERROR
