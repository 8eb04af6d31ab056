"""Profiles, which set all sticks, and the tuner."""

from luxminer.api.codes import Code
from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.fields.profiles import (
    AUTOTUNER_SECTION,
    PROFILE_SECTION,
    PROFILES_SECTION,
    SET_SECTION,
    TUNERSTATUS_SECTION,
)
from luxminer.api.handlers import profiles
from luxminer.api.handlers.context import Handler
from luxminer.api.handlers.show import done
from luxminer.api.params import Grammar, Kind, Param

__all__ = ["ROWS", "TITLE"]

TITLE = "Profiles and tuning"

NAME = Param(
    name="profile",
    kind=Kind.TEXT,
    words="its name, a step such as +1 or -2, or the nearest to an estimate: 1.2THs, 0.01kW, 12W",
    example="default",
)


def _step(name: str) -> Param:
    return Param(
        name=name,
        kind=Kind.NUMBER,
        words="is read and makes no difference: each driver has its own steps",
        required=False,
        default=0.0,
        lax=True,
    )


OWN = Param(name="name", kind=Kind.TEXT, words="one of your own", example="quiet")


def _about_own(name: str, words: str, success: int, handler: Handler) -> CommandRow:
    return CommandRow(
        name=name,
        words=words,
        success=success,
        handler=handler,
        grammar=Grammar(params=(OWN,)),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
        refusals={"unknown-profile": 432, "in-use": 432},
    )


ROWS = (
    CommandRow(
        name="profiles",
        words="what all sticks can be set to, with estimates for all that were ever seen",
        success=323,
        sections=(PROFILES_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
        note="`Hashrate` has six decimals. Where sticks have different ladders, profiles are named "
        "by their steps, and `Frequency` is the mean. `tuned` is each stick at its own result",
    ),
    CommandRow(
        name="profileget",
        words="one profile",
        success=379,
        handler=profiles.profileget,
        grammar=Grammar(params=(NAME,)),
        sections=(PROFILE_SECTION,),
        dialect=Dialect.LUXMINER,
        also=(profiles.NO_PROFILE,),
    ),
    CommandRow(
        name="profileset",
        words="sets all sticks, also those that come later",
        success=321,
        handler=profiles.profileset,
        grammar=Grammar(
            params=(
                Param(
                    name="board_id",
                    kind=Kind.TEXT,
                    words="is read and makes no difference, as in LuxOS",
                    required=False,
                    choices=("0", "1", "2", "3"),
                    if_fits=True,
                ),
                NAME,
                _step("frequency_step"),
                _step("voltage_step"),
            )
        ),
        sections=(SET_SECTION,),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
        also=(profiles.NO_PROFILE,),
        refusals={"unknown-profile": 430},
    ),
    CommandRow(
        name="profilenew",
        words="makes a profile of your own, or changes one",
        success=383,
        handler=profiles.profilenew,
        grammar=Grammar(
            params=(
                OWN,
                Param(
                    name="frequency",
                    kind=Kind.NUMBER,
                    words="MHz; each stick goes as far as its model can",
                    low=1,
                    high=1000,
                    example="125",
                ),
                Param(
                    name="voltage",
                    kind=Kind.NUMBER,
                    words="core volts, for sticks that can set them and have them in their range",
                    required=False,
                    default=0.0,
                    low=0,
                    high=20,
                ),
            )
        ),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
        also=(profiles.CHANGED,),
        refusals={"invalid-name": 431, "too-many": 432},
    ),
    _about_own("profilerem", "removes a profile of your own", 385, profiles.profilerem),
    _about_own(
        "profilerestore",
        "makes a profile of your own what it was before it was changed",
        386,
        profiles.profilerestore,
    ),
    CommandRow(
        name="autotunerget",
        words="whether sticks are tuned unasked, and what for",
        success=380,
        sections=(AUTOTUNER_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
        note="the names of the fields are ours",
    ),
    CommandRow(
        name="autotunerset",
        words="lets sticks be tuned, or not; with the default profile they then run at the results",
        success=381,
        handler=profiles.autotunerset,
        grammar=Grammar(
            params=(
                Param(
                    name="enabled",
                    kind=Kind.FLAG,
                    words="whether they are",
                    key=True,
                    example="true",
                ),
            )
        ),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
    CommandRow(
        name="tunerswitch",
        words="does the same as `autotunerset`",
        success=381,
        handler=profiles.tunerswitch,
        grammar=Grammar(
            params=(
                Param(
                    name="state",
                    kind=Kind.TEXT,
                    words="whether they are",
                    choices=("on", "off", "true", "false"),
                    example="on",
                ),
            )
        ),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
    CommandRow(
        name="tunerstatus",
        words="the search on each stick that can be tuned, and its last result",
        success=382,
        sections=(TUNERSTATUS_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
        note="the names of the fields are ours",
    ),
    CommandRow(
        name="tunableswitch",
        words="is refused: sticks have nothing to switch",
        success=Code.UNSUPPORTED,
        handler=done,
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
)
