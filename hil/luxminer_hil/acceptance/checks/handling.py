"""What is done to a stick: known headers, restarts, the plug, and the supply behind it all."""

from luxminer_hil.acceptance.bench import Bench
from luxminer_hil.acceptance.headers import Golden, golden_headers
from luxminer_hil.acceptance.host import header_work
from luxminer_hil.acceptance.plug import UNAVAILABLE
from luxminer_hil.acceptance.power import read_throttled, words_of
from luxminer_hil.acceptance.session import words_of as words_of_error
from luxminer_hil.acceptance.sticks import BenchStick
from luxminer_hil.acceptance.verdict import CheckFailed, Finding, Verdict

__all__ = ["golden", "power", "recovery", "replug"]

GOLDEN_BLOCKS = 3
"""Tried, of those whose nonces the stick gets to."""

GOLDEN_SCANS = 40
"""Tasks in which a nonce must be found; each covers it."""

GOLDEN_LIMIT_S = 60.0

FIRST_NONCE_FACTOR = 25.0
"""Mean intervals until the first nonce after a start; chance needs more once in 7e10."""

START_S = 30.0
"""The same without waiting for nonces: counting, clock, open cores."""

GONE_S = 5.0
"""In which the driver says that its stick is gone."""


async def golden(bench: Bench) -> Finding:
    """Give chips the headers of real blocks; they must come back with the nonces of the blocks."""
    measured = bench.need_baseline()
    details: list[str] = []
    reasons: list[str] = []
    found = tried = 0
    for block in golden_headers():
        if tried == GOLDEN_BLOCKS:
            break
        stick = await bench.stick.at_nonce(block.position, measured.chips)
        if isinstance(stick, str):
            reasons.append(f"block {block.name}: {stick}")
            continue
        if block.difficulty < measured.ticket:
            reasons.append(f"block {block.name}: easier than the ticket")
            continue
        tried += 1
        words = await _golden_nonce(bench, stick, block)
        found += not words
        details.append(words or f"block {block.name}: nonce {block.nonce:08x}")
    if not tried:
        figure = f"none of {len(reasons)} blocks can be tried; {reasons[0]}"
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=figure, details=tuple(reasons))
    verdict = Verdict.PASSED if found == tried else Verdict.FAILED
    figure = f"{found} of {tried} blocks of the main chain found, at their very nonces"
    return Finding(verdict=verdict, figure=figure, details=tuple(details))


async def _golden_nonce(bench: Bench, stick: BenchStick, block: Golden) -> str:
    """Return what is wrong; empty when the block was found."""
    is_twin = stick is not bench.stick
    if is_twin:
        await bench.end()
        await stick.start()
    try:
        work = header_work(block.header, bench.new_job())
        session = await bench.fresh(stick=stick, golden=work)
        limit_s = min(GOLDEN_SCANS * session.report.task_interval_s + 5.0, GOLDEN_LIMIT_S)

        def is_found() -> bool:
            return any(
                claim.nonce == block.nonce and claim.version == block.version and claim.is_right
                for claim in session.host.nonces
            )

        try:
            await session.until(is_found, limit_s, f"block {block.name}")
        except CheckFailed as exc:
            claims = len(session.host.nonces)
            return f"{exc}; {claims} other nonces came"
        return ""
    finally:
        await bench.end()
        if is_twin:
            await stick.stop()


async def recovery(bench: Bench) -> Finding:
    """Start it again and again, in order and, the last time, after a crash of the host."""
    slowest_s = 0.0
    rounds = bench.effort.restarts
    for number in range(rounds):
        await bench.end(abruptly=number == rounds - 1)
        session = await bench.fresh()
        took_s = await _first_nonce(bench, f"restart {number + 1}")
        slowest_s = max(slowest_s, took_s)
        if session.report.resets:
            words = f"restart {number + 1} needed {session.report.resets} resets"
            return Finding(verdict=Verdict.WARNED, figure=words)
    figure = f"{rounds} of {rounds} restarts; first nonce after {slowest_s:.1f} s at most"
    return Finding(verdict=Verdict.PASSED, figure=figure)


async def _first_nonce(bench: Bench, what: str) -> float:
    """Wait for a right nonce; return how long after the start it came. Raises CheckFailed."""
    session = await bench.session()
    host = session.host
    limit_s = START_S + FIRST_NONCE_FACTOR * session.nonce_interval_s
    await session.until(
        lambda: any(nonce.is_right for nonce in host.nonces), limit_s, f"{what}: first nonce"
    )
    return bench.clock.monotonic() - session.started_s


async def replug(bench: Bench) -> Finding:
    """Pull the stick while it mines, plug it in again, and let it mine."""
    plug = bench.stick.plug
    if plug is None:
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=UNAVAILABLE)
    session = await bench.session()
    pulled_s = bench.clock.monotonic()
    await plug.unplug()
    try:
        await session.until(lambda: False, plug.limit_s + GONE_S, "the driver notices")
    except CheckFailed:
        if session.error is None:
            raise
    seen = words_of_error(session.error)
    gone_s = bench.clock.monotonic() - pulled_s
    await bench.end()
    await plug.replug()
    back_s = bench.clock.monotonic()
    await _comes_back(bench, plug.limit_s)
    took_s = await _first_nonce(bench, "plugged in again")
    open_s = bench.clock.monotonic() - back_s - took_s
    figure = (
        f"gone after {gone_s:.1f} s, open again after {open_s:.1f} s, first nonce {took_s:.1f} s "
        "later"
    )
    return Finding(verdict=Verdict.PASSED, figure=figure, details=(f"the driver said: {seen}",))


async def _comes_back(bench: Bench, limit_s: float) -> None:
    """Open the port again as soon as it is there. Raises CheckFailed."""
    deadline_s = bench.clock.monotonic() + limit_s
    while True:
        try:
            await bench.fresh()
        except CheckFailed:
            if bench.clock.monotonic() >= deadline_s:
                raise
            await bench.pause(1.0)
        else:
            return


async def power(bench: Bench) -> Finding:
    """Ask the Raspberry Pi whether its supply was weak."""
    if bench.stick.is_virtual:
        words = "a virtual stick draws nothing from this machine"
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=words)
    flags = read_throttled()
    if isinstance(flags, str):
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=flags)
    if not flags:
        return Finding(verdict=Verdict.PASSED, figure="no undervoltage since the Pi was started")
    words = ", ".join(words_of(flags)) or "unknown flags"
    verdict = Verdict.FAILED if flags & 1 else Verdict.WARNED
    return Finding(verdict=verdict, figure=f"{words} ({flags:#x})")
