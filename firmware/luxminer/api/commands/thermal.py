"""Temperatures, fans, lights and sleep."""

from dataclasses import Field, fields
from typing import Any

from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.fields.thermal import (
    ATM_SECTION,
    CURTAIL_SECTION,
    FANCTRL_SECTION,
    FANS_SECTION,
    HASHBOARDOPTS_SECTION,
    METADATA_SECTION,
    TEMPCTRL_SECTION,
    TEMPCTRL_SET_SECTION,
    TEMPS_SECTION,
    TEMPSENSOR_SECTION,
)
from luxminer.api.handlers import thermal
from luxminer.api.params import Grammar, Kind, Param
from luxminer.config.schema import AtmConfig, FanConfig, ThermalConfig

__all__ = ["ROWS", "TITLE"]

TITLE = "Temperatures, fans and sleep"

NO_FAN = 440
NO_LED = 442
NOT_TOGETHER = 443

KINDS = {"int": Kind.WHOLE, "float": Kind.NUMBER, "bool": Kind.FLAG, "str": Kind.TEXT}
LOWEST = -1
"""Takes the default of a lowest or highest speed."""


def _setting(config: type, key: str, name: str = "", **more: Any) -> Param:
    """Make a value of a setting, with its words and its range."""
    setting: Field[Any] = next(each for each in fields(config) if each.name == key)
    kind = setting.type if isinstance(setting.type, str) else setting.type.__name__
    given = {
        "name": name or key,
        "kind": KINDS[kind],
        "words": setting.metadata["words"],
        "required": False,
        "low": setting.metadata["low"],
        "high": setting.metadata["high"],
        "key": True,
    }
    return Param(**given | more)


def _read(name: str, words: str, success: int, *sections: Any, **more: Any) -> CommandRow:
    return CommandRow(
        name=name,
        words=words,
        success=success,
        sections=sections,
        joinable=True,
        **{"dialect": Dialect.LUXMINER, **more},
    )


def _write(name: str, words: str, success: int, handler: Any, **more: Any) -> CommandRow:
    return CommandRow(
        name=name,
        words=words,
        success=success,
        handler=handler,
        **{"dialect": Dialect.LUXMINER, "write": True, "session": True, **more},
    )


ROWS = (
    _read(
        "temps",
        "the temperature of each stick, and of the processor; 0 where nothing measures it",
        201,
        TEMPS_SECTION,
        METADATA_SECTION,
    ),
    _read("tempctrl", "the limits of temperature", 203, TEMPCTRL_SECTION),
    _write(
        "tempctrlset",
        "sets the limits of temperature: target <= hot <= dangerous",
        330,
        thermal.tempctrlset,
        sessionless=True,
        sections=(TEMPCTRL_SET_SECTION,),
        grammar=Grammar(
            params=(
                _setting(ThermalConfig, "target_c", "target_temp", bare=True, example="65"),
                _setting(ThermalConfig, "hot_c", "hot_temp", bare=True, example="70"),
                _setting(ThermalConfig, "dangerous_c", "dangerous_temp", bare=True, example="75"),
                _setting(ThermalConfig, "hot_c", "chip_hot_temp"),
                _setting(ThermalConfig, "dangerous_c", "chip_dangerous_temp"),
                Param(
                    name="water_inlet_dangerous_temp",
                    kind=Kind.TEXT,
                    words="is refused: there is no water",
                    required=False,
                    key=True,
                ),
            )
        ),
        also=(thermal.NO_WATER,),
        refusals={"invalid": NOT_TOGETHER},
        note="takes three numbers, or names and values, with a session or without one",
    ),
    _read("tempsensor", "what is demanded of sensors", 204, TEMPSENSOR_SECTION),
    _write(
        "tempsensorset",
        "changes what is demanded of sensors",
        205,
        thermal.tempsensorset,
        grammar=Grammar(
            params=(
                _setting(ThermalConfig, "max_bad_readings", example="10"),
                _setting(ThermalConfig, "min_per_board"),
            )
        ),
    ),
    _read("hashboardopts", "what becomes of a stick that was too hot", 206, HASHBOARDOPTS_SECTION),
    _write(
        "hashboardoptsset",
        "changes what becomes of a stick that was too hot",
        207,
        thermal.hashboardoptsset,
        grammar=Grammar(
            params=(
                _setting(ThermalConfig, "overtemp_auto_recovery", example="true"),
                _setting(ThermalConfig, "recover_cooldown_minutes"),
                Param(
                    name="no_pic_protection_mode",
                    kind=Kind.TEXT,
                    words="is refused: sticks have no PIC",
                    required=False,
                    key=True,
                ),
            )
        ),
        also=(thermal.NO_PIC,),
    ),
    _read(
        "fans",
        "fans in our charge, of the machine and on sticks, and their rules",
        202,
        FANS_SECTION,
        FANCTRL_SECTION,
        note="without a fan `FANS` is left out",
    ),
    _write(
        "fanset",
        "sets speed and rules of the fan",
        208,
        thermal.fanset,
        grammar=Grammar(
            params=(
                _setting(FanConfig, "speed", bare=True, example="-1"),
                _setting(FanConfig, "min_fans", bare=True),
                _setting(FanConfig, "power_off_speed"),
                _setting(FanConfig, "min_speed", low=LOWEST),
                _setting(FanConfig, "max_speed", low=LOWEST),
                _setting(FanConfig, "stick_fans"),
            )
        ),
        refusals={"no-fan": NO_FAN, "invalid": NOT_TOGETHER},
    ),
    _write(
        "immersionswitch",
        "says that nothing is cooled by fans, or that it is",
        209,
        thermal.immersionswitch,
        grammar=Grammar(
            params=(Param(name="state", kind=Kind.SWITCH, words="on or off", example="off"),)
        ),
    ),
    _read("atm", "advanced thermal management", 339, ATM_SECTION),
    _write(
        "atmset",
        "changes advanced thermal management, also while it is at work",
        340,
        thermal.atmset,
        grammar=Grammar(
            params=(
                _setting(AtmConfig, "enabled", example="true"),
                _setting(AtmConfig, "startup_minutes"),
                _setting(AtmConfig, "post_ramp_minutes"),
                _setting(AtmConfig, "temp_window"),
                _setting(AtmConfig, "min_profile", empty=True),
                _setting(AtmConfig, "max_profile"),
                Param(
                    name="prevent_oc",
                    kind=Kind.FLAG,
                    words="when it ends: back to the default profile from one above it",
                    required=False,
                    key=True,
                ),
            )
        ),
        refusals={"invalid": NOT_TOGETHER},
        note="it steps from what the owner has set, which stays as it is",
    ),
    _write(
        "curtail",
        "lets all sticks sleep, also over a restart, or mine again",
        335,
        thermal.curtail,
        sections=(CURTAIL_SECTION,),
        grammar=Grammar(
            params=(
                Param(
                    name="action",
                    kind=Kind.TEXT,
                    words="what they are to do",
                    choices=("sleep", "wakeup"),
                    example="sleep",
                ),
                *(
                    Param(
                        name=name,
                        kind=Kind.TEXT,
                        words="is read and makes no difference: sticks start as they always do",
                        required=False,
                        key=True,
                    )
                    for name in ("mode", "frequency_step", "voltage_step")
                ),
            )
        ),
        also=(thermal.ALREADY,),
    ),
    _write(
        "ledset",
        "sets a light of the machine",
        210,
        thermal.ledset,
        grammar=Grammar(
            params=(
                Param(
                    name="color",
                    kind=Kind.TEXT,
                    words="power light or activity light of a Raspberry Pi",
                    choices=("red", "green"),
                    example="red",
                ),
                Param(
                    name="state",
                    kind=Kind.TEXT,
                    words="auto is as it was before",
                    choices=("on", "off", "blink", "flash", "auto"),
                    example="auto",
                ),
            )
        ),
        refusals={"no-led": NO_LED, "failed": NO_LED},
    ),
)
