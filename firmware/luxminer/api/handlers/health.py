"""Commands about the health of chips."""

from luxminer.api.codes import Code
from luxminer.api.columns import make_row
from luxminer.api.fields.health import CHIPS_SECTION, Chip
from luxminer.api.handlers.context import Context, Outcome, each
from luxminer.api.handlers.sticks import NO_SUCH_CHIP
from luxminer.api.params import Args, Refusal
from luxminer.api.replies import rows
from luxminer.control.sticks import RestartHealth, SetHealth
from luxminer.telemetry.model import DeviceSnapshot

__all__ = ["healthchipget", "healthchipset", "healthctrlset"]


async def healthchipget(context: Context, args: Args) -> Outcome:
    miner = context.miner
    if not miner.devices:
        raise Refusal(Code.NO_ASCS)
    sticks = [args.stick()] if args.given("board_id") else miner.devices
    chips = [Chip(stick, chip) for stick in sticks for chip in stick.chips]
    if args.given("chip_id"):
        _check_chip(args.stick(), args.whole("chip_id"))
        chips = [chip for chip in chips if chip.own.index == args.whole("chip_id")]
    made = await each(lambda chip: make_row(CHIPS_SECTION.columns, miner, chip), chips)
    return Outcome(sections=(rows(CHIPS_SECTION.key, made),))


async def healthchipset(context: Context, args: Args) -> Outcome:
    stick, chip = args.stick(), None
    if args.given("chip_id"):
        chip = args.whole("chip_id")
        _check_chip(stick, chip)
    await context.bus.send(RestartHealth(device_id=stick.id, chip=chip))
    return Outcome()


async def healthctrlset(context: Context, args: Args) -> Outcome:
    order = SetHealth(readings=args.whole("num_readings"), factor=args.number("amplified_factor"))
    await context.bus.send(order)
    return Outcome()


def _check_chip(stick: DeviceSnapshot, number: int) -> None:
    if all(chip.index != number for chip in stick.chips):
        raise Refusal(NO_SUCH_CHIP, id=stick.id, chip_id=number, count=len(stick.chips))
