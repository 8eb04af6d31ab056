"""The plots of a report: which chips and cores find nonces, when, how fast, how many wrong."""

from collections import Counter

from luxminer.report import format_rate
from luxminer_drivers.bm13xx import chain
from luxminer_hil.acceptance.bench import Bench, Measurement
from luxminer_hil.acceptance.charts import Chart
from luxminer_hil.acceptance.checks.rating import WARN_CHANCE
from luxminer_hil.acceptance.readings import counts_by_chip
from luxminer_hil.acceptance.statistics import confidence, poisson_band
from luxminer_hil.record.cutting import FAMILIES

__all__ = ["plots"]

BINS = 64
MAX_STEPS = 2000
"""Points of a line; more nonces are thinned out."""

BAND_POINTS = 60


def plots(bench: Bench) -> list[str]:
    """Return SVG texts of all that was measured."""
    made: list[str] = []
    longest = bench.soak or bench.baseline
    if longest is not None and longest.nonces:
        model = bench.stick.model
        made += [by_chip(longest, model.chip), by_core(longest, model.name), over_time(longest)]
    if bench.sweep:
        made += [rate_over_clock(bench.sweep), errors_over_clock(bench.sweep)]
    return made


def by_chip(measured: Measurement, chip: str) -> str:
    values = [float(count) for count in counts_by_chip(measured, chip)]
    mean = measured.expected / measured.chips
    return _bars(
        "Right nonces by chip", "chip", values, [f"chip {n}" for n in range(measured.chips)], mean
    )


def by_core(measured: Measurement, model: str) -> str:
    """Cores where a source tells how to read them out of a nonce, else the first bits of it."""
    families = FAMILIES.get(model, ())
    field = families[0].core_bits if families else None
    right = [nonce.nonce for nonce in measured.nonces if nonce.is_right]
    if field is not None:
        found = [chain.core_of_nonce(families[0], nonce) or 0 for nonce in right]
        size, words = 1 << field.width, "core, as the nonce says it"
    else:
        found = [int.from_bytes(nonce.to_bytes(4, "little"), "big") >> 26 for nonce in right]
        size, words = BINS, "first six bits of the nonce, as the chips count"
    counts = Counter(found)
    used = max(found, default=0) + 1
    if field is not None:
        size = min(size, max(used, 1))
    values = [float(counts[place]) for place in range(size)]
    title = "Right nonces by core" if field is not None else "Right nonces over the nonce range"
    return _bars(title, words, values, [str(place) for place in range(size)], None)


def _bars(title: str, label: str, values: list[float], names: list[str], mean: float | None) -> str:
    top = max([*values, 1.0])
    low = high = 0
    if mean is not None:
        low, high = poisson_band(mean, WARN_CHANCE)
        title += f" (band: chance leaves it once in {1 / WARN_CHANCE:,.0f})"
    edge = (-0.6, len(values) - 0.4)
    y_range = (0.0, max(top, float(high)) * 1.05)
    chart = Chart(title, label, "nonces", edge, y_range, is_counted=True)
    if mean is not None:
        ends = edge
        chart.band([(x, float(low)) for x in ends], [(x, float(high)) for x in ends])
    chart.bars(values, names)
    if mean is not None:
        chart.line([(x, mean) for x in edge], "expected")
    return chart.svg()


def over_time(measured: Measurement) -> str:
    count, expected = len(measured.nonces), measured.expected
    steps = [k * measured.seconds / BAND_POINTS for k in range(BAND_POINTS + 1)]
    bands = [poisson_band(expected * at / measured.seconds, WARN_CHANCE) for at in steps]
    top = max(count, bands[-1][1]) * 1.03
    chart = Chart(
        f"Nonces over time at {measured.mhz:g} MHz (Poisson band: once in {1 / WARN_CHANCE:,.0f})",
        "seconds",
        "nonces so far",
        (0.0, measured.seconds),
        (0.0, top),
    )
    chart.band(
        [(at, float(low)) for at, (low, _) in zip(steps, bands, strict=True)],
        [(at, float(high)) for at, (_, high) in zip(steps, bands, strict=True)],
    )
    chart.line([(0.0, 0.0), (measured.seconds, expected)], "expected")
    stride = max(1, count // MAX_STEPS)
    points = [(0.0, 0.0)]
    for number, nonce in enumerate(measured.nonces, 1):
        if number % stride == 0 or number == count:
            points.append((nonce.at_s - measured.started_s, float(number)))
    chart.line(points)
    return chart.svg()


def _clock_range(sweep: list[Measurement]) -> tuple[float, float]:
    clocks = [measured.mhz for measured in sweep]
    spread = (max(clocks) - min(clocks)) * 0.06 or max(clocks) * 0.06
    return min(clocks) - spread, max(clocks) + spread


def rate_over_clock(sweep: list[Measurement]) -> str:
    bars = []
    for measured in sweep:
        low, high = poisson_band(max(len(measured.nonces), 1), 0.025)
        one = measured.nominal_hs / measured.expected
        bars.append((measured, low * one, high * one))
    top = max([high for *_, high in bars] + [m.nominal_hs for m in sweep])
    unit, words = _unit(top)
    chart = Chart(
        "Hash rate over the clock (95 % bars; line: nominal)",
        "MHz",
        words,
        _clock_range(sweep),
        (0.0, top / unit * 1.05),
    )
    chart.line([(m.mhz, m.nominal_hs / unit) for m in sorted(sweep, key=_clock)], "expected")
    for measured, low_hs, high_hs in bars:
        said = f"{measured.mhz:g} MHz: {format_rate(measured.measured_hs)}"
        said += f", nominal {format_rate(measured.nominal_hs)}"
        place = (measured.mhz, measured.measured_hs / unit)
        chart.dot(place, low_hs / unit, high_hs / unit, said)
    return chart.svg()


def _clock(measured: Measurement) -> float:
    return measured.mhz


def _unit(rate_hs: float) -> tuple[float, str]:
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if rate_hs >= 10**power:
            return 10.0**power, f"{prefix}H/s"
    return 1.0, "H/s"


def errors_over_clock(sweep: list[Measurement]) -> str:
    parts = []
    for measured in sweep:
        low, high = confidence(measured.errors, len(measured.nonces))
        count = max(len(measured.nonces), 1)
        parts.append((measured, 100 * measured.errors / count, 100 * low, 100 * high))
    top = max(high for *_, high in parts)
    chart = Chart(
        "Wrong nonces over the clock (95 % bars)",
        "MHz",
        "% of the nonces",
        _clock_range(sweep),
        (0.0, max(top * 1.1, 1.0)),
    )
    for measured, percent, low, high in parts:
        words = f"{measured.mhz:g} MHz: {measured.errors} of {len(measured.nonces)}"
        chart.dot((measured.mhz, percent), low, high, words)
    return chart.svg()
