"""What a day comes to, in words for people and as figures to be held against bounds."""

from collections.abc import Iterator, Sequence

from luxminer_hil.outages.day import Day

__all__ = ["HANDSHAKE_S", "MAX_SLOPE_MIB", "WARM_HOURS", "figures", "lines", "misses"]

HANDSHAKE_S = 75.0
"""After the network was cut: the longest pause before an attempt, its time limit, and a login."""

WARM_HOURS = 3
"""Until all bounded lists are full."""

MAX_SLOPE_MIB = 0.4
"""An hour, after that."""

MAX_SLOPE_OBJECTS = 60.0
"""An hour, of some 33,000: each failure is noted down, too."""

MAX_JOURNAL_BYTES = 4 << 20
MAX_ROW_BYTES = 100
"""Of a share in the database, indexes and rounding included."""


def slope(values: Sequence[float]) -> float:
    """Return the growth per hour, after the first ones; 0 when the run was too short to tell.

    From the least of the first third to the least of the last one: a peak that is over is none.
    """
    warm = values[WARM_HOURS:]
    third = len(warm) // 3
    return (min(warm[-third:]) - min(warm[:third])) / (len(warm) - third) if third else 0.0


def slope_mib(day: Day) -> float:
    return slope([hour.resident_mib for hour in day.hours])


def slope_objects(day: Day) -> float:
    return slope([hour.objects for hour in day.hours])


def figures(day: Day) -> dict[str, float]:
    account, ledgers = day.account, day.ledgers
    return {
        "day_failures": len(account.failures),
        "day_cpu_s": day.cpu_s,
        "day_no_pool_percent": 100 * account.no_pool_s / account.total_s,
        "day_switching_percent": 100 * account.switching_s / account.total_s,
        "day_handshake_percent": 100 * account.handshake_s / account.total_s,
        "day_unexplained_shares": ledgers.unexplained,
        "day_shares_to_a_wrong_pool": ledgers.to_a_wrong_pool,
        "day_memory_slope_mib_per_h": slope_mib(day),
    }


def lines(day: Day) -> Iterator[str]:
    account, ledgers = day.account, day.ledgers
    shares = sum(ledgers.fates.values())
    yield (
        f"seed {day.seed}: {len(day.hours)} h of mining, {len(account.failures)} failures, "
        f"{shares} shares, in {day.cpu_s:.0f} s of CPU"
    )
    yield "hash time lost             s        %"
    for name, lost_s in (
        ("no pool could be had", account.no_pool_s),
        ("switching", account.switching_s),
        ("handshakes", account.handshake_s),
        ("all", account.lost_s),
    ):
        yield f"  {name:<20}{lost_s:8.1f}{100 * lost_s / account.total_s:9.3f}"
    yield f"  switching may take {account.bound_s:.0f} s by the bounds of these failures"
    yield "failure               times   lost s   longest stay s"
    for name, (times, cost_s, stayed_s) in sorted(account.by_kind().items()):
        yield f"  {name:<20}{times:5}{cost_s:9.1f}{stayed_s:17.1f}"
    yield "shares"
    for fate, count in ledgers.fates.most_common():
        yield f"  {fate:<28}{count:7}{100 * count / shares:9.3f} %"
    yield f"  of the unanswered, {ledgers.counted_all_the_same} count at their pool all the same"
    yield f"  {ledgers.unexplained} unexplained, {ledgers.to_a_wrong_pool} to a wrong pool"
    yield from (f"    {complaint}" for complaint in ledgers.complaints)
    yield "hour   MiB  objects  journal KiB  database KiB"
    for number, hour in enumerate(day.hours, start=1):
        yield (
            f"{number:4}{hour.resident_mib:7.1f}{hour.objects:8}"
            f"{hour.journal_bytes / 1024:12.0f}{hour.database_bytes / 1024:14.0f}"
        )
    yield (
        f"  {slope_mib(day):.3f} MiB and {slope_objects(day):.0f} objects an hour from hour "
        f"{WARM_HOURS + 1} on"
    )
    yield from (f"ERROR {error}" for error in day.errors)


def misses(day: Day) -> list[str]:
    """Return what is not within its bounds."""
    account, ledgers = day.account, day.ledgers
    cuts = sum(failure.pool is None for failure in account.failures)
    shares = sum(ledgers.fates.values())
    last = day.hours[-1]
    found = [
        f"{failure.kind.name} of pool {failure.pool} at {failure.from_s:.0f} s: mined for another "
        f"{failure.stayed_s:.0f} s"
        for failure in account.failures
        if failure.stayed_s > failure.kind.bound_s
    ]
    checks = {
        f"switching took {account.switching_s:.0f} s": account.switching_s <= account.bound_s,
        f"handshakes took {account.handshake_s:.0f} s": (
            account.handshake_s <= 1 + HANDSHAKE_S * cuts
        ),
        f"{ledgers.unexplained} shares unexplained": not ledgers.unexplained,
        f"{ledgers.to_a_wrong_pool} shares to a wrong pool": not ledgers.to_a_wrong_pool,
        f"memory grows by {slope_mib(day):.3f} MiB an hour": (slope_mib(day) <= MAX_SLOPE_MIB),
        f"{slope_objects(day):.0f} objects more an hour": slope_objects(day) <= MAX_SLOPE_OBJECTS,
        f"journal of {last.journal_bytes} bytes": last.journal_bytes <= MAX_JOURNAL_BYTES,
        f"database of {last.database_bytes} bytes": (
            last.database_bytes <= (1 << 20) + MAX_ROW_BYTES * shares
        ),
        f"{len(day.errors)} errors of ours": not day.errors,
    }
    return [*found, *(words for words, is_held in checks.items() if not is_held)]
