"""Plays a script on a pool: steps with a time in their turn, steps with an event as it happens."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from luxminer_hil.fakepool.actions import ACTIONS, Scene, Work
from luxminer_hil.fakepool.cues import Cues
from luxminer_hil.fakepool.peer import Peer
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.scripting.language import ScriptError, Step

__all__ = ["Player", "play"]

IDLE_S = 60.0
"""Longest sleep while only counts of shares are waited for; shares end it."""
MAX_BESIDE = 1000
"""Things that go on beside the script; a step that would begin one more is left out."""


@dataclass(slots=True)
class Turn:
    """A step that waits for its time or its count of shares."""

    step: Step
    due: float
    left: int | None
    """How often it still happens; None for as long as the pool is there."""


class Player:
    """Makes a pool follow a script: at once for events, and while `run` runs for the rest."""

    def __init__(
        self,
        pool: FakePool,
        steps: Iterable[Step],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._steps = tuple(steps)
        self._monotonic = monotonic
        self._random = Random(f"script {pool.settings.seed}")
        self._early: deque[Work] = deque()
        self._beside = 0
        self._group: asyncio.TaskGroup | None = None
        pool.core.cues = Cues(self._steps, self._random)
        pool.perform = self._perform

    async def run(self) -> None:
        """Play all steps; returns when no step is left, and never with steps for events.

        Steps that are due together go in the order of the script. Raises a group with ScriptError
        for a step that this pool cannot do.
        """
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                while self._early:
                    group.create_task(self._aside(self._early.popleft()))
                await self._take_turns()
                while self._pool.core.cues:
                    await self._pool.wait_for_change(IDLE_S)
            finally:
                self._group = None

    async def _take_turns(self) -> None:
        started_s = self._monotonic()
        waiting = [
            Turn(step, moment, step.times or (1 if step.every is None else None))
            for step in self._steps
            for moment in (step.at_s, step.after)
            if moment is not None
        ]
        while waiting:
            elapsed_s, accepted = self._monotonic() - started_s, self._pool.ledger().accepted
            due = False
            for turn in waiting:
                now = elapsed_s if turn.step.at_s is not None else accepted
                if turn.due > now:
                    continue
                due = True
                turn.due = max(turn.due + (turn.step.every or 0), now)
                happens = turn.step.chance >= 1 or self._random.random() < turn.step.chance
                if happens:
                    self._do(turn.step, None)
                if turn.left is not None and (happens or turn.step.every is None):
                    turn.left -= 1
            waiting = [turn for turn in waiting if turn.left != 0]
            if due:
                await asyncio.sleep(0)
            elif waiting:
                times = [turn.due for turn in waiting if turn.step.at_s is not None]
                next_s = min(times, default=elapsed_s + IDLE_S)
                await self._pool.wait_for_change(max(0.0, min(next_s - elapsed_s, IDLE_S)))

    def _perform(self, steps: tuple[Step, ...], peer: Peer) -> None:
        for step in steps:
            if step.wait_s:
                self._start(self._later(step, peer))
            else:
                self._do(step, peer)

    async def _later(self, step: Step, peer: Peer) -> None:
        await asyncio.sleep(step.wait_s)
        if peer.is_open:
            self._do(step, peer)

    def _do(self, step: Step, peer: Peer | None) -> None:
        scene = Scene(self._pool, peer, self._random, self._start)
        try:
            ACTIONS[step.action].run(scene, **step.values)
        except ValueError as exc:
            self._start(fail(ScriptError(str(exc), line=step.line, key=step.action)))

    def _start(self, work: Work) -> None:
        if self._beside + len(self._early) >= MAX_BESIDE:
            work.close()
        elif self._group is None:
            self._early.append(work)
        else:
            self._group.create_task(self._aside(work))

    async def _aside(self, work: Work) -> None:
        self._beside += 1
        try:
            await work
        finally:
            self._beside -= 1


async def fail(error: ScriptError) -> None:
    raise error


async def play(
    pool: FakePool, steps: Iterable[Step], *, monotonic: Callable[[], float] = time.monotonic
) -> None:
    """Make a pool that is there already follow steps; as `Player.run`."""
    await Player(pool, steps, monotonic=monotonic).run()
