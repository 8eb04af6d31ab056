"""Results on the disk: read once, written now and then, never on the event loop.

What must be there before something dangerous is done is written at once, see `Keeper.write`.
"""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from luxminer.tuning.results import ResultFile, Results

__all__ = ["SAVE_S", "Keeper"]

log = logging.getLogger(__name__)

SAVE_S = 60.0
"""At most one write in this time: cards wear out."""

WRITE_S = 10.0
"""For a write that somebody waits for; cards take seconds now and then."""

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
        self._is_unreadable = False
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
            self._is_unreadable = True
            return
        self._saved = loaded.encode()
        for identity, result in loaded.items():
            course = result.course
            self.results.put(identity, replace(result, course=course.after_death()))
            if course.trial is not None:
                words = "this counts as failed" if course.trial in course.suspects else "once more"
                log.warning(
                    "the service died while stick %s was tried at %s: %s",
                    *(identity, course.trial, words),
                )

    async def write(self) -> bool:
        """Write what has changed; False when the disk has not got it.

        Without a state directory there is nothing to wait for.
        """
        if self._is_unreadable:
            return False
        try:
            async with asyncio.timeout(WRITE_S):
                return await self._save()
        except TimeoutError:
            log.warning("results of tuning are not saved: the disk does not answer")
            return False

    async def save_when_due(self, now_s: float) -> None:
        """Write what has changed, unless that was just done."""
        if now_s >= self._next_s:
            self._next_s = now_s + self._save_s
            await self._save()

    async def end(self) -> None:
        """Write what has changed, but do not wait for a disk that hangs. Nothing is tried now."""
        self.results.close_all()
        try:
            async with asyncio.timeout(END_S):
                await self._save()
        except TimeoutError:
            log.warning("results of tuning are not saved: the disk does not answer")

    async def _save(self) -> bool:
        """Write what has changed, after a write that is still under way; False when it failed."""
        await self._written()
        content = self.results.encode()
        if self._file is None or content == self._saved:
            return True
        task = asyncio.create_task(asyncio.to_thread(self._file.save, content), name="save tuning")
        self._writing = (task, content)
        await self._written()
        return content == self._saved

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
