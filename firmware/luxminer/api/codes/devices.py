"""Codes of commands about devices as CGMiner numbers them."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(480, 490),)
"""Numbers of this subject that neither reference uses."""

CODES = {
    9: StatusCode("S", "{count} ASC(s)"),
    10: StatusCode("E", "No ASCs"),
    15: StatusCode("E", "Missing device id parameter"),
    59: StatusCode("S", "PGA count"),
    60: StatusCode("S", "Notify"),
    69: StatusCode("S", "Device Details"),
    104: StatusCode("S", "ASC count"),
    105: StatusCode("E", "No ASCs"),
    106: StatusCode("S", "ASC{id}"),
    107: StatusCode("E", "Invalid ASC id {id} - range is 0 - {last}"),
    108: StatusCode("I", "ASC {id} already enabled"),
    109: StatusCode("I", "ASC {id} already disabled"),
    110: StatusCode("I", "ASC {id} sent enable message"),
    111: StatusCode("I", "ASC {id} set disable flag"),
    112: StatusCode("E", "ASC {id} is not flagged WELL, cannot enable"),
    113: StatusCode("S", "Identify command sent to ASC{id}"),
    114: StatusCode("W", "ASC{id} does not support identify"),
    115: StatusCode("E", "ASC{id} has no device"),
    116: StatusCode("E", "Missing option after ASC number"),
    117: StatusCode("W", "ASC {id} does not support ascset"),
    118: StatusCode("I", "ASC {id} set help: {help}"),
    119: StatusCode("S", "ASC {id} set OK"),
    120: StatusCode("E", "ASC {id} set failed: {reason}"),
}
