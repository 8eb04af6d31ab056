"""``luxminer-hil replay``: a recording as a stick, as a host, or as golden vectors."""

import argparse
import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError
from luxminer.transport.opening import open_port
from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.record.as_host import HostReplay, replay_as_host
from luxminer_hil.record.as_stick import ReplayStick, serve_on_tty, session_of
from luxminer_hil.record.events import Do
from luxminer_hil.record.load import Recording, load
from luxminer_hil.record.vectors import DEFAULT_MOST, to_vectors

__all__ = ["COMMAND", "judged"]


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what `record` has written")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--as-stick", action="store_true", help="on a tty, for any miner")
    what.add_argument("--as-host", metavar="PORT", help="towards the stick on that port")
    what.add_argument("--vectors", type=Path, metavar="OUT", help="write golden vectors instead")
    parser.add_argument("--link", type=Path, metavar="PATH", help="name of the tty")
    parser.add_argument("--session", type=int, default=0, metavar="N", help="opening, from 0 on")
    parser.add_argument(
        "--tolerant", action="store_true", help="other work, other nonces, other times are fine"
    )
    parser.add_argument(
        "--most", type=int, default=DEFAULT_MOST, help="vectors of a kind (%(default)s)"
    )


def _run(options: argparse.Namespace) -> int:
    recording = load(options.file)
    if options.vectors is not None:
        return _write_vectors(recording, options)
    try:
        if options.as_stick:
            return asyncio.run(_as_stick(recording, options))
        return asyncio.run(_as_host(recording, options))
    except SimulatorError as exc:
        raise ConfigError(exc.reason, key=f"--{exc.key}", cure=exc.cure) from exc


def _write_vectors(recording: Recording, options: argparse.Namespace) -> int:
    document = to_vectors(recording, session=options.session, most=options.most)
    try:
        with options.vectors.open("x", encoding="ascii") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
    except FileExistsError as exc:
        raise ConfigError("is there already", key=str(options.vectors)) from exc
    for kind, vectors in document["vectors"].items():
        print(f"{kind}: {len(vectors)}")
    return ExitCode.OK


async def _as_stick(recording: Recording, options: argparse.Namespace) -> int:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[str] = loop.create_future()
    ready.add_done_callback(_say_path)
    lines = session_of(recording, options.session)
    serving = asyncio.create_task(
        serve_on_tty(lines, options.link, ready, tolerant=options.tolerant)
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, serving.cancel)
    await asyncio.wait({serving})
    ready.cancel()
    if serving.cancelled():
        print("stopped before the end of the recording")
        return ExitCode.FAILED
    return _judge_host(serving.result())


def _say_path(ready: "asyncio.Future[str]") -> None:
    if not ready.cancelled():
        print(ready.result(), flush=True)


def _judge_host(stick: ReplayStick) -> int:
    """Print how the host kept to the recording."""
    part = stick.part
    if stick.departure is not None:
        print(f"the host departs at {stick.departure}")
        return ExitCode.FAILED
    for departure in part.departures:
        print(f"differs at {departure}")
    print(f"all was replayed; {part.bytes_differing} bytes of the host differ")
    return ExitCode.OK


async def _as_host(recording: Recording, options: argparse.Namespace) -> int:
    lines = session_of(recording, options.session)
    first = next((line.event for line in recording.lines if line.event.do is Do.OPEN), None)
    transport = await open_port(options.as_host, first.number if first and first.number else 115200)
    try:
        result = await replay_as_host(transport, lines, tolerant=options.tolerant)
    finally:
        await transport.close()
    for words in judged(result, recording.header.model, tolerant=options.tolerant):
        print(words)
    return ExitCode.OK if result.is_same else ExitCode.FAILED


def judged(result: HostReplay, model: str, *, tolerant: bool) -> Iterator[str]:
    """Yield how a stick kept to a recording, and if it did not, what to do about it."""
    for difference in result.differences:
        yield f"{'not as recorded' if tolerant else 'the stick departs'} at {difference}"
    yield (
        f"{result.writes} writes; {result.answers_came} of {result.answers} recorded answers came,"
        f" {result.bytes_more} bytes besides"
    )
    missing = result.answers - result.answers_came
    recorded = model or "stick"
    if result.is_same and missing:
        yield f"the same, as far as --tolerant goes: {result.tolerated} answers may be missing"
    elif not result.is_same and tolerant:
        yield (
            f"another stick: {len(result.differences)} steps are not as recorded, and --tolerant "
            f"accepts {result.tolerated} of {result.answers}; play it to a {recorded} with the "
            "chips and the scale of the recorded one"
        )
    elif not result.is_same:
        yield (
            "a stick that mines finds other nonces at other times; add --tolerant, or play it to a "
            f"{recorded} that answers as the recorded one"
        )


COMMAND = CliCommand(
    name="replay",
    words="replay a recording as a stick or as a host, or make vectors of it",
    configure=_configure,
    run=_run,
)
