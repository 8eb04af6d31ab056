"""Commands about temperatures, fans, lights and sleep: one order each."""

from collections.abc import Mapping

from luxminer.api.fields.thermal import CURTAIL_SECTION, TEMPCTRL_SET_SECTION
from luxminer.api.handlers.context import Context, Outcome
from luxminer.api.params import Args, Refusal
from luxminer.control import Curtail, Heat, SetHeat, SetLed, SetProfile

__all__ = [
    "ALREADY",
    "LIMITS",
    "NO_PIC",
    "NO_WATER",
    "atmset",
    "changes",
    "curtail",
    "fanset",
    "hashboardoptsset",
    "immersionswitch",
    "ledset",
    "tempctrlset",
    "tempsensorset",
]

ALREADY = 441
NO_WATER = 444
NO_PIC = 445

LIMITS = {
    "target_temp": "target_c",
    "hot_temp": "hot_c",
    "dangerous_temp": "dangerous_c",
}
"""Names of LuxOS, and those of the configuration."""

ALIASES = {"chip_hot_temp": "hot_c", "chip_dangerous_temp": "dangerous_c"}
"""The one sensor of a stick stands for its chips; of two limits that of the board counts."""

ACTIONS = {"sleep": "sleep mode", "wakeup": "wake up"}


def changes(args: Args, names: Mapping[str, str]) -> dict[str, float | str | bool]:
    """Return what was given, under the names of the configuration."""
    return {setting: args.value(name) for name, setting in names.items() if args.given(name)}


async def _set(
    context: Context, section: Heat, settings: Mapping[str, float | str | bool]
) -> Outcome:
    await context.bus.send(SetHeat(section=section, settings=settings))
    return Outcome()


async def tempctrlset(context: Context, args: Args) -> Outcome:
    if args.given("water_inlet_dangerous_temp"):
        raise Refusal(NO_WATER)
    settings = {**changes(args, ALIASES), **changes(args, LIMITS)}
    await context.bus.send(SetHeat(section=Heat.THERMAL, settings=settings))
    limits = context.miner.thermal.limits
    before = {name: getattr(limits, name) for name in LIMITS.values()}
    return Outcome(sections=(TEMPCTRL_SET_SECTION.of(context.miner, [{**before, **settings}]),))


async def tempsensorset(context: Context, args: Args) -> Outcome:
    names = {name: name for name in ("max_bad_readings", "min_per_board")}
    return await _set(context, Heat.THERMAL, changes(args, names))


async def hashboardoptsset(context: Context, args: Args) -> Outcome:
    if args.given("no_pic_protection_mode"):
        raise Refusal(NO_PIC)
    names = {name: name for name in ("overtemp_auto_recovery", "recover_cooldown_minutes")}
    return await _set(context, Heat.THERMAL, changes(args, names))


async def immersionswitch(context: Context, args: Args) -> Outcome:
    state = args.flag("state")
    await context.bus.send(SetHeat(section=Heat.THERMAL, settings={"immersion": state}))
    return Outcome(facts={"state": "on" if state else "off"})


async def fanset(context: Context, args: Args) -> Outcome:
    names = ("speed", "min_fans", "power_off_speed", "min_speed", "max_speed", "stick_fans")
    settings = changes(args, {name: name for name in names})
    for name, default in (("min_speed", 20), ("max_speed", 100)):
        if settings.get(name) == -1:
            settings[name] = default
    return await _set(context, Heat.FAN, settings)


async def atmset(context: Context, args: Args) -> Outcome:
    names = (
        *("enabled", "startup_minutes", "post_ramp_minutes"),
        *("temp_window", "min_profile", "max_profile"),
    )
    settings = changes(args, {name: name for name in names})
    outcome = await _set(context, Heat.ATM, settings)
    is_left = settings.get("enabled") is False and (context.miner.profile_step or 0) > 0
    if is_left and args.given("prevent_oc") and args.flag("prevent_oc"):
        await context.bus.send(SetProfile(profile="default"))
    return outcome


async def curtail(context: Context, args: Args) -> Outcome:
    action = args.text("action")
    if not await context.bus.send(Curtail(sleep=action == "sleep")):
        return Outcome(code=ALREADY)
    return Outcome(sections=(CURTAIL_SECTION.of(context.miner, [ACTIONS[action]]),))


async def ledset(context: Context, args: Args) -> Outcome:
    color, state = args.text("color"), args.text("state")
    await context.bus.send(SetLed(color=color, state="blink" if state == "flash" else state))
    return Outcome()
