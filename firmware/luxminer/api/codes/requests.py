"""Codes that any command can answer with."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(401, 402), range(403, 407), range(408, 412))
"""Numbers of this subject that neither reference uses."""

CODES = {
    -1: StatusCode("F", "Internal error"),
    14: StatusCode("E", "Invalid command"),
    23: StatusCode("E", "Invalid JSON"),
    24: StatusCode("E", "Missing JSON 'command'"),
    45: StatusCode("E", "Access denied to '{command}' command"),
    401: StatusCode("E", "Missing session id"),
    402: StatusCode("E", "Another session is active"),
    403: StatusCode("E", "Invalid or expired session id"),
    404: StatusCode("E", "{reason}"),
    405: StatusCode("E", "No answer within {seconds} s"),
    406: StatusCode("E", "Missing parameter '{name}'"),
    408: StatusCode("E", "Invalid {name} '{value}' - {expected}"),
    409: StatusCode("E", "Invalid key/value format"),
    410: StatusCode("E", "Unknown key '{value}' - there are {expected}"),
    411: StatusCode("E", "Not supported on this hardware"),
}
