"""The service: its log, its settings, its end and its beginning."""

from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.fields.service import DEBUG_SECTION, USBSTATS_SECTION
from luxminer.api.handlers import service
from luxminer.api.params import Grammar, Kind, Param
from luxminer.control.service import RebootMachine, RestartMining, RestartService, StopService

__all__ = ["ROWS", "TITLE"]

TITLE = "The service"

NOT_SAVED = 43
NO_REBOOT = 461
NOT_RESET = 462

LEVELS = ("trace", "debug", "info", "warning", "error")

ROWS = (
    CommandRow(
        name="save",
        words="writes the settings, with all that was changed, to the file in use or to one beside",
        success=44,
        handler=service.save,
        grammar=Grammar(
            params=(
                Param(
                    name="file",
                    kind=Kind.TEXT,
                    words="name of another file in the same folder, which ends with .toml",
                    required=False,
                    default="",
                ),
            )
        ),
        dialect=Dialect.CGMINER,
        write=True,
        refusals={"unwritable": NOT_SAVED},
        note="no folder can be named, and only settings are overwritten",
    ),
    CommandRow(
        name="resetconfig",
        words="puts all settings but those of the API back to their defaults, and mines anew",
        success=395,
        handler=service.resetconfig,
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
        refusals={"unwritable": NOT_RESET},
        note="the former file is kept beside it, with `.bak` behind its name",
    ),
    CommandRow(
        name="logset",
        words="sets the least severe lines that the log has, from now on",
        success=394,
        handler=service.logset,
        grammar=Grammar(
            params=(
                Param(
                    name="level",
                    kind=Kind.TEXT,
                    words="as in the settings",
                    choices=LEVELS,
                    example="debug",
                ),
            )
        ),
        dialect=Dialect.LUXMINER,
        write=True,
    ),
    CommandRow(
        name="debug",
        words="switches the log to another level and back: s silent, q quiet, v or d debug, r "
        "trace, n normal",
        success=79,
        handler=service.debug,
        grammar=Grammar(
            params=(
                Param(
                    name="setting",
                    kind=Kind.TEXT,
                    words="only its first letter counts",
                    required=False,
                    default="",
                    example="d",
                ),
            )
        ),
        sections=(DEBUG_SECTION,),
        dialect=Dialect.CGMINER,
        write=True,
        note="CGMiner's switches are levels of one log",
    ),
    CommandRow(
        name="resetminer",
        words="begins anew with pools and sticks; the session ends",
        success=396,
        handler=service.order(RestartMining()),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
    CommandRow(
        name="rebootdevice",
        words="restarts the machine, where `api.allow_reboot` and the system let it",
        success=397,
        handler=service.order(RebootMachine()),
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
        refusals={"not-allowed": NO_REBOOT, "not-possible": NO_REBOOT},
    ),
    CommandRow(
        name="quit",
        words="ends the service",
        bare="BYE",
        handler=service.order(StopService()),
        dialect=Dialect.CGMINER,
        write=True,
    ),
    CommandRow(
        name="restart",
        words="starts the program of the service anew",
        bare="RESTART",
        handler=service.order(RestartService()),
        dialect=Dialect.CGMINER,
        write=True,
    ),
    CommandRow(
        name="zero",
        words="lets what is counted begin anew, or only the best share",
        success=96,
        handler=service.zero,
        grammar=Grammar(
            params=(
                Param(
                    name="which",
                    kind=Kind.TEXT,
                    words="what begins anew",
                    choices=tuple(service.ZERO_WORDS),
                    missing=94,
                    invalid=95,
                    example="all",
                ),
                Param(
                    name="summary",
                    kind=Kind.TRUTH,
                    words="whether the log tells what was counted until now",
                    missing=75,
                    invalid=76,
                    example="false",
                ),
            ),
            nothing=94,
        ),
        dialect=Dialect.CGMINER,
        write=True,
        also=(service.ZEROED_SILENTLY,),
        note="only what is shown begins anew: the ledgers go on, and after a restart the best "
        "share of all times is shown again",
    ),
    CommandRow(
        name="usbstats",
        words="counts what went to each stick and came from it",
        success=87,
        handler=service.usbstats,
        sections=(USBSTATS_SECTION,),
        dialect=Dialect.CGMINER,
        joinable=True,
        also=(service.NO_STATISTICS,),
        note="tasks and nonces are counted, not transfers; their times are not measured and 0",
    ),
)
