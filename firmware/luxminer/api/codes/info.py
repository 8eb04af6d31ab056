"""Codes of what the miner says about itself."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(317, 319),)
"""Numbers of this subject that neither reference uses."""

CODES = {
    11: StatusCode("S", "Summary"),
    22: StatusCode("S", "LUXminer versions"),
    33: StatusCode("S", "LUXminer config"),
    46: StatusCode("S", "Privileged access OK"),
    70: StatusCode("S", "LUXminer stats"),
    71: StatusCode("E", "Missing check cmd"),
    72: StatusCode("S", "Check command"),
    78: StatusCode("S", "LUXminer coin"),
    125: StatusCode("S", "LCD"),
    316: StatusCode("S", "Session created"),
    317: StatusCode("S", "Session ended"),
    318: StatusCode("S", "Session dropped"),
    319: StatusCode("S", "Session information"),
}
