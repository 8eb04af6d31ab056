"""Commands about single sticks."""

from dataclasses import replace

from luxminer.api.fields.sticks import FREQS_SECTION, VOLTAGE_SECTION
from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Args, Refusal
from luxminer.telemetry.model import DeviceSnapshot

__all__ = ["NO_SUCH_CHIP", "frequencyget", "voltageget"]

NO_SUCH_CHIP = 420


async def frequencyget(context: Context, args: Args) -> Outcome:
    stick = args.stick()
    if args.given("chip_id"):
        stick = _with_one_chip(stick, args.whole("chip_id"))
    return Outcome(sections=(FREQS_SECTION.of(context.miner, [stick]),))


async def voltageget(context: Context, args: Args) -> Outcome:
    return Outcome(sections=(VOLTAGE_SECTION.of(context.miner, [args.stick()]),))


def _with_one_chip(stick: DeviceSnapshot, number: int) -> DeviceSnapshot:
    chips = tuple(chip for chip in stick.chips if chip.index == number)
    if not chips:
        raise Refusal(NO_SUCH_CHIP, id=stick.id, chip_id=number, count=len(stick.chips))
    return replace(stick, chips=chips)
