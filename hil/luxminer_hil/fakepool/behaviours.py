"""The behaviours that are shipped: one small script each in ``scripts/``, by the file's name."""

import asyncio
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from luxminer_hil.fakepool import readers
from luxminer_hil.fakepool.actions import read_script
from luxminer_hil.fakepool.ledger import ShareRecord
from luxminer_hil.fakepool.player import Player
from luxminer_hil.fakepool.recording import SessionRecorder
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.fakepool.settings import PoolSettings
from luxminer_hil.scripting import values
from luxminer_hil.scripting.language import Script, ScriptError, Step, read_value

__all__ = [
    "SCRIPTS",
    "behaviour_names",
    "find_script",
    "joined",
    "list_behaviours",
    "load_script",
    "scripted_pool",
]

SCRIPTS = Path(__file__).parent / "scripts"

SETTINGS: Mapping[str, values.Reader] = {
    "difficulty": readers.job_difficulty,
    "job_interval_s": values.seconds,
    "clean_every": values.integer(0, 1_000_000),
    "block": readers.block,
    "max_branches": values.integer(0, 32),
    "extranonce1_size": values.integer(0, 16),
    "extranonce2_size": values.integer(0, 200),
    "version_mask": readers.mask,
    "ntime_window_s": values.integer(0, 7200),
    "resume": values.flag,
    "offer_session": values.flag,
    "suggestions": values.flag,
    "job_before_authorize": values.flag,
    "refuse": readers.list_of_texts,
    "tls": values.text,
    "tls_names": readers.list_of_texts,
}
"""What a script may say in ``[pool]``: settings that have to do with behaviour."""


def behaviour_names(folder: Path = SCRIPTS) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.toml"))


def find_script(name: str, folder: Path = SCRIPTS) -> Path:
    """Return the file of a shipped behaviour, or ``name`` as a path. Raises ScriptError."""
    known = behaviour_names(folder)
    if name in known:
        return folder / f"{name}.toml"
    if "/" not in name and "." not in name:
        near = get_close_matches(name, known, 1)
        cure = f"did you mean {near[0]}?" if near else "--list shows those there are"
        raise ScriptError(f"no behaviour {name!r}", cure=cure)
    return Path(name)


def load_script(name: str) -> Script:
    """Read a shipped behaviour or a file, settings included. Raises ScriptError."""
    script = read_script(find_script(name))
    settings = {}
    for key, value in script.settings.items():
        if key not in SETTINGS:
            near = get_close_matches(key, SETTINGS, 1)
            cure = f"did you mean {near[0]}?" if near else f"one of {', '.join(SETTINGS)}"
            raise ScriptError("unknown setting of [pool]", key=key, cure=cure)
        settings[key] = read_value(SETTINGS[key], value, 0, key)
    return Script(words=script.words, settings=settings, steps=script.steps)


def joined(scripts: Iterable[Script]) -> Script:
    """Make one of several: all steps, and of a setting the last one."""
    settings: dict[str, Any] = {}
    steps: list[Step] = []
    for script in scripts:
        settings |= script.settings
        steps += script.steps
    return Script(settings=settings, steps=tuple(steps))


@asynccontextmanager
async def scripted_pool(
    *scripts: str | Script,
    settings: PoolSettings | None = None,
    on_share: Callable[[ShareRecord], None] | None = None,
    recorder: SessionRecorder | None = None,
    on_end: Callable[[], object] | None = None,
    wall: Callable[[], float] = time.time,
    **changes: Any,
) -> AsyncIterator[FakePool]:
    """Open a pool that behaves as scripts say: names of shipped ones, paths, or read ones.

    ``settings`` are complete; without them scripts have their say, and ``changes`` the last.
    ``on_end`` is called when a step failed, whose error is raised at the end. Raises ScriptError,
    ValueError and OSError as the parts do.
    """
    script = joined(each if isinstance(each, Script) else load_script(each) for each in scripts)
    if settings is None:
        settings = PoolSettings(**dict(script.settings) | changes)
    pool = FakePool(settings, on_share=on_share, recorder=recorder, wall=wall)
    player = Player(pool, script.steps)
    async with pool:
        playing = asyncio.create_task(player.run())
        if on_end is not None:
            playing.add_done_callback(lambda task: on_end() if failure(task) else None)
        try:
            yield pool
        finally:
            playing.cancel()
            await asyncio.wait([playing])
        if error := failure(playing):
            raise error


def failure(task: asyncio.Task[None]) -> BaseException | None:
    """Return what ended a player; the first of several."""
    error = None if task.cancelled() else task.exception()
    return error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error


def list_behaviours(folder: Path = SCRIPTS) -> list[str]:
    """Return a line for each shipped behaviour: its name, and what it does."""
    names = behaviour_names(folder)
    widest = max(map(len, names), default=0)
    return [f"{name:{widest}}  {first_words(folder / f'{name}.toml')}" for name in names]


def first_words(path: Path) -> str:
    words = tomllib.loads(path.read_text())["words"]
    assert isinstance(words, str), path
    return words
