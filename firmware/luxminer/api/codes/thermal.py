"""Codes of commands about temperatures, fans and lights."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(203, 220), range(440, 450))
"""Numbers of this subject that neither reference uses."""

CODES = {
    201: StatusCode("S", "{count} Temp(s)"),
    202: StatusCode("S", "{count} Fan(s)"),
    330: StatusCode("S", "Set temperature control"),
    339: StatusCode("S", "ATM configuration values"),
    340: StatusCode("S", "Advanced Thermal Management configuration updated"),
}
