"""What a script can make a pool do: the table of actions, and what each does on a `FakePool`.

An action runs at once; what takes time, such as a cut, returns a coroutine, which goes on beside
the script.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from luxminer_hil.fakepool import fuzz, readers
from luxminer_hil.fakepool.corpus import Corpus
from luxminer_hil.fakepool.dialogue import ACCEPTED, EVENTS
from luxminer_hil.fakepool.judge import Reason
from luxminer_hil.fakepool.orders import MAX_EXTRANONCE2, MAX_RAW_BYTES, Orders
from luxminer_hil.fakepool.peer import Peer
from luxminer_hil.fakepool.replaying import Replay
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.scripting import values
from luxminer_hil.scripting.language import (
    MOMENTS,
    Action,
    Key,
    Script,
    ScriptError,
    Step,
    Vocabulary,
    optional,
    read_document,
    read_words,
)

__all__ = ["ACTIONS", "POOL", "Scene", "read_script", "read_step_words"]

Work = Coroutine[Any, Any, object]


class Scene(NamedTuple):
    """Where an action happens."""

    pool: FakePool
    only: Peer | None
    """The client that set it off; None for all of them."""
    random: Random
    start: Callable[[Work], object]
    """Goes on with something beside the script."""

    @property
    def orders(self) -> Orders:
        return self.pool.orders

    @property
    def peers(self) -> Sequence[Peer]:
        return self.orders.everyone if self.only is None else [self.only]

    @property
    def peers_or_all(self) -> Sequence[Peer] | None:
        """None where those that connect later are meant, too."""
        return None if self.only is None else [self.only]


def cut(scene: Scene, seconds: float) -> None:
    """Not waited for, so that steps inside its time still happen at theirs."""
    scene.start(scene.pool.cut(seconds))


def hang_up(scene: Scene) -> None:
    for peer in scene.peers:
        peer.drop("by script")


def reset(scene: Scene, half: bool) -> None:
    if half:
        scene.orders.half_a_job(scene.peers)
    for peer in scene.peers:
        peer.reset()


def reconnect(scene: Scene, host: str | None, port: int | None, wait_s: int) -> None:
    params: list[object] = [] if host is None else [host, port or scene.pool.port, wait_s]
    scene.orders.tell(scene.peers, "client.reconnect", params)


def raw(scene: Scene, text: str | None, hex_bytes: bytes | None, repeat: int) -> None:
    """Send text with a line feed after it, and bytes as they are."""
    if text is not None:
        scene.orders.raw(scene.peers, (text.encode() + b"\n") * repeat)
    if hex_bytes is not None:
        scene.orders.raw(scene.peers, hex_bytes * repeat)


def lines(scene: Scene, lines: Corpus, gap_s: float) -> None:
    scene.start(send_lines(scene, lines, gap_s))


async def send_lines(scene: Scene, corpus: Corpus, gap_s: float) -> None:
    """Send what is left, then hang up: what miners believe now is not what the pool does."""
    await asyncio.sleep(gap_s)
    while any(peer.is_open for peer in scene.peers):
        line = corpus.next_for()
        if line is None:
            hang_up(scene)
            return
        scene.orders.raw(scene.peers, line + b"\n")
        await asyncio.sleep(gap_s)


def fuzzed(scene: Scene, count: int) -> None:
    for peer in scene.peers:
        session = peer.dialogue.session
        if session is not None:
            job = scene.pool.job
            params = job.notify_params(session.extranonce, clean=job.clean)
            for _ in range(count):
                peer.send_bytes(fuzz.bad_line(scene.random, params) + b"\n")


def refuse(scene: Scene, users: tuple[str, ...]) -> None:
    scene.pool.core.refuse = users


def answer(scene: Scene, on: bool) -> None:
    scene.pool.core.answer_submits = on


def jobs(scene: Scene, on: bool) -> None:
    scene.pool.core.sends_jobs = on
    if on:
        scene.orders.announce()


def replay(scene: Scene, file: Replay, speed: float) -> None:
    scene.pool.stop_timer()
    file.begin(scene.pool.core)
    scene.start(file.play(scene.pool, speed))


def load_corpus(given: dict[str, Any]) -> dict[str, Any]:
    if given["lines"] is not None:
        given["lines"] = Corpus(given["lines"])
    return given


def load_replay(given: dict[str, Any]) -> dict[str, Any]:
    return given | {"file": Replay.read(given["file"])}


def check_reply(given: dict[str, Any]) -> dict[str, Any]:
    if sum(given[key] is not None for key in ("result", "error", "text", "lines")) > 1:
        raise ScriptError("says more than one thing", cure="give one of result, error, text, lines")
    error = given["error"]
    if isinstance(error, list) and len(error) == 2:
        given["error"] = [*error, None]  # TOML has no null
    return load_corpus(given)


def check_raw(given: dict[str, Any]) -> dict[str, Any]:
    longest = max(len(given["text"] or "") + 1, len(given["hex_bytes"] or b""))
    if longest * given["repeat"] > MAX_RAW_BYTES:
        raise ScriptError(f"makes more than {MAX_RAW_BYTES} bytes")
    return given


def told_by_cues(_scene: Scene, **_values: object) -> None:
    """Do nothing more: an answer is given where the question is read; see `cues`."""


ACTIONS: dict[str, Action] = {
    "job": Action(
        {
            "clean": optional(values.flag, default=False),
            "new_block": optional(values.flag),
            "difficulty": optional(readers.job_difficulty),
            "same_id": optional(values.flag, default=False),
        },
        lambda scene, **wishes: scene.orders.job(**wishes) and None,
    ),
    "block": Action(
        {
            "block": Key(readers.block),
            "clean": optional(values.flag, default=True),
            "difficulty": optional(readers.job_difficulty),
        },
        lambda scene, **wishes: scene.orders.job(**wishes) and None,
    ),
    "jobs": Action({"on": Key(values.flag)}, jobs),
    "difficulty": Action(
        {"value": Key(readers.difficulty)}, lambda scene, value: scene.orders.difficulty(value)
    ),
    "vardiff": Action(
        {
            "per_minute": Key(values.number(0.01, 100_000)),
            "low": optional(readers.difficulty, default="0.000000001"),
            "high": optional(readers.difficulty, default=10**30),
        },
        lambda scene, **wishes: scene.orders.vary(scene.peers, **wishes),
    ),
    "extranonce": Action(
        {"size": optional(values.integer(0, MAX_EXTRANONCE2))},
        lambda scene, size: scene.orders.extranonce(scene.peers, size),
    ),
    "version_mask": Action(
        {"mask": Key(readers.mask)}, lambda scene, mask: scene.orders.version_mask(mask)
    ),
    "refuse": Action({"users": optional(readers.list_of_texts, default=("*",))}, refuse),
    "answer": Action({"on": Key(values.flag)}, answer),
    "reply": Action(
        {
            "result": optional(values.any_value),
            "error": optional(values.any_value),
            "text": optional(values.text),
            "lines": optional(values.file_name),
        },
        told_by_cues,
        check_reply,
        only_on=True,
    ),
    "reconnect": Action(
        {
            "host": optional(values.text),
            "port": optional(values.integer(1, 65535)),
            "wait_s": optional(values.integer(0, 100_000), default=0),
        },
        reconnect,
    ),
    "message": Action(
        {"text": Key(values.text)},
        lambda scene, text: scene.orders.tell(scene.peers, "client.show_message", [text]),
    ),
    "ping": Action({}, lambda scene: scene.orders.call(scene.peers, "mining.ping")),
    "version": Action({}, lambda scene: scene.orders.call(scene.peers, "client.get_version")),
    "mute": Action(
        {
            "on": optional(values.flag, default=True),
            "deaf": optional(values.flag, default=False),
        },
        lambda scene, **wishes: scene.orders.mute(scene.peers_or_all, **wishes),
    ),
    "delay": Action(
        {"seconds": Key(values.seconds)},
        lambda scene, seconds: scene.orders.delay(scene.peers_or_all, seconds),
    ),
    "trickle": Action(
        {"bytes": Key(values.integer(0, 1 << 20)), "seconds": Key(values.seconds)},
        lambda scene, **wishes: scene.orders.trickle(
            scene.peers_or_all, wishes["bytes"], wishes["seconds"]
        ),
    ),
    "disconnect": Action({}, hang_up),
    "reset": Action({"half": optional(values.flag, default=False)}, reset),
    "cut": Action({"seconds": Key(values.seconds)}, cut),
    "raw": Action(
        {
            "text": optional(values.text),
            "hex_bytes": optional(values.octets),
            "repeat": optional(values.integer(1, MAX_RAW_BYTES), default=1),
        },
        raw,
        check_raw,
    ),
    "lines": Action(
        {"lines": Key(values.file_name), "gap_s": optional(values.seconds, default=0.05)},
        lines,
        load_corpus,
    ),
    "fuzz": Action({"count": optional(values.integer(1, 1000), default=1)}, fuzzed),
    "replay": Action(
        {"file": Key(values.file_name), "speed": optional(values.number(0.001, 1e6), default=1.0)},
        replay,
        load_replay,
    ),
}
"""What ``do`` may say, its keys, and what is done."""

POOL = Vocabulary(
    actions=ACTIONS,
    events=EVENTS,
    moments=tuple(MOMENTS),
    verdicts=(ACCEPTED, *Reason),
)


def read_script(path: Path) -> Script:
    """Read a script for a pool. Raises ScriptError."""
    return read_document(path, POOL)


def read_step_words(words: str) -> Step:
    """Read a step as a command line has it: ``when=authorize do=mute``. Raises ScriptError."""
    return read_words(words, POOL)
