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
        self._clock = clock
        self._build = build
        self._snapshot: MinerSnapshot | None = None
        self._built_s = float("-inf")

    def snapshot(self) -> MinerSnapshot:
        """Return the state of the miner, at most `SNAPSHOT_LIFE_S` old."""
        now_s = self._clock.monotonic()
        if self._snapshot is None or now_s - self._built_s >= SNAPSHOT_LIFE_S:
            self._snapshot = self._build()
            self._built_s = now_s
        return self._snapshot

    def invalidate(self) -> None:
        """Make the next reader see a change at once; called after each command."""
        self._snapshot = None
