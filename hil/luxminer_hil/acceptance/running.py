"""Runs the suite on a stick: a virtual one of its own in warped time, any other in real time."""

import asyncio
import signal
import threading
from collections.abc import Callable, Sequence

from luxminer_hil.acceptance.bench import Bench, Effort
from luxminer_hil.acceptance.engine import Result, Run, make_checks
from luxminer_hil.acceptance.sticks import BenchStick
from luxminer_hil.acceptance.table import CHECKS, Check
from luxminer_hil.acceptance.warp import LoopClock, run_warped

__all__ = ["run_suite"]


def _ignore(_result: Result) -> None:
    pass


def run_suite(
    stick: BenchStick,
    effort: Effort,
    *,
    checks: Sequence[Check] = CHECKS,
    tell: Callable[[Result], None] = _ignore,
    seed: int = 1,
) -> tuple[Run, Bench]:
    """Make the checks and return what came of them, and what was measured."""

    async def main() -> tuple[Run, Bench]:
        bench = Bench(stick, effort, LoopClock(), seed=seed)
        _end_on_signals()
        return await make_checks(bench, checks, tell), bench

    try:
        return run_warped(main()) if stick.is_virtual else asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _end_on_signals() -> None:
    """Let SIGTERM, and a terminal that closes, end the run as Ctrl-C does: chips are left quiet."""
    task = asyncio.current_task()
    assert task is not None
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
