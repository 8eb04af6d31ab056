"""``luxminer-hil pool``: a judging pool in a process of its own.

Prints the URL, then one JSON line for every share, and at the end one with the counts.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError
from luxminer_hil.fakepool import (
    FakePool,
    PoolSettings,
    ScriptError,
    ShareRecord,
    Step,
    blocks,
    play,
    read_script,
)

__all__ = ["COMMAND"]

DEFAULT_LISTEN = "127.0.0.1:3333"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default=DEFAULT_LISTEN, help="port 0 takes a free one"
    )
    parser.add_argument(
        "--difficulty",
        metavar="D",
        default="1",
        help='of shares, exact: 0.001; "network" for that of the block',
    )
    parser.add_argument("--script", metavar="FILE", type=Path, help="what to do when")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of everything random")
    parser.add_argument("--job-interval", metavar="S", type=float, default=30.0)
    parser.add_argument(
        "--clean-every", metavar="N", type=int, default=0, help="every N-th job is a new block"
    )
    parser.add_argument(
        "--block", metavar="NAME", default="", help=f"a real one: {', '.join(blocks())}"
    )
    parser.add_argument("--extranonce2-size", metavar="N", type=int, default=4)
    parser.add_argument(
        "--version-mask", metavar="HEX", default="1fffe000", help="00000000: no version rolling"
    )
    parser.add_argument("--no-resume", action="store_true", help="forget sessions that disconnect")


def run(options: argparse.Namespace) -> int:
    settings = read_settings(options)
    steps: list[Step] = []
    if options.script is not None:
        try:
            steps = list(read_script(options.script).steps)
        except ScriptError as exc:
            raise ConfigError(str(exc), key=str(options.script)) from exc
    try:
        return asyncio.run(serve(settings, steps))
    except OSError as exc:
        place = f"{settings.host}:{settings.port}"
        reason = f"cannot listen on {place}: {exc.strerror or exc}"
        raise ConfigError(
            reason, key="--listen", cure="use another port, or 0 for a free one"
        ) from exc


def read_settings(options: argparse.Namespace) -> PoolSettings:
    """Raise ConfigError for an option that no pool can have."""
    host, colon, port = options.listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit():
        raise ConfigError(
            f"{options.listen!r} is no HOST:PORT", key="--listen", cure=f"write {DEFAULT_LISTEN}"
        )
    if not re.fullmatch(r"[0-9a-fA-F]{8}", options.version_mask):
        raise ConfigError(
            f"{options.version_mask!r} is no mask",
            key="--version-mask",
            cure="write eight hexadecimal digits, as 1fffe000",
        )
    try:
        return PoolSettings(
            host=host.strip("[]") or "127.0.0.1",
            port=int(port),
            seed=options.seed,
            difficulty=options.difficulty,
            job_interval_s=options.job_interval,
            clean_every=options.clean_every,
            block=options.block,
            extranonce2_size=options.extranonce2_size,
            version_mask=int(options.version_mask, 16),
            resume=not options.no_resume,
        )
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc


async def serve(settings: PoolSettings, steps: list[Step]) -> int:
    """Serve until SIGINT or SIGTERM, or until nobody reads the lines any more."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)

    def say(line: str) -> None:
        try:
            print(line, flush=True)
        except BrokenPipeError:
            with Path(os.devnull).open("w") as nowhere:  # or the interpreter fails at its end
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            stopped.set()

    def report(share: ShareRecord) -> None:
        say(json.dumps(share.as_json()))

    async with FakePool(settings, on_share=report) as pool:
        say(pool.url)
        script = asyncio.create_task(play(pool, steps))
        script.add_done_callback(lambda task: stopped.set() if failure(task) else None)
        try:
            await stopped.wait()
        finally:
            script.cancel()
            await asyncio.wait([script])
        if error := failure(script):
            raise error
        say(json.dumps({"summary": pool.ledger().as_json()}))
    return ExitCode.OK


def failure(task: asyncio.Task[None]) -> BaseException | None:
    return None if task.cancelled() else task.exception()


COMMAND = CliCommand(
    name="pool",
    words="a stratum pool that checks every share and prints one JSON line for each",
    configure=configure,
    run=run,
)
