"""What the nonces of one clock tell: how hard they are, whose, how often twice, which versions."""

import math
from collections import Counter

from luxminer.work.target import HASHES_PER_DIFFICULTY
from luxminer_drivers.bm13xx import chain
from luxminer_hil.acceptance.bench import Bench
from luxminer_hil.acceptance.checks.rating import (
    FAIL_CHANCE,
    FAIL_SHORT,
    WARN_CHANCE,
    WARN_SHORT,
    rate_part,
)
from luxminer_hil.acceptance.host import VERSION_MASK, Nonce
from luxminer_hil.acceptance.readings import counts_by_chip, with_chips
from luxminer_hil.acceptance.statistics import at_least, at_most, even_tail
from luxminer_hil.acceptance.verdict import Finding, Verdict, worst
from luxminer_hil.record.cutting import FAMILIES

__all__ = ["cores", "distribution", "duplicates", "tasks", "ticket", "versions"]

ROUNDING = 0.9999
"""Chips count zero bits, which is 15 ppm easier than the pools' difficulty 1."""

LATE_S = 0.05
"""For a task to get to the chips, and for what they had found before to come back."""

WARN_LATE = 0.01
FAIL_LATE = 0.05

WARN_DUPLICATES = 0.001
FAIL_DUPLICATES = 0.01

FEWEST_PER_CHIP = 5.0
"""Expected of each; of fewer the distribution says nothing."""

FEWEST_PER_CORE = 22.0
"""Expected of each: then one of 1000 cores is silent by chance once in three million."""

MAX_SILENT = 20
"""Named in a report."""

FEWEST_NONCES = 10

PLAIN_NONCES = 20
"""Looked at after version rolling is switched off."""

PLAIN_LIMIT_S = 180.0


async def ticket(bench: Bench) -> Finding:
    """Hold the difficulties of right nonces against the ticket that the chips were given."""
    measured = bench.need_baseline()
    found = [nonce.difficulty / measured.ticket for nonce in measured.nonces if nonce.is_right]
    if len(found) < FEWEST_NONCES:
        words = f"{len(found)} right nonces are too few to judge the ticket"
        return Finding(verdict=Verdict.WARNED, figure=words)
    easiest = min(found)
    easy = sum(each < ROUNDING for each in found)
    hard = sum(each >= 2.0 for each in found)
    figure = (
        f"easiest of {len(found)} is {easiest:.3f} tickets, {hard / len(found):.1%} are of "
        "twice the ticket (half should be)"
    )
    chance = min(at_least(hard, len(found), 0.5), at_most(hard, len(found), 0.5))
    # On a scaled stick a wrong nonce may well be right for the scale, if not for the ticket.
    by_chance = min(1.0, 1.0 / (float(HASHES_PER_DIFFICULTY) * bench.stick.scale))
    is_easy = at_least(easy, measured.errors + easy, by_chance) < WARN_CHANCE
    if is_easy or chance < FAIL_CHANCE:
        details = (f"{easy} are easier than the ticket",) if easy else ()
        return Finding(verdict=Verdict.FAILED, figure=figure, details=details)
    verdict = Verdict.WARNED if chance < WARN_CHANCE else Verdict.PASSED
    return Finding(verdict=verdict, figure=figure)


async def duplicates(bench: Bench) -> Finding:
    """Count nonces that came twice."""
    measured = bench.need_baseline()
    twice = sum(nonce.is_duplicate for nonce in measured.nonces)
    verdict = rate_part(twice, measured.right, WARN_DUPLICATES, FAIL_DUPLICATES)
    return Finding(verdict=verdict, figure=f"{twice} of {measured.right} right nonces came twice")


async def tasks(bench: Bench) -> Finding:
    """Look whether chips take up every task: one that they have missed is never answered.

    They go on with the one before, so its nonces come late, and there are more of them.
    """
    measured = bench.need_baseline()
    sound = (nonce for nonce in measured.nonces if nonce.is_right and not nonce.is_duplicate)
    found = [nonce for nonce in sound if nonce.task is not None]
    if len(found) < FEWEST_NONCES:
        words = f"{len(found)} right nonces are too few to judge the tasks"
        return Finding(verdict=Verdict.WARNED, figure=words)
    late = sum(nonce.late_s > LATE_S + bench.answer_s for nonce in found)
    count = measured.tasks
    answered = min(len({nonce.task for nonce in found}), count)
    chance = -math.expm1(-len(found) / count)
    figure = (
        f"{late} of {len(found)} nonces are of a task that was replaced long before; {answered} of "
        f"{count} tasks have nonces, {chance * count:.1f} should"
    )
    verdicts = [rate_part(late, len(found), WARN_LATE, FAIL_LATE)]
    for verdict, part, bound in (
        (Verdict.FAILED, FAIL_SHORT, FAIL_CHANCE),
        (Verdict.WARNED, WARN_SHORT, WARN_CHANCE),
    ):
        if answered < part * chance * count and at_most(answered, count, chance) < bound:
            verdicts.append(verdict)
    return Finding(verdict=worst(verdicts), figure=figure)


async def distribution(bench: Bench) -> Finding:
    """Look whether all chips find their share."""
    measured = bench.need_baseline()
    if measured.chips < 2:
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure="it has one chip")
    each = counts_by_chip(measured, bench.stick.model.chip)
    words = f"{measured.chips} chips found {', '.join(map(str, each))}"
    if measured.expected / measured.chips < FEWEST_PER_CHIP:
        words += ": too few to judge"
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=words)
    chance = even_tail(each)
    figure = f"{words}; chance is as uneven once in {1 / max(chance, 1e-99):,.3g}"
    verdict = Verdict.PASSED
    if chance < WARN_CHANCE:
        verdict = Verdict.FAILED if chance < FAIL_CHANCE else Verdict.WARNED
    return Finding(verdict=verdict, figure=figure)


async def cores(bench: Bench) -> Finding:
    """Look whether all cores find nonces, in the longest measurement."""
    families = FAMILIES.get(bench.stick.model.name, ())
    core_bits = families[0].core_bits if families else None
    if core_bits is None:
        words = f"no source tells which core of a {bench.stick.model.chip} has found a nonce"
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=words)
    measured = bench.soak or bench.need_baseline()
    family = families[0]
    counts: Counter[tuple[int | None, int | None]] = Counter(
        (chip, chain.core_of_nonce(family, nonce.nonce))
        for nonce, chip in with_chips(measured, bench.stick.model.chip)
    )
    last = max((core for _, core in counts if core is not None), default=0)
    if 2 * (last + 1) < 1 << core_bits.width:
        words = "a scaled stick gets to the nonces of few cores only"
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=words)
    each = sum(counts.values()) / (measured.chips * (last + 1))
    if each < FEWEST_PER_CORE:
        words = f"{each:.1f} nonces for each core; {FEWEST_PER_CORE:g} tell a silent one"
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=words)
    silent = [
        f"core {core} of chip {chip}"
        for chip in range(measured.chips)
        for core in range(last + 1)
        if not counts[chip, core]
    ]
    figure = f"{len(silent)} silent cores, {each:.1f} nonces for each of the {last + 1} of a chip"
    verdict = Verdict.WARNED if silent else Verdict.PASSED
    return Finding(verdict=verdict, figure=figure, details=tuple(silent[:MAX_SILENT]))


async def versions(bench: Bench) -> Finding:
    """Look whether versions are rolled within the mask, and not at all where there is none."""
    measured = bench.need_baseline()
    session = await bench.session()
    host = session.host
    if host.versions_wanted == 1 and not host.chip_rolls:
        words = f"a {bench.stick.model.chip} hashes one version of each task"
        return Finding(verdict=Verdict.NOT_APPLICABLE, figure=words)
    found = [nonce for nonce in measured.nonces if nonce.job is not None]
    base = [nonce.job.version for nonce in found if nonce.job is not None]
    outside = sum(
        bool((nonce.version ^ version) & ~VERSION_MASK)
        for nonce, version in zip(found, base, strict=True)
        if nonce.is_right
    )
    distinct = len({nonce.version for nonce in found if nonce.is_right})
    lanes = Counter(nonce.lane for nonce in found if nonce.is_right)
    chance = 1.0
    if not host.chip_rolls:
        chance = even_tail([lanes[lane] for lane in range(host.versions_wanted)])

    job = bench.new_job(version_mask=0)
    host.set_job(job)
    first = len(host.nonces)

    def unrolled() -> list[Nonce]:
        return [nonce for nonce in host.nonces[first:] if nonce.job is job and nonce.is_right]

    await session.until(
        lambda: len(unrolled()) >= PLAIN_NONCES,
        PLAIN_LIMIT_S,
        f"{PLAIN_NONCES} nonces without version rolling",
    )
    rolled = sum(nonce.version != job.version for nonce in unrolled())
    host.set_job(bench.new_job())
    figure = (
        f"{distinct} versions in {measured.right} right nonces, {outside} outside the mask; "
        f"without a mask {rolled} of {len(unrolled())} are rolled"
    )
    is_even = chance >= FAIL_CHANCE
    good = not outside and not rolled and is_even and distinct > 1
    details = () if is_even else (f"midstates found {sorted(lanes.items(), key=str)}",)
    verdict = Verdict.PASSED if good else Verdict.FAILED
    return Finding(verdict=verdict, figure=figure, details=details)
