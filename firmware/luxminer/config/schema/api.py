"""Settings of the API."""

from dataclasses import dataclass

from luxminer.config.schema.option import opt

__all__ = [
    "ApiConfig",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """The LUXminer/CGMiner API and the page."""

    port: int = opt(
        4028, "TCP port of the CGMiner/LUXminer API; 0 switches it off", low=0, high=65535
    )
    http_port: int = opt(
        8080, "port of the page and of POST /api; 0 switches it off", low=0, high=65535
    )
    listen: str = opt(
        "::",
        "address to listen on; :: is all there are, 0.0.0.0 all of IPv4; 127.0.0.1 keeps the API "
        "on this machine",
    )
    allow: tuple[str, ...] = opt(
        (),
        'who may do more: "W:192.168.1.0/24" may change things; entries with R: limit reading to '
        "the addresses listed; this machine may always do both",
    )
    groups: tuple[str, ...] = opt(
        (),
        'letters of your own for allow: "P:switchpool:enablepool:*" lets entries with P: use these '
        "commands and, for the *, all that only show something",
    )
    terminator: str = opt(
        "auto",
        "end of a JSON reply: what the client seems to expect, or always the same",
        choices=("auto", "nul", "newline"),
    )
    fast_path: bool = opt(
        True,
        "repeat replies of the same twentieth of a second from a thread of their own; false "
        "answers all in the order they come",
    )
    max_connections: int = opt(
        600, "connections that each port serves at once, idle ones included", low=4, high=1024
    )
    request_timeout_s: float = opt(
        5.0, "a silent client is dropped after this time", low=0.5, high=60
    )
    mcast: bool = opt(
        False, "tell who asks the network by multicast, as CGMiner does, where the API is"
    )
    mcast_address: str = opt("224.0.0.75", "multicast group of these questions")
    mcast_port: int = opt(4028, "their UDP port", low=1, high=65535)
    mcast_code: str = opt("FTW", "the word in a question that makes it one for this miner")
    mcast_description: str = opt("", "what to say about this miner in the answer")
    autosave: bool = opt(
        True,
        "write what is changed over the API to this file, comments and order kept; false keeps "
        "changes in memory, until the service ends",
    )
    allow_reboot: bool = opt(
        False, "let rebootdevice restart the machine, where the system lets this service do so"
    )
