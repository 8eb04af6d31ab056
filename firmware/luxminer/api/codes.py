"""Every status that a reply can carry: its number, its letter and its text.

Names in braces are filled with what the request was about. Numbers and texts of LuxOS come first,
those of CGMiner where LuxOS shows none.

Ref: LUXminer API (codes), CGMiner API (code table). Unproven: 317, 318, 401, 403 to 405 and 407,
numbers that neither uses.
"""

from typing import NamedTuple

__all__ = ["CODES", "Code", "StatusCode"]


class Code:
    """Names for the numbers that more than one place refers to."""

    INTERNAL = -1
    NO_POOLS = 8
    INVALID_COMMAND = 14
    MISSING_DEVICE = 15
    INVALID_JSON = 23
    MISSING_COMMAND = 24
    MISSING_POOL = 25
    INVALID_POOL = 26
    ACCESS_DENIED = 45
    MISSING_ADDPOOL = 52
    INVALID_ADDPOOL = 53
    TOO_MANY_POOLS = 54
    MISSING_CHECK = 71
    NO_ASCS = 105
    INVALID_ASC = 107
    MISSING_SESSION = 401
    OTHER_SESSION = 402
    INVALID_SESSION = 403
    REFUSED = 404
    NO_ANSWER = 405
    INVALID_GROUP = 407


class StatusCode(NamedTuple):
    letter: str
    """S success, I information, W warning, E error, F fault in the program."""
    text: str


CODES: dict[int, StatusCode] = {
    -1: StatusCode("F", "Internal error"),
    7: StatusCode("S", "{count} Pool(s)"),
    8: StatusCode("E", "No pools"),
    9: StatusCode("S", "{count} ASC(s)"),
    11: StatusCode("S", "Summary"),
    14: StatusCode("E", "Invalid command"),
    15: StatusCode("E", "Missing device id parameter"),
    22: StatusCode("S", "LUXminer versions"),
    23: StatusCode("E", "Invalid JSON"),
    24: StatusCode("E", "Missing JSON 'command'"),
    25: StatusCode("E", "Missing pool id parameter"),
    26: StatusCode("E", "Invalid pool id {id} - range is 0 - {last}"),
    27: StatusCode("S", "Switching to pool {id}:'{url}'"),
    33: StatusCode("S", "LUXminer config"),
    45: StatusCode("E", "Access denied to '{command}' command"),
    46: StatusCode("S", "Privileged access OK"),
    47: StatusCode("S", "Enabling pool {id}:'{url}'"),
    48: StatusCode("S", "Disabling pool {id}:'{url}'"),
    49: StatusCode("I", "Pool {id}:'{url}' already enabled"),
    50: StatusCode("I", "Pool {id}:'{url}' already disabled"),
    51: StatusCode("E", "Cannot disable last active pool {id}:'{url}'"),
    52: StatusCode("E", "Missing addpool details"),
    53: StatusCode("E", "Invalid addpool details '{details}'"),
    54: StatusCode("E", "Reached maximum number of pools ({count})"),
    55: StatusCode("S", "Added pool {id}: '{url}'"),
    59: StatusCode("S", "PGA count"),
    66: StatusCode("E", "Cannot remove last pool {id}:'{url}'"),
    67: StatusCode("E", "Cannot remove active pool {id}:'{url}'"),
    68: StatusCode("S", "Removed pool {id}:'{url}'"),
    69: StatusCode("S", "Device Details"),
    70: StatusCode("S", "LUXminer stats"),
    71: StatusCode("E", "Missing check cmd"),
    72: StatusCode("S", "Check command"),
    78: StatusCode("S", "LUXminer coin"),
    104: StatusCode("S", "ASC count"),
    105: StatusCode("E", "No ASCs"),
    106: StatusCode("S", "ASC{id}"),
    107: StatusCode("E", "Invalid ASC id {id} - range is 0 - {last}"),
    316: StatusCode("S", "Session created"),
    317: StatusCode("S", "Session ended"),
    318: StatusCode("S", "Session dropped"),
    319: StatusCode("S", "Session information"),
    357: StatusCode("S", "Miner Events"),
    401: StatusCode("E", "Missing session id"),
    402: StatusCode("E", "Another session is active"),
    403: StatusCode("E", "Invalid or expired session id"),
    404: StatusCode("E", "{reason}"),
    405: StatusCode("E", "No answer within {seconds} s"),
    407: StatusCode("E", "Invalid group id {group}"),
}
