"""Settings, the machine, and updates of the service."""

from luxminer.api.codes import Code
from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.handlers.show import done

__all__ = ["ROWS", "TITLE"]

TITLE = "Settings and the machine"

NO_UPDATER = 334
NETWORK_OF_THE_SYSTEM = 460


def _refused(name: str, words: str, code: int) -> CommandRow:
    return CommandRow(
        name=name,
        words=f"is refused: {words}",
        success=code,
        handler=done,
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    )


ROWS = (
    _refused("netset", "the operating system manages the network", NETWORK_OF_THE_SYSTEM),
    CommandRow(
        name="updatecheck",
        words="is refused: the package manager updates the service",
        success=NO_UPDATER,
        handler=done,
        dialect=Dialect.LUXMINER,
        joinable=True,
    ),
    _refused("updaterun", "the package manager updates the service", NO_UPDATER),
    _refused("updateset", "the package manager updates the service", NO_UPDATER),
    _refused("uninstallluxos", "this is no LuxOS", Code.UNSUPPORTED),
)
