"""Restarts the machine, by the programs of systemd."""

import asyncio
import os
import shutil

__all__ = ["Rebooter"]

PROGRAM_S = 2.0
"""For the system to answer, which is less than a client waits."""


class Rebooter:
    """Restarts the machine by systemd, whose programs are looked up in ``path``, or ``$PATH``."""

    def __init__(self, path: str | None = None) -> None:
        self._path = path

    async def why_not(self) -> str:
        """Return in words why this service cannot do it; empty when it can."""
        if shutil.which("systemctl", path=self._path) is None:
            return "there is no systemctl on this machine"
        if os.geteuid() == 0:
            return ""
        said = await self._run(
            "busctl",
            "call",
            "org.freedesktop.login1",
            "/org/freedesktop/login1",
            "org.freedesktop.login1.Manager",
            "CanReboot",
        )
        if said is None:
            return "systemd-logind does not answer"
        return "" if said.strip() == 's "yes"' else f"systemd-logind says {said.strip()}"

    async def reboot(self) -> bool:
        """Return whether the system accepted it."""
        return await self._run("systemctl", "--no-ask-password", "reboot") is not None

    async def _run(self, name: str, *arguments: str) -> str | None:
        """Return what a program printed; None when it failed."""
        program = shutil.which(name, path=self._path)
        if program is None:
            return None
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(PROGRAM_S):
                out, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return None
        return out.decode(errors="replace") if process.returncode == 0 else None
