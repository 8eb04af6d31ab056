"""The order that lets counters begin anew, as they are shown."""

from dataclasses import dataclass
from enum import StrEnum

from luxminer.control.bus import Command

__all__ = ["Zero", "ZeroWhat"]


class ZeroWhat(StrEnum):
    """The words are CGMiner's."""

    ALL = "All"
    BEST_SHARE = "BestShare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zero(Command):
    """Show counters from now on as if they began here; the ledgers go on. Result: None.

    ``is_told`` puts what was shown until now into the log.
    """

    what: ZeroWhat
    is_told: bool = False
