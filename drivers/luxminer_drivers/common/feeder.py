"""Writes to one chain while it is up: tasks, steps of the clock, questions for the clock.

By absolute deadlines, so that delays do not add up. What comes again and again, a task and a
report, is done within the callback of the timer where that can be: a turn of the loop to wake a
coroutine costs as much as the task. What has to wait is done by the coroutine.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from luxminer.device.contract import DeviceHost
from luxminer.work.job import WorkItem
from luxminer_drivers.common.family import Family
from luxminer_drivers.common.link import Link
from luxminer_drivers.common.tasks import PassOn

__all__ = ["Duties", "Feeder", "Sent"]

REPORT_INTERVAL_S = 1.0

REPORT_SLACK_S = 0.5
"""A report waits so long for a task that has to be sent anyway."""

CLOCK_CHECK_S = 30.0
"""Between two questions for the clock; the original judges its answers at the same distance."""

CHANGE_PAUSE_S = 0.02
"""Least time between two tasks for the sake of a new job: a pool that sends jobs without end must
not push each task out of the job ids before its first nonce can come back."""


EARLY_PART = 0.5
"""After so much of its interval a task may be replaced when a reply has woken the host: that costs
a third of waking it once more. The original replaces all of them that early."""

EARLY_FROM_S = 0.2
"""Where tasks follow each other faster than this, the host hardly falls asleep between them."""


class Duties(Protocol):
    """What has to be done for a chain besides its tasks."""

    @property
    def is_ramping(self) -> bool:
        """The clock is not yet, or no longer, what it is to be."""
        ...

    async def step_clock(self) -> float:
        """Set the next clock; return the pause after it in seconds."""
        ...

    async def ask_clock(self) -> None:
        """Ask the chips for their clock."""
        ...

    def report(self, *, was_busy: bool) -> None:
        """Judge the chips and report; some task since the last time was without work or not.

        Raises DeviceFault.
        """
        ...


@dataclass(slots=True)
class Sent:
    """What was sent to a chain since its port was opened."""

    tasks: int = 0
    """With work."""
    busy_tasks: int = 0
    """Without, because there was none."""


class Feeder:
    """Feeds one chain from one host. `run` it once."""

    def __init__(
        self, link: Link, family: Family, host: DeviceHost, duties: Duties, sent: Sent
    ) -> None:
        """``sent`` is counted on."""
        self._link = link
        self._family = family
        self._host = host
        self._duties = duties
        self._sent = sent
        self._now = host.clock.monotonic
        self._task_s = self._report_s = now_s = self._now()
        self._step_s = now_s + 1.0
        self._check_s = now_s + CLOCK_CHECK_S
        self._sent_s = float("-inf")
        self._is_ramping = False
        self._is_task_done = False
        self._is_work_new = False
        self._work_taken = asyncio.Event()
        self._in_hand: tuple[WorkItem | None, ...] = ()
        """Work that was taken, and whose task could not be sent at once."""
        self._was_busy = False
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Send what is due when it is due, and a task at once when work became void.

        Raises TransportClosed, TransportTimeout, DeviceFault.
        """
        family, duties = self._family, self._duties
        while True:
            now_s = self._now()
            self._is_ramping = duties.is_ramping
            if self._is_ramping and now_s >= self._step_s:
                before_s = family.task_interval_s
                self._step_s = now_s + await duties.step_clock()
                self._task_s += family.task_interval_s - before_s
                self._report_s = now_s
            if self._is_task_done:
                self._task_s = min(self._task_s, now_s)
            if (self._in_hand or now_s >= self._task_s) and not self._send_at_once(now_s):
                await self._send_in_hand(now_s)
            if self._link.has_unsent:
                await self._link.send(b"", family.task_pause_s)
            if now_s >= self._check_s and not self._is_ramping:
                await duties.ask_clock()
                self._check_s = now_s + CLOCK_CHECK_S
            self._report_when_due(now_s)
            await self._rest()
            if self._is_work_new:
                if (wait_s := self._sent_s + CHANGE_PAUSE_S - self._now()) > 0:
                    await asyncio.sleep(wait_s)
                self._task_s = self._now()

    async def watch_work(self) -> None:
        """Let a task be sent when there is newer work than that of the last one."""
        while True:
            await self._host.work_changed()
            self._is_work_new = True
            now_s = self._now()
            if now_s >= self._sent_s + CHANGE_PAUSE_S:
                self._task_s = now_s
                self._ring()
            else:
                self._end_rest()
            await self._work_taken.wait()
            self._work_taken.clear()

    def retarget(self) -> None:
        """Look at once whether the clock is still what it is to be."""
        self._is_ramping = self._duties.is_ramping
        self._end_rest()

    def awake(self, now_s: float) -> None:
        """Send the next task now, when it is due so soon that it saves waking the host for it."""
        interval_s = self._family.task_interval_s
        if interval_s >= EARLY_FROM_S and now_s >= self._task_s - EARLY_PART * interval_s:
            self._task_s = now_s
            self._ring()

    def task_done(self) -> None:
        """Let the next task be sent at once."""
        self._is_task_done = True
        self._end_rest()

    def _report_when_due(self, now_s: float) -> None:
        if now_s >= self._report_s:
            was_busy, self._was_busy = self._was_busy, False
            self._duties.report(was_busy=was_busy)
            self._report_s = now_s + REPORT_INTERVAL_S
            self._is_ramping = self._duties.is_ramping

    # Resting

    async def _rest(self) -> None:
        """Wait until something is due that takes waiting, there is newer work, or a task is done.

        Meanwhile tasks are sent and reports are made by the timer. No time limit that cancels: this
        is the way of every task.
        """
        if self._is_task_done or self._is_work_new:
            return
        self._pause = self._loop.create_future()
        self._wind_up()
        try:
            await self._pause
        finally:
            self._stop_timer()
            self._pause = None

    def _wind_up(self) -> None:
        """Let the timer ring when something is due."""
        self._stop_timer()
        other_s = self._step_s if self._is_ramping else self._check_s
        due_s = min(self._task_s, self._report_s + REPORT_SLACK_S, other_s)
        wait_s = due_s - self._now()
        self._timer = self._loop.call_later(max(0.0, wait_s), self._ring)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        """Do what is due within this call, where it can be; else let the coroutine do it."""
        pause, now_s = self._pause, self._now()
        if pause is None or pause.done():
            return
        with PassOn(pause):
            is_plain = not self._is_ramping and now_s < self._check_s
            if is_plain and now_s >= self._task_s:
                is_plain = self._send_at_once(now_s) and not self._link.has_unsent
            if is_plain:
                self._report_when_due(now_s)
                self._wind_up()
            else:
                pause.set_result(None)

    def _end_rest(self) -> None:
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)

    # Tasks

    def _send_at_once(self, now_s: float) -> bool:
        """Take work and send its task within this call; False when `_send_in_hand` has to do it."""
        family, link = self._family, self._link
        if not self._in_hand:
            self._in_hand = (self._take_work(),)
        loop_s = self._loop.time()
        if not link.can_send(loop_s) or not family.is_ready_for(self._in_hand[0]):
            return False
        (work,), self._in_hand = self._in_hand, ()
        link.send_now(family.task(work), loop_s, family.task_pause_s)
        self._set_next(now_s)
        return True

    async def _send_in_hand(self, now_s: float) -> None:
        (work,), self._in_hand = self._in_hand, ()
        await self._family.make_ready(work)
        await self._link.send(self._family.task(work), self._family.task_pause_s)
        self._set_next(now_s)

    def _set_next(self, now_s: float) -> None:
        """Reckon when the task after the one sent at ``now_s`` is due, by what that one gives."""
        self._sent_s = now_s
        # Counted from when it was due, so that delays do not add up.
        interval_s = self._family.task_interval_s
        self._task_s = max(self._task_s, now_s - interval_s) + interval_s

    def _take_work(self) -> WorkItem | None:
        """Return what the next task is for; None, which makes it a busy one, when there is none."""
        self._is_task_done = False
        work = self._family.take_work(self._host)
        if self._is_work_new:
            self._is_work_new = False
            self._work_taken.set()
        if work is None:
            self._sent.busy_tasks += 1
            self._was_busy = True
        else:
            self._sent.tasks += 1
        return work
