"""Codes of commands about power and about starting and stopping."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(389, 394), range(450, 460))
"""Numbers of this subject that neither reference uses."""

CODES = {
    311: StatusCode("S", "Power usage"),
    335: StatusCode("S", "Curtailment command sent"),
    389: StatusCode("S", "Miner status"),
    390: StatusCode("S", "Limits"),
    391: StatusCode("S", "{count} bucket(s)"),
    434: StatusCode("E", "No controllable PSU"),
    450: StatusCode("E", "Power target is not supported on this model"),
}
