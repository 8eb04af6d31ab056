"""Commands that only show something and need more than a table for it."""

from luxminer.api.columns import make_row
from luxminer.api.fields.devices import ASC_SECTION, DEVICE, DEVS_SECTION
from luxminer.api.fields.totals import CHECK_SECTION, Findings
from luxminer.api.handlers.context import Context, Outcome, each
from luxminer.api.params import Args
from luxminer.api.replies import rows
from luxminer.telemetry.model import DeviceSnapshot, MinerSnapshot

__all__ = ["asc", "check", "edevs", "visible"]


async def edevs(context: Context, args: Args) -> Outcome:
    """CGMiner counts the hidden ones too."""
    miner = context.miner
    shown = visible(miner, args.whole("old"))
    found = await each(lambda device: make_row(DEVICE, miner, device), shown)
    return Outcome(sections=(rows(DEVS_SECTION.key, found),), facts={"count": len(miner.devices)})


async def asc(context: Context, args: Args) -> Outcome:
    return Outcome(sections=(ASC_SECTION.of(context.miner, [args.stick()]),))


async def check(context: Context, args: Args) -> Outcome:
    exists, may_use = context.may_use(args.text("command"))
    findings = Findings(exists=exists, may_use=may_use)
    return Outcome(sections=(CHECK_SECTION.of(context.miner, [findings]),))


def visible(miner: MinerSnapshot, age_s: int) -> list[DeviceSnapshot]:
    """Sticks that are there, and those pulled less than ``age_s`` ago."""
    since_s = miner.wall_s - age_s
    return [
        device
        for device in miner.devices
        if device.present or (device.gone_wall_s is not None and device.gone_wall_s > since_s)
    ]
