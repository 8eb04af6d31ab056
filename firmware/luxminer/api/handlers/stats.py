"""``stats`` and ``estats``."""

from luxminer.api.columns import Row, make_row
from luxminer.api.fields.stats import (
    CHIP,
    ESTATS_SECTION,
    FAN_SLOTS,
    GEKKO,
    GEKKO_DRIVER,
    MIN_SLOTS,
    STATS_BLOCK,
    STATS_FAN,
    STATS_HEADER,
    STATS_SECTION,
    STATS_SLOT,
    Chip,
)
from luxminer.api.handlers.context import Context, Outcome, each
from luxminer.api.handlers.info import visible
from luxminer.api.params import Args
from luxminer.api.replies import rows
from luxminer.telemetry.model import DeviceSnapshot, MinerSnapshot

__all__ = ["estats", "stats"]


async def stats(context: Context, _: Args) -> Outcome:
    """Show a header and one block with a numbered set of fields per stick, counted from 1."""
    miner = context.miner
    block = make_row(STATS_BLOCK, miner, None)
    slots = max(MIN_SLOTS, len(miner.devices))
    for column in STATS_SLOT:
        for number in range(1, slots + 1):
            device = miner.devices[number - 1] if number <= len(miner.devices) else None
            there = device if device is not None and device.present else None
            block |= make_row([column], miner, there, number)
    fans = miner.thermal.fans
    for number in range(1, FAN_SLOTS + 1):
        fan = fans[number - 1] if number <= len(fans) else None
        block |= make_row(STATS_FAN, miner, fan, number)
    return Outcome(
        sections=(rows(STATS_SECTION.key, [make_row(STATS_HEADER, miner, None), block]),)
    )


async def estats(context: Context, args: Args) -> Outcome:
    miner = context.miner
    found = await each(lambda device: _gekko_row(miner, device), visible(miner, args.whole("old")))
    return Outcome(sections=(rows(ESTATS_SECTION.key, found),))


def _gekko_row(miner: MinerSnapshot, device: DeviceSnapshot) -> Row:
    row = make_row(GEKKO, miner, device)
    if device.present:
        row |= make_row(GEKKO_DRIVER, miner, device)
        for chip in device.chips:
            row |= make_row(CHIP, miner, Chip(device, chip), chip.index)
    return row
