"""The table of all checks, in the order in which they are made."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from luxminer_hil.acceptance.bench import SETTLE_LIMIT_S, UP_LIMIT_S, Bench
from luxminer_hil.acceptance.checks import handling, nonces, presence, speed
from luxminer_hil.acceptance.checks.rating import (
    FAIL_CHANCE,
    FAIL_SHORT,
    RATE_BOUND,
    WARN_CHANCE,
    WARN_SHORT,
)
from luxminer_hil.acceptance.verdict import Finding

__all__ = ["CHECKS", "FIRST", "Check", "chosen"]

FIRST = "identify"
"""Where this has failed there is nothing to be checked."""

ALWAYS = (FIRST, "clock")
"""Checks that all others build on."""

BUILT_ON = {"errors": "sweep"}
"""Check -> another one whose measurements it judges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row."""

    name: str
    what: str
    bound: str
    run: Callable[[Bench], Awaitable[Finding]] = field(repr=False)
    limit_s: float = 1800.0
    """Longest time besides what the effort asks for; then it has failed."""


def _parts(what: str, warn: float, fail: float) -> str:
    return (
        f"warn above {warn:.1%} of {what}, fail above {fail:.0%}, each where chance does it less "
        f"than once in {1 / WARN_CHANCE:,.0f} (binomial)"
    )


CHECKS: tuple[Check, ...] = (
    Check(
        name="identify",
        what="the driver of the model brings the stick up",
        bound=f"up within {UP_LIMIT_S:g} s; warn if chips had to be reset for it",
        run=presence.identify,
    ),
    Check(
        name="chips",
        what="number of chips that answer",
        bound="exactly what the model has",
        run=presence.chips,
    ),
    Check(
        name="clock",
        what="it reaches its usual clock and mines there; what the checks below look at",
        bound=f"settled within {SETTLE_LIMIT_S:g} s, nonces come, the driver does not end",
        run=presence.measure,
    ),
    Check(
        name="registers",
        what="read-back of the clock register of each chip",
        bound="every answer holds what was written; warn if one is missing or later than "
        f"{presence.SLOW_ANSWER_S * 1e3:g} ms",
        run=presence.registers,
    ),
    Check(
        name="line",
        what="bytes of the chips that belong to no frame",
        bound=_parts("the bytes", presence.WARN_DISCARDED, presence.FAIL_DISCARDED),
        run=presence.line,
    ),
    Check(
        name="ticket",
        what="difficulty of right nonces against the ticket mask",
        bound="none easier, but wrong ones that chance made right on a scaled stick; half of them "
        "of twice the difficulty, warn where chance is so uneven once in "
        f"{1 / WARN_CHANCE:,.0f}, fail once in {1 / FAIL_CHANCE:,.0f} (binomial)",
        run=nonces.ticket,
    ),
    Check(
        name="tasks",
        what="chips begin each task as soon as it is sent",
        bound=f"nonces that come over {nonces.LATE_S * 1e3:g} ms and the usual time of an answer "
        "after their task was replaced: "
        + _parts("right nonces", nonces.WARN_LATE, nonces.FAIL_LATE)
        + f"; as many tasks without any as chance leaves: warn below {WARN_SHORT:.0%} of those "
        f"that should have one, fail below {FAIL_SHORT:.0%}",
        run=nonces.tasks,
    ),
    Check(
        name="duplicates",
        what="right nonces that come twice",
        bound=_parts("right nonces", nonces.WARN_DUPLICATES, nonces.FAIL_DUPLICATES),
        run=nonces.duplicates,
    ),
    Check(
        name="distribution",
        what="share of each chip in the nonces",
        bound=f"warn where chance is so uneven once in {1 / WARN_CHANCE:,.0f}, fail once in "
        f"{1 / FAIL_CHANCE:,.0f} (chi square)",
        run=nonces.distribution,
    ),
    Check(
        name="versions",
        what="version rolling, and no rolling where a pool allows none",
        bound="all versions within the mask, more than one, midstates evenly; none rolled without",
        run=nonces.versions,
    ),
    Check(
        name="sweep",
        what="hash rate at several clocks against nominal",
        bound=RATE_BOUND,
        run=speed.sweep,
    ),
    Check(
        name="errors",
        what="wrong nonces over the clock",
        bound=_parts("the nonces", speed.WARN_ERRORS, speed.FAIL_ERRORS),
        run=speed.errors,
    ),
    Check(
        name="golden",
        what="headers of real blocks give the nonces of the blocks",
        bound="every block, at exactly its nonce",
        run=handling.golden,
    ),
    Check(
        name="recovery",
        what="starts again, also after a host that went without a farewell",
        bound=f"each time, first nonce within {handling.START_S:g} s and "
        f"{handling.FIRST_NONCE_FACTOR:g} mean intervals",
        run=handling.recovery,
    ),
    Check(
        name="replug",
        what="pulled while it mines, and plugged in again",
        bound="the driver says that it is gone; it comes back and mines",
        run=handling.replug,
    ),
    Check(
        name="soak",
        what="mines on without a gap, a restart or a lower clock",
        bound=f"no end of the driver, no reset; all and each tenth: {RATE_BOUND}",
        run=speed.soak,
    ),
    Check(
        name="cores",
        what="cores that find nothing while the others do",
        bound=f"warn for each that is silent where {nonces.FEWEST_PER_CORE:g} nonces were expected",
        run=nonces.cores,
    ),
    Check(
        name="power",
        what="undervoltage that the Raspberry Pi has seen",
        bound="none; fail while it lasts, warn if it was",
        run=handling.power,
    ),
)


def chosen(names: Collection[str]) -> tuple[Check, ...]:
    """Return the checks of these names and those they build on; all when there are none."""
    wanted = {*names, *ALWAYS, *(BUILT_ON[name] for name in names if name in BUILT_ON)}
    return tuple(check for check in CHECKS if not names or check.name in wanted)
