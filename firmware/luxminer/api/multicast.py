"""Discovery by multicast: says on which port the API is to who asks the whole network.

Ref: CGMiner API (multicast discovery).
"""

import asyncio
import ipaddress
import logging
import re
import socket

from luxminer.api.access import AccessRules, Right
from luxminer.clock import Clock
from luxminer.config.schema import ApiConfig
from luxminer.errors import ConfigError

__all__ = ["Discovery", "check_discovery"]

log = logging.getLogger(__name__)

REQUEST_PREFIX = "cgminer"
REPLY_PREFIX = "cgm-FTW"
"""The same whatever code is listened for."""
REQUEST = re.compile(rb"([^-]+)-([^-]+)-([0-9]{1,5})\n?\0?")
PACE_S = 1.0
"""One request is looked at in that time, right or wrong; others are not answered."""
CODE = re.compile(r"[!-,.-~]{1,64}")
DESCRIPTION = re.compile(r"[ -~]{0,64}")


def check_discovery(config: ApiConfig) -> None:
    """Refuse what discovery cannot use. Raises ConfigError."""
    try:
        fits = ipaddress.IPv4Address(config.mcast_address).is_multicast
    except ValueError:
        fits = False
    for key, value, ok, cure in (
        ("address", config.mcast_address, fits, "an IPv4 multicast address, such as 224.0.0.75"),
        (
            "code",
            config.mcast_code,
            CODE.fullmatch(config.mcast_code),
            "letters without - or space",
        ),
        (
            "description",
            config.mcast_description,
            DESCRIPTION.fullmatch(config.mcast_description),
            "at most 64 letters of ASCII",
        ),
    ):
        if not ok:
            name = f"api.mcast_{key}"
            raise ConfigError(f'is "{value}"', key=name, value=value, cure=f"write {cure}")


class Discovery(asyncio.DatagramProtocol):
    """Answers on the group of the configuration. ``api_port`` is what it tells."""

    def __init__(self, config: ApiConfig, rules: AccessRules, clock: Clock, api_port: int) -> None:
        self._config = config
        self._rules = rules
        self._clock = clock
        text = f"{REPLY_PREFIX}-{api_port}-{config.mcast_description}"
        self._reply = text.encode("ascii", "replace") + b"\0"
        self._next_s = 0.0
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Join the group. Raises OSError where the machine cannot."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self._config.mcast_address, self._config.mcast_port))
            group = socket.inet_aton(self._config.mcast_address)
            membership = group + socket.inet_aton(_interface(self._config.listen))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        now_s = self._clock.monotonic()
        if now_s < self._next_s or self._rules.right(addr[0]) is Right.NONE:
            return
        self._next_s = now_s + PACE_S
        match = REQUEST.fullmatch(data)
        if match is None or self._transport is None:
            return
        wanted = (REQUEST_PREFIX.encode(), self._config.mcast_code.encode())
        port = int(match[3])
        if match.groups()[:2] == wanted and 1 <= port <= 65535:
            self._transport.sendto(self._reply, (addr[0], port))

    def error_received(self, exc: Exception) -> None:
        log.debug("discovery: %s", exc)


def _interface(listen: str) -> str:
    """Return the address whose network is heard: the one listened on, or the system's choice."""
    try:
        return str(ipaddress.IPv4Address(listen))
    except ValueError:
        return "127.0.0.1" if listen in ("localhost", "::1", "[::1]") else "0.0.0.0"
