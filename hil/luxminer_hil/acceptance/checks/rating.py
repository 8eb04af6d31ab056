"""How counts become verdicts: bounds that chance breaks once in so many, stated in one place."""

from collections.abc import Iterable

from luxminer_hil.acceptance.bench import Measurement
from luxminer_hil.acceptance.statistics import at_least, poisson_band
from luxminer_hil.acceptance.verdict import Finding, Verdict, worst

__all__ = ["FAIL_CHANCE", "FAIL_SHORT", "WARN_CHANCE", "WARN_SHORT", "rate", "rate_part"]

WARN_CHANCE = 1e-4
FAIL_CHANCE = 1e-6
"""A healthy stick gets such a verdict from one count so rarely."""

WARN_SHORT = 0.95
FAIL_SHORT = 0.85
FAIL_OVER = 1.05
"""Parts of what is expected that must be passed as well: long measurements see every percent."""

RATE_BOUND = (
    f"fail below {FAIL_SHORT:.0%} of the nominal rate, or above {FAIL_OVER:.0%} of what its cores "
    f"can do, where chance does that once in {1 / FAIL_CHANCE:,.0f}; warn below {WARN_SHORT:.0%}, "
    f"once in {1 / WARN_CHANCE:,.0f} (Poisson)"
)


def rate(count: int, expected: float, most: float, looks: int = 1) -> Verdict:
    """Judge a number of nonces; ``most`` come when no core ever waits.

    ``looks`` is how many counts of the same kind are judged: each gets its part of the chance.
    """
    low, _ = poisson_band(expected, FAIL_CHANCE / looks)
    _, high = poisson_band(most, FAIL_CHANCE / looks)
    is_short = count < low and count < FAIL_SHORT * expected
    if is_short or (count > high and count > FAIL_OVER * most):
        return Verdict.FAILED
    low, _ = poisson_band(expected, WARN_CHANCE / looks)
    return Verdict.WARNED if count < low and count < WARN_SHORT * expected else Verdict.PASSED


def rate_part(hits: int, trials: int, warn: float, fail: float) -> Verdict:
    """Judge a part that should be small: the bounds count only where chance does not explain it."""
    for verdict, bound in ((Verdict.FAILED, fail), (Verdict.WARNED, warn)):
        if trials and hits / trials > bound and at_least(hits, trials, bound) < WARN_CHANCE:
            return verdict
    return Verdict.PASSED


def of_points(points: Iterable[tuple[Verdict, str]], figure: str) -> Finding:
    """Return one finding for several of the same kind."""
    listed = list(points)
    details = tuple(f"{verdict}: {words}" for verdict, words in listed)
    verdict = worst(verdict for verdict, _ in listed)
    return Finding(verdict=verdict, figure=figure, details=details)


def words_of_rate(measured: Measurement) -> str:
    """Say what came of what was expected."""
    count, expected = len(measured.nonces), measured.expected
    part = count / expected if expected else 0.0
    return f"{measured.mhz:g} MHz: {count} nonces, {expected:.1f} expected ({part:.1%})"
