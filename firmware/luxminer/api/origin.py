"""Whether a request of a browser may use the rights of the address it comes from.

A page from anywhere can make its visitor's browser call us. So a write from a browser must come
from a page that we served (``Origin`` names the ``Host`` it was sent to), and a name that any
name server can point at us (DNS rebinding) gives no rights: the host must be an address or one
of our own names. The token is proof by itself where the name is foreign but Origin and Host agree.

Ref: RFC 6454; Fetch metadata (Sec-Fetch-Site); docs/api.md, "Rights".
"""

from collections.abc import Mapping
from enum import Enum
from urllib.parse import urlsplit

from luxminer.api.access import host_address

__all__ = ["Origin", "judge"]

FOREIGN_SITES = ("cross-site", "same-site")


class Origin(Enum):
    """What the headers tell about the sender."""

    PROGRAM = "program"
    """Not a browser."""
    OUR_PAGE = "our page"
    NAMED_PAGE = "page under a name that is not known to be ours"
    FOREIGN_PAGE = "page of somebody else"


def judge(headers: Mapping[str, str], hostname: str) -> Origin:
    """Classify a request; ``hostname`` is our own name, without domain."""
    origin, host = headers.get("Origin"), headers.get("Host", "")
    site = headers.get("Sec-Fetch-Site", "")
    if origin is None:
        if site in FOREIGN_SITES:
            return Origin.FOREIGN_PAGE
        # Only browsers send Sec-Fetch-Site; what has none could not have left Origin out of a POST.
        return Origin.NAMED_PAGE if site and not _is_ours(host, hostname) else Origin.PROGRAM
    scheme, _, authority = origin.partition("://")
    if scheme not in ("http", "https") or not host or authority.lower() != host.lower():
        return Origin.FOREIGN_PAGE
    return Origin.OUR_PAGE if _is_ours(host, hostname) else Origin.NAMED_PAGE


def _is_ours(host: str, hostname: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    own = hostname.lower()
    return host_address(name) is not None or name in {"localhost", own, f"{own}.local"} - {""}
