"""Commands about single sticks."""

from dataclasses import replace

from luxminer.api.fields.sticks import (
    FREQS_SECTION,
    RAMP_SECTION,
    REBOOT_SECTION,
    VOLTAGE_SECTION,
    Ramp,
    Reboot,
)
from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Args, Refusal
from luxminer.control.sticks import (
    DisableDevice,
    EnableDevice,
    RebootDevice,
    SetFrequency,
    SetVoltage,
    StopRamp,
)
from luxminer.telemetry.model import DeviceSnapshot

__all__ = [
    "ASLEEP",
    "NO_CHIP_CLOCKS",
    "NO_SUCH_CHIP",
    "NO_VOLTAGE",
    "disableboard",
    "enableboard",
    "frequencyget",
    "frequencyset",
    "frequencystop",
    "reboot",
    "voltageget",
    "voltageset",
]

NO_SUCH_CHIP = 420
NO_CHIP_CLOCKS = 421
NO_VOLTAGE = 422
ASLEEP = 423

REBOOT_S = 5.0
"""Until a stick starts again when its owner says nothing else. Ref: LUXminer API (reboot)."""


async def frequencyget(context: Context, args: Args) -> Outcome:
    stick = args.stick()
    if args.given("chip_id"):
        stick = _with_one_chip(stick, args.whole("chip_id"))
    return Outcome(sections=(FREQS_SECTION.of(context.miner, [stick]),))


async def voltageget(context: Context, args: Args) -> Outcome:
    return Outcome(sections=(VOLTAGE_SECTION.of(context.miner, [args.stick()]),))


async def frequencyset(context: Context, args: Args) -> Outcome:
    _refuse_in_sleep(context)
    stick = args.stick()
    chip = args.whole("chip_id") if args.given("chip_id") else None
    order = SetFrequency(device_id=stick.id, mhz=args.number("frequency"), chip=chip)
    mhz = await context.bus.send(order)
    assert isinstance(mhz, int | float), mhz
    return Outcome(sections=(RAMP_SECTION.of(context.miner, [Ramp(stick, mhz, chip)]),))


async def frequencystop(context: Context, args: Args) -> Outcome:
    await context.bus.send(StopRamp(device_id=args.stick().id))
    return Outcome()


async def voltageset(context: Context, args: Args) -> Outcome:
    _refuse_in_sleep(context)
    core_mv = round(args.number("voltage") * 1000)
    await context.bus.send(SetVoltage(device_id=args.stick().id, core_mv=core_mv))
    return Outcome()


async def reboot(context: Context, args: Args) -> Outcome:
    _refuse_in_sleep(context)
    stick = args.stick()
    delay_s = float(args.whole("delay_secs")) if args.given("delay_secs") else REBOOT_S
    is_shutdown = delay_s <= 0
    order = RebootDevice(device_id=stick.id, delay_s=None if is_shutdown else delay_s)
    await context.bus.send(order)
    return Outcome(sections=(REBOOT_SECTION.of(context.miner, [Reboot(stick, is_shutdown)]),))


async def enableboard(context: Context, args: Args) -> Outcome:
    await context.bus.send(EnableDevice(device_id=args.stick().id))
    return Outcome()


async def disableboard(context: Context, args: Args) -> Outcome:
    await context.bus.send(DisableDevice(device_id=args.stick().id))
    return Outcome()


def _refuse_in_sleep(context: Context) -> None:
    if context.miner.thermal.is_asleep:
        raise Refusal(ASLEEP)


def _with_one_chip(stick: DeviceSnapshot, number: int) -> DeviceSnapshot:
    chips = tuple(chip for chip in stick.chips if chip.index == number)
    if not chips:
        raise Refusal(NO_SUCH_CHIP, id=stick.id, chip_id=number, count=len(stick.chips))
    return replace(stick, chips=chips)
