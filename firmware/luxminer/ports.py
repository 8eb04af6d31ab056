"""The ports on which API and page answer."""

import logging
import resource
import socket
from contextlib import AsyncExitStack
from pathlib import Path

from luxminer.api.sockets import bind
from luxminer.clock import Clock
from luxminer.config.schema import ApiConfig
from luxminer.control import CommandBus
from luxminer.host import HostReader
from luxminer.telemetry.hub import TelemetryHub

__all__ = ["Ports", "allow_files"]

log = logging.getLogger(__name__)

OTHER_FILES = 1024
"""Callers that wait to be served or to leave, pools, sticks, and files."""


class Ports:
    """Takes the ports at once, and serves on them later. ``servers`` closes what was opened."""

    def __init__(
        self,
        config: ApiConfig,
        clock: Clock,
        *,
        hub: TelemetryHub,
        bus: CommandBus,
        host: HostReader,
        state_dir: Path | None,
        servers: AsyncExitStack,
    ) -> None:
        self._config = config
        self._clock = clock
        self._hub = hub
        self._bus = bus
        self._host = host
        self._state_dir = state_dir
        self._servers = servers
        self._api_sock: socket.socket | None = None
        self._http_sock: socket.socket | None = None
        self.api_port: int | None = None
        self.http_port: int | None = None

    async def listen(self) -> None:
        """Bind what is not switched off. Raises ConfigError when another program listens there."""
        allow_files(2 * self._config.max_connections + OTHER_FILES)
        self._api_sock = await self._bind("port")
        self._http_sock = await self._bind("http_port")

    async def _bind(self, key: str) -> socket.socket | None:
        port: int = getattr(self._config, key)
        if not port:
            return None
        return self._servers.enter_context(await bind(self._config.listen, port, f"api.{key}"))

    async def serve(self) -> None:
        """Import and start what answers; mining has begun by then."""
        from luxminer.api.access import AccessRules
        from luxminer.api.dispatcher import Dispatcher

        for words in AccessRules(self._config.allow, self._config.groups).without_effect():
            log.warning("api.allow has no effect: %s", words)
        dispatcher = Dispatcher(self._hub, self._bus, self._clock)
        if self._api_sock is not None:
            from luxminer.api.server import ApiServer

            api = ApiServer(self._api_sock, dispatcher, self._config, self._clock)
            await api.start()
            self._servers.push_async_callback(api.stop)
            self.api_port = api.port
            log.info("API listens on %s port %d", self._config.listen, api.port)
            if self._config.mcast:
                await self._answer_discovery(api.port)
        if self._http_sock is not None:
            from luxminer.api.http import HttpServer
            from luxminer.api.token import service_token

            token = service_token(self._state_dir)
            http = HttpServer(
                self._http_sock, dispatcher, self._config, self._clock, hub=self._hub, token=token
            )
            await http.start()
            self._servers.push_async_callback(http.stop)
            self.http_port = http.port
            log.info("page on http://%s:%d/", self._seen_as(), http.port)

    async def _answer_discovery(self, port: int) -> None:
        from luxminer.api.access import AccessRules
        from luxminer.api.multicast import Discovery

        rules = AccessRules(self._config.allow, self._config.groups)
        discovery = Discovery(self._config, rules, self._clock, port)
        try:
            await discovery.start()
        except OSError as exc:
            log.warning("no discovery by multicast: %s; is there a network?", exc.strerror or exc)
            return
        self._servers.push_async_callback(discovery.stop)

    def _seen_as(self) -> str:
        listen = self._config.listen
        if listen not in ("0.0.0.0", "::"):
            return f"[{listen.strip('[]')}]" if ":" in listen else listen
        host = self._host.snapshot()
        return host.ip_address or host.hostname


def allow_files(wanted: int) -> None:
    """Let this process have so many files and sockets open, if the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
