"""Pulls a stick and plugs it in again: by a hub that can switch its ports, or by a person."""

import asyncio
import shutil
import sys
from typing import Protocol

from luxminer.errors import ConfigError
from luxminer_hil.acceptance.verdict import CheckFailed

__all__ = ["UNAVAILABLE", "HubPlug", "PersonPlug", "Plug", "plug_for"]

UHUBCTL = "uhubctl"
SWITCH_LIMIT_S = 20.0
PERSON_LIMIT_S = 120.0

UNAVAILABLE = (
    "nobody can pull it: there is no switchable hub (--hub, with uhubctl) and no terminal to ask "
    "a person"
)


class Plug(Protocol):
    """Who handles the stick."""

    limit_s: float
    """In which `unplug` or `replug` has its effect."""

    async def unplug(self) -> None:
        """Pull the stick, or have it pulled. Raises CheckFailed when that cannot be done."""
        ...

    async def replug(self) -> None: ...


class HubPlug:
    """Switches the power of one port of a hub with uhubctl."""

    limit_s = 30.0

    def __init__(self, hub: str, hub_port: int) -> None:
        """``hub`` and ``hub_port`` as uhubctl names them: ``1-1`` and 2."""
        self._hub = hub
        self._port = hub_port

    async def unplug(self) -> None:
        await self._switch("off")

    async def replug(self) -> None:
        await self._switch("on")

    async def _switch(self, action: str) -> None:
        arguments = ["-l", self._hub, "-p", str(self._port), "-a", action]
        process = await asyncio.create_subprocess_exec(
            UHUBCTL,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(SWITCH_LIMIT_S):
                output, _ = await process.communicate()
        except TimeoutError as exc:
            process.kill()
            await process.wait()
            raise CheckFailed(f"uhubctl did not end within {SWITCH_LIMIT_S:g} s") from exc
        if process.returncode:
            last = output.decode(errors="replace").strip().splitlines()[-1:]
            words = " ".join([UHUBCTL, *arguments])
            raise CheckFailed(f"{words} failed: {last[0] if last else 'without a word'}")


class PersonPlug:
    """Asks the person at the terminal, and does not wait for an answer: the stick shows it."""

    limit_s = PERSON_LIMIT_S

    async def unplug(self) -> None:
        print(f">>> please pull the stick out (within {self.limit_s:g} s)", flush=True)

    async def replug(self) -> None:
        print(f">>> please plug the stick in again (within {self.limit_s:g} s)", flush=True)


def plug_for(hub: str, hub_port: int) -> Plug | None:
    """Return who can pull a real stick; None when nobody can. Raises ConfigError."""
    if hub:
        if shutil.which(UHUBCTL) is None:
            cure = "install it (Debian: apt install uhubctl), or leave the hub out"
            raise ConfigError("needs uhubctl, which is not installed", key="--hub", cure=cure)
        return HubPlug(hub, hub_port)
    return PersonPlug() if sys.stdin.isatty() else None
