"""The jobs of a recorded session, sent again with their times.

Of the recording counts one connection, the first with a job. What it was told by its pool is told
to everybody: extranonce, version mask, difficulties, jobs and messages. A job that can be read is
judged like any other; one that cannot is sent as it stands, and shares for it are "unjudged".
"""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from luxminer_hil.fakepool.core import PoolCore
from luxminer_hil.fakepool.jobs import Extranonce, Job
from luxminer_hil.fakepool.proof import exact_difficulty, json_number, nbits_target
from luxminer_hil.fakepool.recording import Heard, read_recording
from luxminer_hil.scripting.language import ScriptError

if TYPE_CHECKING:
    from luxminer_hil.fakepool.server import FakePool

__all__ = ["Replay", "Told", "read_told"]

MAX_TOLD = 1_000_000
MAX_EXTRANONCE = 256
MAX_JOB_ID = 256
MAX_BRANCHES = 64
HEX = re.compile(r"([0-9a-fA-F]{2})*\Z")
HASH = re.compile(r"[0-9a-fA-F]{64}\Z")
U32 = re.compile(r"[0-9a-fA-F]{1,8}\Z")
"""Some pools leave leading zeros out."""


class Told(NamedTuple):
    """One thing that the recorded pool said; ``raw`` is its line."""

    t_s: float
    what: Fraction | int | Job | None
    """Difficulty, version mask or job, with its extranonce; None for what is only passed on."""
    raw: bytes
    job_id: str = ""
    """Of a job that cannot be read."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A recording that is ready to be played."""

    before: tuple[Told, ...] = field(repr=False)
    """Up to the first job."""
    after: tuple[Told, ...] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raise ScriptError for a file without a job."""
        told = read_told(read_recording(path))
        first = next((at for at, each in enumerate(told) if isinstance(each.what, Job)), None)
        if first is None:
            raise ScriptError(f"{path} has no job that can be read")
        return cls(tuple(told[: first + 1]), tuple(told[first + 1 :]))

    def begin(self, core: PoolCore) -> None:
        """Make the state of the pool that of the recording at its first job."""
        for told in self.before:
            if told.what is not None:
                apply(core, told.what)

    async def play(self, pool: "FakePool", speed: float) -> None:
        """Wait for the first login, then say everything at its time."""
        while not pool.users:
            await pool.wait_for_change(60.0)
        loop = asyncio.get_running_loop()
        started_s, first_s = loop.time(), self.before[-1].t_s
        for told in self.after:
            await asyncio.sleep(started_s + (told.t_s - first_s) / speed - loop.time())
            say(pool, told)


def say(pool: "FakePool", told: Told) -> None:
    core, orders = pool.core, pool.orders
    if isinstance(told.what, Job):
        core.use_job(told.what)
        orders.announce()
    elif isinstance(told.what, Fraction):
        orders.difficulty(told.what)
    elif isinstance(told.what, int):
        orders.version_mask(told.what)
    elif told.what is None:
        if told.job_id:
            core.forget_job(told.job_id)
        orders.raw(orders.everyone, told.raw + b"\n")


def apply(core: PoolCore, what: Fraction | int | Job) -> None:
    if isinstance(what, Job):
        core.use_job(what)
    elif isinstance(what, Fraction):
        core.set_difficulty(what)
    elif isinstance(what, int):
        core.version_mask = what


def read_told(lines: Iterable[Heard]) -> list[Told]:
    """Return what the recorded pool said on the first connection with a job."""
    readers: dict[int, Reader] = {}
    for heard in lines:
        reader = readers.setdefault(heard.connection, Reader())
        reader.read(heard)
        if len(reader.told) > MAX_TOLD:
            raise ScriptError(f"the recording says more than {MAX_TOLD} things")
    with_jobs = [
        each for each in readers.values() if any(isinstance(t.what, Job) for t in each.told)
    ]
    return with_jobs[0].told if with_jobs else []


class Reader:
    """Follows one connection of a recording."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._asked: dict[object, str] = {}
        self._extranonce: Extranonce | None = None

    def read(self, heard: Heard) -> None:
        try:
            message = json.loads(heard.line, parse_float=Decimal)
        except (ValueError, RecursionError):
            return
        if not isinstance(message, dict):
            return
        number, method = message.get("id"), message.get("method")
        if heard.to_pool:
            if isinstance(number, int | str) and len(self._asked) < MAX_TOLD:
                self._asked[number] = str(method)
        elif "method" in message:
            params = message.get("params")
            self._call(heard, method, params if isinstance(params, list) else [])
        elif isinstance(number, int | str):
            self._reply(heard, self._asked.pop(number, ""), message.get("result"))

    def _reply(self, heard: Heard, method: str, result: Any) -> None:
        match method, result:
            case "mining.subscribe", [_, str(fixed), int(size)]:
                self._extranonce = extranonce(fixed, size)
            case "mining.configure", {"version-rolling.mask": str(text)} if U32.match(text):
                self._tell(heard, int(text, 16))

    def _call(self, heard: Heard, method: object, params: list[Any]) -> None:
        match method, params:
            case "mining.notify", [job_id, *_]:
                job = read_job(params, self._extranonce)
                self._tell(heard, job, "" if job else str(job_id))
            case "mining.set_difficulty", [value, *_]:
                self._tell(heard, difficulty(value))
            case "mining.set_version_mask", [str(text), *_] if U32.match(text):
                self._tell(heard, int(text, 16))
            case "mining.set_extranonce", [str() | None as fixed, int(size), *_]:
                kept = self._extranonce.fixed.hex() if self._extranonce else ""
                changed = extranonce(kept if fixed is None else fixed, size)
                self._extranonce = changed or self._extranonce
            case "client.show_message", _:
                self._tell(heard, None)

    def _tell(self, heard: Heard, what: Fraction | int | Job | None, job_id: str = "") -> None:
        self.told.append(Told(heard.t_s, what, heard.line, job_id))


def extranonce(fixed: str, size: int) -> Extranonce | None:
    if (
        isinstance(size, bool)
        or not HEX.match(fixed)
        or not 0 <= size <= MAX_EXTRANONCE
        or len(fixed) > 2 * MAX_EXTRANONCE
    ):
        return None
    return Extranonce(bytes.fromhex(fixed), size)


def difficulty(value: object) -> Fraction | None:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return None
    try:
        exact = exact_difficulty(value)
        json_number(exact)
    except ValueError:
        return None
    return exact


def read_job(params: list[Any], own: Extranonce | None) -> Job | None:
    """Make the job of a notify; None where a value is not what it must be."""
    if len(params) < 8 or not isinstance(params[0], str) or len(params[0]) > MAX_JOB_ID:
        return None
    job_id, prevhash, coinb1, coinb2, branch, *numbers = params[:8]
    texts = [prevhash, coinb1, coinb2, *numbers]
    if not all(isinstance(text, str) for text in texts) or not HASH.match(prevhash):
        return None
    if not HEX.match(coinb1) or not HEX.match(coinb2) or not all(map(U32.match, numbers)):
        return None
    if not isinstance(branch, list) or len(branch) > MAX_BRANCHES:
        return None
    if not all(isinstance(node, str) and HASH.match(node) for node in branch):
        return None
    version, nbits, ntime = (int(text, 16) for text in numbers)
    try:
        nbits_target(nbits)
    except ValueError:
        return None
    words = bytes.fromhex(prevhash)
    return Job(
        job_id=job_id,
        prev_hash=b"".join(words[at : at + 4][::-1] for at in range(0, 32, 4)),
        before=bytes.fromhex(coinb1),
        script_head=None,
        after=bytes.fromhex(coinb2),
        branch=tuple(bytes.fromhex(node) for node in branch),
        version=version,
        nbits=nbits,
        ntime=ntime,
        clean=len(params) > 8 and params[8] is True,
        extranonce=own,
    )
