"""The one place where state can be read.

Owners register a function that returns their frozen snapshot; a reader gets one consistent
`MinerSnapshot` without awaiting anybody, since owners and readers share one event loop. Building
it only when somebody asks costs an idle miner nothing; readers that come in a burst share one.
"""

from collections.abc import Callable

from luxminer.clock import Clock
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["SNAPSHOT_LIFE_S", "TelemetryHub"]

SNAPSHOT_LIFE_S = 0.05
"""Readers within this time get the same snapshot."""


class TelemetryHub:
    """Hands out snapshots; ``build`` joins those of the owners."""

    def __init__(self, clock: Clock, build: Callable[[], MinerSnapshot]) -> None:
        self.clock = clock
        self._build = build
        self._snapshot: MinerSnapshot | None = None
        self.built_s = float("-inf")
        """Monotonic time at which the last one was built."""
        self.changes = 0
        """How often somebody has changed something: what was shown before may be wrong."""

    def snapshot(self, life_s: float = SNAPSHOT_LIFE_S) -> MinerSnapshot:
        """Return the state of the miner, less than ``life_s`` old."""
        now_s = self.clock.monotonic()
        if self._snapshot is None or now_s - self.built_s >= life_s:
            self._snapshot = self._build()
            self.built_s = now_s
        return self._snapshot

    def invalidate(self) -> None:
        """Make the next reader see a change at once; called after each command."""
        self._snapshot = None
        self.changes += 1
