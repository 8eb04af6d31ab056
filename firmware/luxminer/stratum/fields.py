"""Single values of stratum messages: strict where Python is generous.

Python takes True for 1, ``int`` takes signs, underscores and foreign digits, arithmetic on a
Decimal can overflow. Every function here raises nothing but StratumError.

Ref: docs/sources.md, "Stratum" (hostile input).
"""

import binascii
import re
from decimal import Decimal

from luxminer.errors import StratumError

__all__ = [
    "extranonce1_of",
    "extranonce2_size_of",
    "hex_of",
    "host_of",
    "integer_of",
    "job_id_of",
    "mask_of",
    "port_of",
    "reply_id_of",
    "seconds_of",
    "u32_of",
]

MAX_JOB_ID = 256
MAX_EXTRANONCE1 = 100
"""A coinbase script, which holds it, has at most 100 bytes."""

MAX_EXTRANONCE2 = 16
MAX_INTEGER = 1 << 53
MAX_WAIT_S = 300

_U32 = re.compile(r"[0-9a-fA-F]{1,8}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)
_SECONDS = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_HOST = re.compile(r"[0-9A-Za-z._-]{1,253}|\[?[0-9A-Fa-f:.]{2,45}\]?", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def integer_of(value: object) -> int | None:
    """Return an integral number up to 2^53; None for anything else. True is none, ``4.0`` is 4."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if not -MAX_INTEGER <= value <= MAX_INTEGER or value != int(value):
        return None
    return int(value)


def reply_id_of(value: object) -> int | None:
    """Return which request of ours is meant: ids come back as numbers, as text or as floats."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else None
    return integer_of(value)


def u32_of(value: object, name: str) -> int:
    """Read a 32-bit number in hex; some pools leave out leading zeros."""
    if not isinstance(value, str):
        raise StratumError(f"{name} is no text")
    if not _U32.fullmatch(value):
        raise StratumError(f"{name} is not 1 to 8 hex digits")
    return int(value, 16)


def mask_of(value: object) -> int:
    """Read a version mask; some pools write ``0x`` before it."""
    return u32_of(value.removeprefix("0x") if isinstance(value, str) else value, "mask")


def hex_of(value: object, name: str, size: int | None = None) -> bytes:
    """Read bytes in hex, exactly ``size`` of them where it is given."""
    if not isinstance(value, str):
        raise StratumError(f"{name} is no text")
    try:
        raw = binascii.unhexlify(value)
    except ValueError as exc:  # binascii.Error is one
        raise StratumError(f"{name} is not hex in pairs of digits") from exc
    if size is not None and len(raw) != size:
        raise StratumError(f"{name} has {len(raw)} bytes instead of {size}")
    return raw


def extranonce1_of(value: object) -> bytes:
    extranonce1 = hex_of(value, "extranonce1")
    if len(extranonce1) > MAX_EXTRANONCE1:
        raise StratumError(f"extranonce1 of {len(extranonce1)} bytes is too long")
    return extranonce1


def extranonce2_size_of(value: object) -> int:
    size = integer_of(value)
    if size is None or not 1 <= size <= MAX_EXTRANONCE2:
        raise StratumError(f"extranonce2 size is not between 1 and {MAX_EXTRANONCE2}")
    return size


def job_id_of(value: object) -> tuple[str, bool]:
    """Return a job id as text, and whether it came as a number. Its text means nothing to us."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    job_id = str(value) if is_number else value
    if not isinstance(job_id, str) or not 1 <= len(job_id) <= MAX_JOB_ID:
        raise StratumError(f"job id is no text of 1 to {MAX_JOB_ID} characters")
    if _CONTROL.search(job_id):
        raise StratumError("job id holds control characters")
    return job_id, is_number


def host_of(value: object) -> str | None:
    """Return a host name or address without brackets; None when it is empty or missing."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise StratumError("host is no host name or address")
    return value.strip("[]")


def port_of(value: object) -> int | None:
    """Return a port, also from text; None when it is 0, empty or missing."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        port = int(value) if _DIGITS.fullmatch(value) else None
    else:
        port = integer_of(value)
    if port is None or not 0 <= port <= 0xFFFF:
        raise StratumError("port is not between 1 and 65535")
    return port or None


def seconds_of(value: object) -> float:
    """Read a pause, within 0 and `MAX_WAIT_S`; what is no number asks for none."""
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return 0.0
    return float(min(max(value, 0), MAX_WAIT_S))
