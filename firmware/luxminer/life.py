"""How the service ends, begins anew, and keeps what it is told to keep.

Whoever ordered an end gets the reply before it comes: `REPLY_S` pass first.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from enum import StrEnum

from luxminer.config.save import Saver, reset_file
from luxminer.config.schema import Config
from luxminer.control import CommandBus
from luxminer.control.service import (
    RebootMachine,
    ResetConfig,
    RestartMining,
    RestartService,
    SaveConfig,
    SetLogLevel,
    StopService,
)
from luxminer.errors import CommandError, ConfigError
from luxminer.logs import LEVELS, set_level

__all__ = ["Ending", "Life"]

log = logging.getLogger(__name__)

REPLY_S = 0.2
"""Within this time a reply has left for whoever gave the order."""
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.toml")


class Ending(StrEnum):
    """What follows when the service ends on an order."""

    STOP = "stops"
    RESTART = "starts the program anew"
    RELOAD = "begins to mine anew"


class Life:
    """Carries out the orders of `control.service`."""

    def __init__(
        self,
        saver: Saver,
        *,
        bus: CommandBus,
        programs: str | None = None,
        defaults: Callable[[Config], str],
    ) -> None:
        """Take the orders; ``defaults`` writes a file of settings that has those of a `Config`.

        ``programs`` is where those of the system are looked up, None for ``$PATH``.
        """
        self._saver = saver
        self._programs = programs
        self._defaults = defaults
        self._reboots: set[asyncio.Task[None]] = set()
        self.ending: Ending | None = None
        self.asked = asyncio.Event()
        """Set once the service is to end; then `ending` says what follows."""
        bus.register(SaveConfig, self._save)
        bus.register(ResetConfig, self._reset)
        bus.register(StopService, lambda _: self._end(Ending.STOP))
        bus.register(RestartService, lambda _: self._end(Ending.RESTART))
        bus.register(RestartMining, lambda _: self._end(Ending.RELOAD))
        bus.register(RebootMachine, self._reboot)
        bus.register(SetLogLevel, self._set_log_level)

    async def end(self) -> None:
        """Let a reboot that is under way be asked for."""
        await asyncio.gather(*self._reboots)

    async def load(self) -> None:
        """Nothing: it keeps no state of its own."""

    async def _end(self, ending: Ending) -> None:
        log.info("on an order the service %s", ending)
        self.ending = ending
        asyncio.get_running_loop().call_later(REPLY_S, self.asked.set)

    async def _set_log_level(self, order: SetLogLevel) -> None:
        if order.level not in LEVELS:
            known = ", ".join(LEVELS)
            raise CommandError("unknown-level", f'"{order.level}" is none of {known}')
        set_level(order.level)

    # Settings ------------------------------------------------------------------------------------

    async def _save(self, order: SaveConfig) -> str:
        path = self._saver.path
        if path is None:
            raise CommandError("unwritable", "no file of settings is in use")
        if order.name:
            if not FILE_NAME.fullmatch(order.name):
                cure = "give a name without a folder that ends with .toml"
                raise CommandError("unwritable", f'"{order.name}" is no name for it; {cure}')
            path = path.with_name(order.name)
        try:
            await self._saver.save_to(path)
        except (OSError, ConfigError) as exc:
            log.warning("settings are not saved: %s: %s", path, exc)
            raise CommandError("unwritable", f"{path}: {exc}") from exc
        return str(path)

    async def _reset(self, _: ResetConfig) -> str:
        path = self._saver.path
        config = Config(api=self._saver.config.api)
        backup = ""
        if path is not None:
            text = self._defaults(config)
            try:
                backup = await asyncio.to_thread(reset_file, path, text)
            except OSError as exc:
                raise CommandError("unwritable", f"{path}: {exc.strerror or exc}") from exc
        self._saver.adopt(config)
        await self._end(Ending.RELOAD)
        return backup

    # The machine ---------------------------------------------------------------------------------

    async def _reboot(self, _: RebootMachine) -> None:
        if not self._saver.config.api.allow_reboot:
            cure = "set api.allow_reboot = true in its file of settings"
            raise CommandError("not-allowed", f"the owner has not allowed it; {cure}")
        from luxminer.reboot import Rebooter  # 2 ms, for what hardly ever happens

        rebooter = Rebooter(self._programs)
        reason = await rebooter.why_not()
        if reason:
            raise CommandError("not-possible", reason)
        task = asyncio.create_task(_reboot_later(rebooter.reboot), name="reboot")
        self._reboots.add(task)
        task.add_done_callback(self._reboots.discard)


async def _reboot_later(reboot: Callable[[], Awaitable[bool]]) -> None:
    await asyncio.sleep(REPLY_S)
    log.warning("on an order the machine restarts")
    if not await reboot():
        log.error("the machine does not restart: systemctl reboot failed")
