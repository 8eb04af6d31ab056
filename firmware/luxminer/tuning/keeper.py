"""Results on the disk: read once, written now and then, never on the event loop."""

import asyncio
import logging
from pathlib import Path

from luxminer.tuning.results import ResultFile, Results

__all__ = ["SAVE_S", "Keeper"]

log = logging.getLogger(__name__)

SAVE_S = 60.0
"""At most one write in this time: cards wear out."""

END_S = 2.0
"""For the last write."""


class Keeper:
    """Keeps the file up with the results. Without a state directory they last as long as it."""

    def __init__(self, state_dir: Path | None, save_s: float = SAVE_S) -> None:
        self.results = Results()
        self._file = ResultFile(state_dir) if state_dir is not None else None
        self._save_s = save_s
        self._saved = b""
        self._next_s = float("-inf")
        self._is_failing = False
        self._writing: tuple[asyncio.Task[None], bytes] | None = None

    async def load(self) -> None:
        """Read the file. One that cannot be read is left alone, and nothing is saved."""
        if self._file is None:
            return
        try:
            loaded = await asyncio.to_thread(self._file.load)
        except OSError as exc:
            log.warning("results of tuning cannot be read, and are not saved: %s", exc)
            self._file = None
            return
        for identity, result in loaded.items():
            self.results.put(identity, result)
        self._saved = self.results.encode()

    async def save_when_due(self, now_s: float) -> None:
        """Write what has changed, unless that was just done."""
        if now_s >= self._next_s:
            self._next_s = now_s + self._save_s
            await self._save()

    async def end(self) -> None:
        """Write what has changed, but do not wait for a disk that hangs."""
        try:
            async with asyncio.timeout(END_S):
                await self._save()
        except TimeoutError:
            log.warning("results of tuning are not saved: the disk does not answer")

    async def _save(self) -> None:
        """Write what has changed, after a write that is still under way."""
        await self._written()
        content = self.results.encode()
        if self._file is None or content == self._saved:
            return
        task = asyncio.create_task(asyncio.to_thread(self._file.save, content), name="save tuning")
        self._writing = (task, content)
        await self._written()

    async def _written(self) -> None:
        """Wait for the write under way; being cancelled does not end it."""
        if self._writing is None:
            return
        task, content = self._writing
        await asyncio.wait({task})
        self._writing = None
        try:
            task.result()
        except OSError as exc:
            if not self._is_failing:
                log.warning("results of tuning cannot be saved: %s; is the disk full?", exc)
            self._is_failing = True
            return
        self._saved = content
        self._is_failing = False
