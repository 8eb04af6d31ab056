"""Who is there: the model, its chips, what their registers hold, what the line does to bytes."""

from statistics import median
from typing import NamedTuple

from luxminer_drivers.bm13xx.commands import ReadRegister, WriteRegister
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm13xx.pll import Pll
from luxminer_drivers.bm13xx.replies import RegisterReply
from luxminer_drivers.bm1384 import codec as bm1384
from luxminer_drivers.bm1384 import facts as bm1384_facts
from luxminer_hil.acceptance.bench import Bench
from luxminer_hil.acceptance.checks.rating import FAIL_CHANCE, rate_part
from luxminer_hil.acceptance.session import Session
from luxminer_hil.acceptance.statistics import poisson_band
from luxminer_hil.acceptance.verdict import CheckFailed, Finding, Verdict
from luxminer_hil.record.cutting import FAMILIES, Frame, cut

__all__ = ["chips", "identify", "line", "registers"]

SLOW_ANSWER_S = 0.25
"""Chips answer within some ms; a host behind a network needs more."""

ANSWER_TIME_S = 1.5
"""So old a question is judged; what comes later is no answer."""

LOOK_AGAIN_S = 5.0
QUESTION_LIMIT_S = 45.0
"""The driver asks for the clock every 30 s."""

WARN_DISCARDED = 0.001
FAIL_DISCARDED = 0.02


async def identify(bench: Bench) -> Finding:
    """Bring the stick up with the driver of its model."""
    session = await bench.fresh()
    report = session.report
    took_s = session.clock_s - session.started_s
    who = f"{bench.stick.model.title} ({bench.stick.model.chip or 'no chip name'})"
    figure = f"{who} at {bench.stick.port} came up in {took_s:.1f} s"
    if report.resets:
        return Finding(verdict=Verdict.WARNED, figure=f"{figure} after {report.resets} resets")
    return Finding(verdict=Verdict.PASSED, figure=figure)


async def chips(bench: Bench) -> Finding:
    """Compare the number of chips that answer with the one there should be."""
    session = await bench.session()
    found, wanted = len(session.report.chips), bench.stick.chips
    if not wanted:
        words = f"{found}; how many it should have is not known (--chips)"
        return Finding(verdict=Verdict.PASSED if found else Verdict.FAILED, figure=words)
    verdict = Verdict.PASSED if found == wanted else Verdict.FAILED
    return Finding(verdict=verdict, figure=f"{found} of {wanted} chips answer")


async def measure(bench: Bench) -> Finding:
    """Let the stick get to its usual clock, and keep what it does there for the other checks."""
    session = await bench.session()
    await bench.settled(session)
    measured = await bench.measure(session)
    if not measured.nonces and poisson_band(measured.expected, FAIL_CHANCE)[0] > 0:
        raise CheckFailed(f"no nonce in {measured.seconds:.0f} s, {measured.expected:.0f} expected")
    bench.baseline = measured
    figure = (
        f"{measured.mhz:g} MHz, {len(measured.nonces)} nonces in {measured.seconds:.0f} s, "
        f"ticket {measured.ticket:.4g}"
    )
    return Finding(verdict=Verdict.PASSED, figure=figure)


class Answer(NamedTuple):
    """One question for the clock, and what came."""

    wanted: object
    got: list[object]
    took_s: float


async def registers(bench: Bench) -> Finding:
    """Compare what chips say of their clock register with what was last written to it."""
    if bench.stick.model.name not in FAMILIES:
        words = f"a {bench.stick.model.chip} has no register that can be read"
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=words)
    bench.need_baseline()
    session = await bench.session()
    model = bench.stick.model.name
    asked = _asked(model, session)
    waited_s = 0.0
    while not asked:
        if waited_s >= QUESTION_LIMIT_S:
            raise CheckFailed(f"the driver has not asked for the clock in {waited_s:g} s")
        await session.wait(LOOK_AGAIN_S, "until the driver asks for the clock")
        waited_s += LOOK_AGAIN_S
        asked = _asked(model, session)
    count = len(session.report.chips)
    wrong = [answer for answer in asked if any(got != answer.wanted for got in answer.got)]
    silent = [answer for answer in asked if len(answer.got) < count]
    slowest_s = max(answer.took_s for answer in asked)
    bench.answer_s = median(answer.took_s for answer in asked)
    right = sum(got == answer.wanted for answer in asked for got in answer.got)
    figure = (
        f"{right} of {len(asked) * count} answers hold what was written, "
        f"the last one after {slowest_s * 1e3:.0f} ms"
    )
    if wrong:
        detail = f"written {wrong[0].wanted}, read {wrong[0].got}"
        return Finding(verdict=Verdict.FAILED, figure=figure, details=(detail,))
    if not right:
        return Finding(verdict=Verdict.FAILED, figure=figure)
    is_late = slowest_s > SLOW_ANSWER_S
    return Finding(verdict=Verdict.WARNED if is_late or silent else Verdict.PASSED, figure=figure)


def _asked(model: str, session: Session) -> list[Answer]:
    """Return the questions since it is up that have had their time for an answer.

    What is asked during bring-up is thrown away by the driver, as the original does.
    """
    family, frames = cut(model, session.tape.lines())
    latest_s = session.clock_s - ANSWER_TIME_S
    answers: list[Answer] = []
    written: object = None
    at_s = 0.0
    for frame in frames:
        kind, value = _clock_frame(family, frame)
        if kind == "write":
            written = value
        elif frame.at_s < session.up_s:
            continue
        elif kind == "read" and written is not None:
            if frame.at_s > latest_s:
                break
            at_s = frame.at_s
            answers.append(Answer(written, [], 0.0))
        elif kind == "answer" and answers:
            last = answers[-1]
            last.got.append(value)
            answers[-1] = last._replace(took_s=frame.at_s - at_s)
    return answers


def _clock_frame(family: Family | None, frame: Frame) -> tuple[str, object]:
    """Return whether a frame writes, reads or says the clock, and its dividers."""
    match frame.meaning:
        case bm1384.WritePll(pll=pll):
            return "write", pll
        case bm1384.ReadRegister(register=bm1384_facts.Register.PLL):
            return "read", None
        case bm1384.PllReply(pll=pll):
            return "answer", pll
    if family is None:
        return "", None
    pll_register = family.registers.pll
    match frame.meaning:
        case WriteRegister(register=register, value=value) if register == pll_register:
            return "write", Pll.decode(family.pll, value)
        case ReadRegister(register=register) if register == pll_register:
            return "read", None
        case RegisterReply(register=register, value=value) if not frame.is_from_host:
            if register in (None, pll_register) and Pll.is_locked(value):
                return "answer", Pll.decode(family.pll, value)
    return "", None


async def line(bench: Bench) -> Finding:
    """Look how many bytes of the chips belonged to no frame."""
    measured = bench.need_baseline()
    if not measured.bytes_read:
        raise CheckFailed("nothing came from the chips")
    discarded, read = measured.bytes_discarded, measured.bytes_read
    verdict = rate_part(discarded, read, WARN_DISCARDED, FAIL_DISCARDED)
    return Finding(verdict=verdict, figure=f"{discarded} of {read} bytes belong to no frame")
