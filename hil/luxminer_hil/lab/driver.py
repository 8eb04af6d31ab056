"""Runs the acceptance suite on a stick through the agent beside it."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import attr
from labgrid.driver.common import Driver
from labgrid.driver.exception import ExecutionError
from labgrid.factory import target_factory
from labgrid.util.proxy import proxymanager

from luxminer_hil.agent.wire import MAX_LINE_BYTES, SILENCE_S, Kind, decode
from luxminer_hil.lab.process import AgentProcess
from luxminer_hil.lab.resource import MiningStick, NetworkMiningStick

__all__ = ["AcceptanceDriver", "CheckResult"]

CONNECT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check, as the agent tells it."""

    check: str
    what: str
    bound: str
    verdict: str
    """pass, warn, fail, n/a, not run."""
    figure: str
    details: list[str]
    seconds: float


@attr.s(eq=False)
class AcceptanceDriver(Driver):
    """The suite. ``effort`` and ``checks`` as in ``luxminer-hil bench``; all checks when none."""

    bindings: ClassVar = {"stick": {MiningStick, NetworkMiningStick}}

    effort: dict[str, float] = attr.ib(factory=dict, validator=attr.validators.instance_of(dict))
    checks: list[str] = attr.ib(factory=list, validator=attr.validators.instance_of(list))
    seed: int = attr.ib(default=1, validator=attr.validators.instance_of(int))
    reports: str = attr.ib(default="", validator=attr.validators.instance_of(str))
    """Folder for the reports of all sticks; empty for none."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._agent: AgentProcess | None = None

    def on_activate(self) -> None:
        if isinstance(self.stick, MiningStick):
            self._agent = AgentProcess(self.stick.agent_options(), host="localhost")

    def on_deactivate(self) -> None:
        agent, self._agent = self._agent, None
        if agent is not None:
            agent.stop()

    def run(self) -> Iterator[CheckResult]:
        """Yield each result as it comes; closed early, it ends the run.

        Raises ExecutionError for what the agent refuses, OSError when it cannot be reached.
        """
        label = ""
        for line in self._lines():
            match line.pop("kind", None):
                case Kind.STICK:
                    label = _name(line["label"])
                    self.logger.info("%s at %s", label, line["port"])
                case Kind.RESULT:
                    yield CheckResult(
                        **{each.name: line[each.name] for each in fields(CheckResult)}
                    )
                case Kind.END:
                    self._keep(label, line["reports"])
                    return
                case Kind.ERROR:
                    raise ExecutionError(f"the agent says: {line['words']}")
        raise ExecutionError("the agent has hung up before the end")

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self._agent is not None:
            place, token = ("127.0.0.1", self._agent.port), self._agent.token
        else:
            if not self.stick.port:
                raise ExecutionError(f"{self.stick} has no agent: acquire its place first")
            place, token = proxymanager.get_host_and_port(self.stick), self.stick.token
        request = {
            "token": token,
            "checks": list(self.checks),
            "effort": dict(self.effort),
            "seed": self.seed,
        }
        with socket.create_connection(place, timeout=CONNECT_S) as connection:
            connection.settimeout(SILENCE_S)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE_BYTES):
                    yield decode(line)

    def _keep(self, label: str, reports: dict[str, str]) -> None:
        if not self.reports:
            return
        folder = Path(self.reports) / label
        folder.mkdir(parents=True, exist_ok=True)
        for name, words in reports.items():
            (folder / _name(name)).write_text(words, encoding="utf-8")


def _name(given: str) -> str:
    """Return a name that another host has sent, if it is nothing but a name."""
    if not given or given.startswith(".") or not all(c.isalnum() or c in "-_." for c in given):
        raise ExecutionError(f"the agent sends {given!r:.60} as a name")
    return given


target_factory.reg_driver(AcceptanceDriver)
