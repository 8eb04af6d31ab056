"""The number, letter and text of a reply's status."""

from typing import NamedTuple

__all__ = ["Code", "StatusCode"]


class StatusCode(NamedTuple):
    letter: str
    """S success, I information, W warning, E error, F fault in the program."""
    text: str
    """Names in braces are filled with what the request was about."""


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
    MISSING_PARAMETER = 406
    INVALID_GROUP = 407
    INVALID_PARAMETER = 408
    INVALID_KEY_VALUE = 409
    UNKNOWN_KEY = 410
    UNSUPPORTED = 411
