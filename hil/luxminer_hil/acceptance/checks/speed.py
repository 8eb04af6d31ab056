"""How fast, at which clock, with how many errors, and for how long."""

from luxminer_hil.acceptance.bench import Bench, Measurement
from luxminer_hil.acceptance.checks.rating import of_points, rate, rate_part, words_of_rate
from luxminer_hil.acceptance.verdict import CheckFailed, Finding, NotRun, Verdict

__all__ = ["errors", "soak", "sweep"]

WARN_ERRORS = 0.02
FAIL_ERRORS = 0.05

SOAK_WINDOWS = 10

SAME_MHZ = 0.01


def sweep_points(bench: Bench) -> list[float]:
    """Return the clocks to try, falling, within the model's range."""
    model = bench.stick.model
    top = min(bench.effort.max_mhz or model.frequency_mhz, model.max_mhz)
    bottom = max(model.min_mhz, model.frequency_mhz * bench.effort.lowest_part)
    count = bench.effort.points
    if model.min_mhz == model.max_mhz or count < 2 or bottom >= top:
        return [top]
    return [top - (top - bottom) * number / (count - 1) for number in range(count)]


async def sweep(bench: Bench) -> Finding:
    """Measure the rate at several clocks."""
    session = await bench.session()
    bench.sweep.clear()
    for wish_mhz in sweep_points(bench):
        set_mhz = await session.set_frequency(wish_mhz)
        if any(abs(done.mhz - set_mhz) < SAME_MHZ for done in bench.sweep):
            continue
        await bench.settled(session, set_mhz)
        measured = await bench.measure(session)
        bench.sweep.append(measured)
        if abs(session.report.frequency_mhz - set_mhz) > SAME_MHZ:
            raise CheckFailed(f"{set_mhz:g} MHz became {session.report.frequency_mhz:g} by itself")
    await bench.end()
    points = [
        (
            rate(len(measured.nonces), measured.expected, measured.most, len(bench.sweep)),
            words_of_rate(measured),
        )
        for measured in bench.sweep
    ]
    count = sum(len(measured.nonces) for measured in bench.sweep)
    expected = sum(measured.expected for measured in bench.sweep)
    words = f"{count} nonces where {expected:.1f} were expected ({count / expected:.1%})"
    together = rate(count, expected, sum(measured.most for measured in bench.sweep))
    return of_points([*points, (together, f"together: {words}")], words)


async def errors(bench: Bench) -> Finding:
    """Look how the part of wrong nonces changes with the clock."""
    if not any(measured.nonces for measured in bench.sweep):
        raise NotRun("there was no sweep over clocks")
    points = [
        (
            rate_part(measured.errors, len(measured.nonces), WARN_ERRORS, FAIL_ERRORS),
            f"{measured.mhz:g} MHz: {measured.errors} of {len(measured.nonces)} are wrong",
        )
        for measured in bench.sweep
    ]
    wrong = sum(measured.errors for measured in bench.sweep)
    count = sum(len(measured.nonces) for measured in bench.sweep)
    words = f"{wrong} of {count} nonces are wrong ({wrong / max(count, 1):.2%})"
    verdict = rate_part(wrong, count, WARN_ERRORS, FAIL_ERRORS)
    return of_points([*points, (verdict, f"together: {words}")], words)


async def soak(bench: Bench) -> Finding:
    """Let it mine at its usual clock for long, and look for gaps and restarts."""
    session = await bench.fresh()
    await bench.settled(session)
    before = session.report.resets
    bench.soak = measured = await bench.measure(session, bench.effort.soak_s)
    count, expected = len(measured.nonces), measured.expected
    points = [
        (
            rate(found, expected / SOAK_WINDOWS, measured.most / SOAK_WINDOWS, SOAK_WINDOWS),
            f"part {number}: {found} nonces",
        )
        for number, found in enumerate(windows(measured, SOAK_WINDOWS), 1)
    ]
    words = f"{count} nonces in {measured.seconds:.0f} s, {expected:.1f} expected"
    points.append((rate(count, expected, measured.most), f"together: {words}"))
    report = session.report
    if report.resets > before:
        points.append((Verdict.FAILED, f"{report.resets - before} restarts"))
    if report.limit_mhz is not None:
        points.append((Verdict.WARNED, f"protection lowered the clock to {report.limit_mhz:g}"))
    return of_points(points, words)


def windows(measured: Measurement, count: int) -> list[int]:
    """Return how many nonces came in each of so many equal parts of the time."""
    found = [0] * count
    for nonce in measured.nonces:
        at = int((nonce.at_s - measured.started_s) / measured.seconds * count)
        found[min(max(at, 0), count - 1)] += 1
    return found
