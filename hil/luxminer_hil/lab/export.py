"""Offers a stick of this host to others: the agent runs from acquisition to release."""

from collections.abc import Callable

import attr
from labgrid.remote.exporter import ResourceExport

from luxminer_hil.lab.process import AgentProcess, find_program
from luxminer_hil.lab.resource import MiningStick

__all__ = ["MiningStickExport"]


@attr.s(eq=False)
class MiningStickExport(ResourceExport):
    """The agent outlives an unplugged stick: pulling it is one of the checks."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        find_program()
        make: Callable[..., MiningStick] = MiningStick
        self.local = make(target=None, name=None, **self.local_params)
        self.data["cls"] = "NetworkMiningStick"
        self.agent: AgentProcess | None = None

    def _get_start_params(self) -> dict[str, list[str]]:
        return {"options": self.local.agent_options()}

    def _get_params(self) -> dict[str, object]:
        agent = self.agent
        return {
            "host": self._reached_at,
            "port": agent.port if agent else None,
            "token": agent.token if agent else None,
            "path": self.local.path,
            "model": self.local.model,
            "serial": self.local.serial,
            "product": self.local.product,
        }

    @property
    def _reached_at(self) -> str:
        """Who must come through the tunnel of an isolated host arrives on its loopback."""
        return "localhost" if self.proxy_required else self.host

    def _start(self, start_params: dict[str, list[str]]) -> None:
        agent, options = self.agent, start_params["options"]
        if agent is not None and agent.is_alive and agent.options == options:
            return
        self._end()
        self.agent = AgentProcess(options, host=self._reached_at)
        self.logger.info(
            "agent for the stick at %s listens on %d", self.local.path, self.agent.port
        )

    def _stop(self, start_params: dict[str, list[str]]) -> None:
        if self.acquired:
            self.logger.info("the stick of %s is away", start_params)
        else:
            self._end()

    def release(self, *args: object, **kwargs: object) -> None:
        super().release(*args, **kwargs)
        if self.agent is not None:  # the stick was away, so nothing was stopped
            self._end()
            self.poll()

    def _end(self) -> None:
        if self.agent is not None:
            self.agent.stop()
            self.agent = None
