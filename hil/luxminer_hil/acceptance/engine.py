"""Makes all checks of the table on one stick; whatever they raise becomes a verdict."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from luxminer.errors import LuxminerError
from luxminer_hil.acceptance.bench import Bench
from luxminer_hil.acceptance.table import CHECKS, FIRST, Check
from luxminer_hil.acceptance.verdict import CheckFailed, Finding, NotRun, Verdict, worst

__all__ = ["Result", "Run", "make_checks"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One check that was made, or left."""

    check: Check
    finding: Finding
    started_s: float
    """Since the run began."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All results for one stick, in the order of the table."""

    results: tuple[Result, ...]

    @property
    def verdict(self) -> Verdict:
        return worst(result.finding.verdict for result in self.results)

    def of(self, name: str) -> Finding:
        """Return the finding of a check. Raises StopIteration for one that was not made."""
        return next(result.finding for result in self.results if result.check.name == name)


def _ignore(_result: Result) -> None:
    pass


async def make_checks(
    bench: Bench, checks: Sequence[Check] = CHECKS, tell: Callable[[Result], None] = _ignore
) -> Run:
    """Make the checks one after the other; ``tell`` hears of each as soon as it is done.

    The stick is started before and stopped after them. Cancelled, it leaves the chips quiet.
    """
    began_s = bench.clock.monotonic()
    results: list[Result] = []
    is_there = True
    await bench.stick.start()
    try:
        for check in checks:
            started_s = bench.clock.monotonic()
            finding = await _made(bench, check) if is_there else NOTHING_THERE
            is_there = is_there and not (check.name == FIRST and finding.verdict is Verdict.FAILED)
            result = Result(
                check=check,
                finding=finding,
                started_s=started_s - began_s,
                seconds=bench.clock.monotonic() - started_s,
            )
            results.append(result)
            tell(result)
    finally:
        await bench.end()
        await bench.stick.stop()
    return Run(results=tuple(results))


NOTHING_THERE = Finding(verdict=Verdict.NOT_RUN, figure="the stick did not come up")


async def _made(bench: Bench, check: Check) -> Finding:
    limit_s = check.limit_s + bench.effort.soak_s
    try:
        async with asyncio.timeout(limit_s):
            return await check.run(bench)
    except NotRun as exc:
        return Finding(verdict=Verdict.NOT_RUN, figure=str(exc))
    except (CheckFailed, LuxminerError) as exc:
        await bench.end()
        return Finding(verdict=Verdict.FAILED, figure=str(exc))
    except TimeoutError:
        await bench.end()
        return Finding(verdict=Verdict.FAILED, figure=f"did not end within {limit_s:g} s")
    except Exception as exc:
        # A broken check must not hide what the others find.
        log.exception("check %s is broken", check.name)
        await bench.end()
        details = tuple(traceback.format_exception_only(exc))
        figure = f"the check itself broke: {type(exc).__name__}: {exc}"
        return Finding(verdict=Verdict.FAILED, figure=figure, details=details)
