"""Codes of commands about events and measured series."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(358, 360), range(470, 480))
"""Numbers of this subject that neither reference uses."""

CODES = {
    357: StatusCode("S", "Miner Events"),
}
