"""CGMiner's orders for single sticks: ``ascenable``, ``ascdisable`` and the options of ``ascset``.

Ref: CGMiner API (ascset: options of Gekko sticks and the words of their errors).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Args, Refusal
from luxminer.control import StartTuning, StopTuning
from luxminer.control.sticks import (
    DisableDevice,
    EnableDevice,
    RebootDevice,
    SetFrequency,
    SetHotplug,
    SetStickFan,
    SetVoltage,
)
from luxminer.errors import CommandError
from luxminer.telemetry.model import DeviceSnapshot

__all__ = [
    "ALREADY_DISABLED",
    "ALREADY_ENABLED",
    "FAILED",
    "GONE",
    "HELP",
    "HOTPLUG_OFF",
    "ascdisable",
    "ascenable",
    "ascset",
    "hotplug",
]

ALREADY_ENABLED = 108
ALREADY_DISABLED = 109
GONE = 115
HELP = 118
FAILED = 120
HOTPLUG_OFF = 101

NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?")
CHIP_CLOCK = re.compile(r"([0-9]{1,4}):([0-9]{1,9}(?:\.[0-9]{0,9})?)")


async def ascenable(context: Context, args: Args) -> Outcome:
    stick = args.stick()
    if stick.enabled and not stick.is_shut_down:
        return Outcome(code=ALREADY_ENABLED)
    if not stick.present:
        raise Refusal(GONE, id=stick.id)
    await context.bus.send(EnableDevice(device_id=stick.id))
    return Outcome()


async def ascdisable(context: Context, args: Args) -> Outcome:
    if not await context.bus.send(DisableDevice(device_id=args.stick().id)):
        return Outcome(code=ALREADY_DISABLED)
    return Outcome()


async def hotplug(context: Context, args: Args) -> Outcome:
    seconds = args.whole("seconds")
    await context.bus.send(SetHotplug(interval_s=float(seconds)))
    return Outcome(code=None if seconds else HOTPLUG_OFF)


async def ascset(context: Context, args: Args) -> Outcome:
    stick, name = args.stick(), args.text("option").lower()
    if name == "help":
        shown = ", ".join(f"{name}: {option.words}" for name, option in OPTIONS.items())
        return Outcome(code=HELP, facts={"help": shown})
    option = OPTIONS.get(name)
    if option is None:
        raise _failed(stick, f"Unknown option: {args.facts['option']}")
    value = args.text("value") if args.given("value") else ""
    if option.missing and not value:
        raise _failed(stick, option.missing)
    await option.run(context, stick, value)
    return Outcome()


def _failed(stick: DeviceSnapshot, reason: str) -> Refusal:
    return Refusal(FAILED, id=stick.id, reason=reason)


def _number(stick: DeviceSnapshot, value: str, words: str) -> float:
    if not NUMBER.fullmatch(value.strip()):
        raise _failed(stick, f"invalid value '{value[:20]}': give {words}")
    return float(value)


async def _clock(context: Context, stick: DeviceSnapshot, value: str) -> None:
    mhz = _number(stick, value, "MHz")
    mhz = min(max(mhz, stick.min_mhz), stick.max_mhz)
    await context.bus.send(SetFrequency(device_id=stick.id, mhz=mhz))


async def _chip(context: Context, stick: DeviceSnapshot, value: str) -> None:
    match = CHIP_CLOCK.fullmatch(value.strip())
    if match is None:
        raise _failed(stick, "not chip:freq")
    chip, mhz = int(match[1]), float(match[2])
    if mhz:
        mhz = min(max(mhz, stick.min_mhz), stick.max_mhz)
    try:
        await context.bus.send(SetFrequency(device_id=stick.id, mhz=mhz, chip=chip))
    except CommandError as exc:
        words = {
            "unsupported": "chip:freq only valid for BM1397",
            "unknown-chip": f"invalid chip {chip}",
        }
        raise _failed(stick, words.get(exc.reason, str(exc))) from exc


async def _reset(context: Context, stick: DeviceSnapshot, _: str) -> None:
    await context.bus.send(RebootDevice(device_id=stick.id, delay_s=0.0))


async def _lock(context: Context, stick: DeviceSnapshot, _: str) -> None:
    await context.bus.send(StopTuning(device_id=stick.id))


async def _unlock(context: Context, stick: DeviceSnapshot, _: str) -> None:
    if context.miner.is_tuning_enabled:
        await context.bus.send(StartTuning(device_id=stick.id))


async def _core(context: Context, stick: DeviceSnapshot, value: str) -> None:
    core_mv = round(_number(stick, value, "mV"))
    try:
        await context.bus.send(SetVoltage(device_id=stick.id, core_mv=core_mv))
    except CommandError as exc:
        is_other = exc.reason == "unsupported"
        raise _failed(stick, "corev only for GSA1/2" if is_other else str(exc)) from exc


async def _fan(context: Context, stick: DeviceSnapshot, value: str) -> None:
    percent = min(round(_number(stick, value, "0 to 100")), 100)
    try:
        await context.bus.send(SetStickFan(device_id=stick.id, percent=percent))
    except CommandError as exc:
        is_other = exc.reason == "unsupported"
        raise _failed(stick, "setfan only for GSA1/2 V2.1/V3" if is_other else str(exc)) from exc


async def _paced(_: Context, stick: DeviceSnapshot, value: str) -> None:
    _number(stick, value, "a number")
    raise _failed(stick, "not needed here: tasks are paced by the clock that is in force")


async def _usbprop(_: Context, stick: DeviceSnapshot, value: str) -> None:
    if stick.chip != "BM1397":
        raise _failed(stick, "usbprop only for BM1397")
    _number(stick, value, "microseconds")
    raise _failed(stick, "not needed here: nothing waits for the bridge")


async def _require(_: Context, stick: DeviceSnapshot, value: str) -> None:
    _number(stick, value, "a number")
    raise _failed(stick, "not set by hand here: silence is judged by what chance explains")


async def _zeromaxt(_: Context, stick: DeviceSnapshot, _value: str) -> None:
    raise _failed(stick, "no highest temperature is kept")


@dataclass(frozen=True, slots=True)
class _Option:
    words: str
    run: Callable[[Context, DeviceSnapshot, str], Awaitable[None]]
    missing: str = ""
    """What is said when it has no value; empty for one that needs none."""


OPTIONS: Mapping[str, _Option] = {
    "freq": _Option("MHz of all chips", _clock, "missing freq"),
    "target": _Option("the same", _clock, "missing freq"),
    "chip": _Option("chip:MHz of one chip", _chip, "missing chip:freq"),
    "reset": _Option("start it anew", _reset),
    "corev": _Option("core mV (A1, A2)", _core, "missing value"),
    "lockfreq": _Option("end its tuning", _lock),
    "unlockfreq": _Option("let it be tuned, where tuning is enabled", _unlock),
    "setfan": _Option("percent of its own fan", _fan, "missing value"),
    "waitfactor": _Option("not needed", _paced, "missing value"),
    "require": _Option("not needed", _require, "missing value"),
    "usbprop": _Option("not needed", _usbprop, "missing usec"),
    "zeromaxt": _Option("not kept", _zeromaxt),
}
