"""Writes accepted orders to the file of settings: only what changed, and never half of it.

An order says by its row in a table (`Saver.keep`) what it makes of the settings; a moment later
all that was ordered is merged into the file as it is by then, with what its owner has changed
meanwhile. A file that would not be right afterwards is left alone, and the service goes on with
what it has.
"""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from luxminer.config.schema import Config
from luxminer.control import Command, CommandBus
from luxminer.errors import ConfigError
from luxminer.telemetry.events import EventKind, EventLog
from luxminer.telemetry.model import EventTarget, Severity

__all__ = ["Edit", "Saver", "reset_file", "save_changes", "section", "write_keeping_mode"]

log = logging.getLogger(__name__)

BATCH_S = 0.5
"""Orders of this time are written together."""
RETRY_S = 60.0
"""What could not be written is tried again, as long as nothing new is ordered."""
NEW_FILE = "# Settings of luxminer; `luxminer.toml` of the package explains each.\n"
NEW_FILE_MODE = 0o600
"""It may hold passwords of pools."""

NOT_SAVED = EventKind(
    code="CONFIG_NOT_SAVED",
    severity=Severity.WARNING,
    target=EventTarget.MINER,
    cure="what was changed holds until the service ends",
)

C = TypeVar("C", bound=Command)
Edit = Callable[[Config, C], Config]
"""What an accepted order makes of the settings."""


def section(name: str, settings: Callable[[C], Mapping[str, Any]]) -> Edit[C]:
    """Return the edit that sets what ``settings`` makes of an order in one section."""

    def edit(config: Config, order: C) -> Config:
        return replace(config, **{name: replace(getattr(config, name), **settings(order))})

    return edit


class Saver:
    """Keeps the settings as orders have changed them, and the file alike.

    ``path`` None, and ``api.autosave`` false, keep them in memory alone. ``check`` refuses, by
    ConfigError, settings with which the service would not start.
    """

    def __init__(
        self,
        config: Config,
        path: Path | None,
        *,
        bus: CommandBus,
        events: EventLog,
        check: Callable[[Config], None],
    ) -> None:
        self.config = config
        """The settings as they are now."""
        self.path = path
        self._saved = config
        self._events = events
        self._check = check
        self._edits: dict[type[Command], Edit[Any]] = {}
        self._changed = asyncio.Event()
        bus.listen(self._accepted)

    def keep(self, order: type[C], edit: Edit[C]) -> None:
        """Save what orders of this type change."""
        assert order not in self._edits, order
        self._edits[order] = edit

    def _accepted(self, order: Command) -> None:
        edit = self._edits.get(type(order))
        if edit is not None:
            self.config = edit(self.config, order)
            self._changed.set()

    def adopt(self, config: Config) -> None:
        """Take note that the file says this now; what is ordered from here on is not saved."""
        self.config = self._saved = config
        self._edits.clear()

    @property
    def is_saved(self) -> bool:
        return self.config == self._saved

    # Life ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self.is_saved else RETRY_S):
                    await self._changed.wait()
            await asyncio.sleep(BATCH_S)
            self._changed.clear()
            await self.save()

    async def load(self) -> None:
        """Nothing: the settings were read before anything began."""

    async def end(self) -> None:
        await self.save()

    async def save(self) -> None:
        """Write what is not written yet; what goes wrong is told and keeps nobody from mining."""
        if self.is_saved or not self.config.api.autosave:
            return
        if self.path is None:
            self._failed("there is no file of settings")
            return
        with contextlib.suppress(OSError, ConfigError):
            await self.save_to(self.path)

    async def save_to(self, path: Path) -> None:
        """Write the settings to the file in use, or to another one beside it.

        Raises OSError, and ConfigError for a file that is left as it is.
        """
        config, source = self.config, self.path if self.path is not None else path
        before = self._saved
        try:
            await asyncio.to_thread(save_changes, source, before, config, self._check, path)
        except OSError as exc:
            if path == self.path:
                self._failed(f"{path} cannot be written: {exc.strerror or exc}")
            raise
        except ConfigError as exc:
            if path == self.path:
                self._failed(f"{path} is left as it is: {exc}")
            raise
        if path == self.path:
            self._saved = config
            self._events.clear(NOT_SAVED, None)

    def _failed(self, reason: str) -> None:
        self._events.note(NOT_SAVED, None, f"settings are not saved: {reason}")


# Files --------------------------------------------------------------------------------------------

_one_writer = threading.Lock()
"""A save that was given up may still be under way in its thread."""


def save_changes(
    path: Path,
    before: Config,
    after: Config,
    check: Callable[[Config], None],
    target: Path | None = None,
) -> None:
    """Make in a file, or in its copy ``target``, what differs between two settings. Blocks.

    The file is read anew: what its owner has changed meanwhile is kept. Raises OSError, and
    ConfigError with the file as it was.
    """
    # All of them are of no use to a miner that nobody changes.
    from luxminer.config.changes import apply, diff
    from luxminer.config.edit import edit
    from luxminer.config.load import parse, read

    with _one_writer:
        text = read(path) if path.exists() else NEW_FILE
        changes = diff(before, after)
        wanted = apply(parse(text), changes)
        edited = edit(text, changes)
        if parse(edited) != wanted:
            raise ConfigError(
                "the change does not fit into its form", cure="write one setting per line"
            )
        check(wanted)
        if target is None or target == path:
            if edited != text:
                write_keeping_mode(path, edited.encode())
            return
        if target.exists():
            parse(read(target))  # no other kind of file is overwritten
        write_keeping_mode(target, edited.encode())


def reset_file(path: Path, text: str) -> str:
    """Write a file of settings anew and keep the former one, with ``.bak`` behind its name.

    Return the path of the latter, empty where there was none, or the same. Blocks; raises OSError.
    """
    with _one_writer:
        backup = ""
        if path.exists():
            before = path.read_bytes()
            if before == text.encode():
                return backup
            kept = path.with_name(f"{path.name}.bak")
            write_keeping_mode(kept, before)
            kept.chmod(path.stat().st_mode & 0o7777)
            backup = str(kept)
        write_keeping_mode(path, text.encode())
        return backup


def write_keeping_mode(path: Path, data: bytes) -> None:
    """Replace a file by one of the same mode and owner, which is on the disk when this returns.

    A reader, also one after a power cut, finds the old content or the new one. Links are followed.
    Blocks; raises OSError, also for a file that its mode protects.
    """
    path = path.resolve()
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    before = path.stat() if path.exists() else None
    if before is not None and not os.access(path, os.W_OK):
        raise PermissionError(13, "its mode does not allow it", str(path))
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, NEW_FILE_MODE)
    try:
        with os.fdopen(number, "wb") as file:
            if before is not None:
                now = os.fstat(file.fileno())
                if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
                os.fchmod(file.fileno(), before.st_mode & 0o7777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
