"""What a pool connection tells its owner."""

from dataclasses import dataclass
from typing import TypeAlias

from luxminer.stratum.outcome import ShareResult
from luxminer.work.job import PoolJob, Share

__all__ = [
    "AuthorizeRefused",
    "Authorized",
    "BadLine",
    "Configured",
    "Event",
    "ExtensionAnswered",
    "JobReceived",
    "MessageShown",
    "ProtocolFailed",
    "ReconnectRefused",
    "ReconnectRequested",
    "ShareSent",
    "ShareSettled",
    "Subscribed",
    "VersionMaskChanged",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """Version rolling is settled. ``version_mask`` is 0 without it."""

    version_mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionAnswered:
    """What became of something asked beside work, by its name in the protocol.

    ``granted`` is None when the pool did not answer; ``text`` holds its words, if any.
    """

    name: str
    granted: bool | None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """``asked``: to go on with the session of an earlier connection.

    ``resumed``: the pool gave the extranonce1 that the earlier connection had.
    """

    resumed: bool
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeRefused:
    """The pool does not know user or password. The connection is of no use."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReceived:
    job: PoolJob


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionMaskChanged:
    """Work with other bits than these can no longer be accepted."""

    version_mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareSent:
    """A share leaves for the pool as soon as this was heard; also once more."""

    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareSettled:
    """The pool has answered, or its time is over."""

    share: Share
    result: ShareResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectRequested:
    """The pool wants us elsewhere, and may; None means as now."""

    host: str | None
    port: int | None
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectRefused:
    """The pool wanted us at a host that is none of its own."""

    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShown:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that was ignored."""

    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolFailed:
    """The connection is of no use any more: close it."""

    reason: str


Event: TypeAlias = (
    Configured
    | ExtensionAnswered
    | Subscribed
    | Authorized
    | AuthorizeRefused
    | JobReceived
    | VersionMaskChanged
    | ShareSent
    | ShareSettled
    | ReconnectRequested
    | ReconnectRefused
    | MessageShown
    | BadLine
    | ProtocolFailed
)
