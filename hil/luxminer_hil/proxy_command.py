"""``luxminer-hil proxy``: a SOCKS5 or HTTP proxy in a process of its own.

Prints its URL, then one JSON line for every connection, with what was asked for and what became of
it.
"""

import argparse
import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError
from luxminer_hil.fakepool import ScriptError, SessionRecorder
from luxminer_hil.fakepool.behaviours import find_script, list_behaviours
from luxminer_hil.fakepool.proxy import Passage, Proxy, ProxySettings
from luxminer_hil.fakepool.proxy_actions import PROXY_SCRIPTS, read_proxy_script, read_proxy_step
from luxminer_hil.fakepool.tunnels import HTTP, SOCKS5
from luxminer_hil.scripting.language import Step
from luxminer_hil.serving import listen, read_place, serving

__all__ = ["COMMAND"]

DEFAULT_LISTEN = "127.0.0.1:1080"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default=DEFAULT_LISTEN, help="port 0 takes a free one"
    )
    parser.add_argument("--kind", choices=(SOCKS5, HTTP), default=SOCKS5)
    parser.add_argument("--user", metavar="U", default="", help="only who says this may pass")
    parser.add_argument("--password", metavar="P", default="")
    parser.add_argument(
        "--name",
        metavar="NAME=HOST",
        action="append",
        default=[],
        help="a host name, and where it really leads: pool.onion=127.0.0.1",
    )
    parser.add_argument(
        "--anywhere", action="store_true", help="listen on, and connect to, other than loopback"
    )
    parser.add_argument(
        "--script",
        metavar="NAME|FILE",
        action="append",
        default=[],
        help="how it misbehaves: a name from --list or a file; may be given again",
    )
    parser.add_argument(
        "--step",
        metavar="WORDS",
        action="append",
        default=[],
        help='"when=tunnel do=cut bytes=500"',
    )
    parser.add_argument("--list", action="store_true", help="say what each behaviour does")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of everything random")
    parser.add_argument(
        "--record", metavar="FILE", type=Path, help="write down every line, for a pool to replay"
    )


def run(options: argparse.Namespace) -> int:
    if options.list:
        print("\n".join(list_behaviours(PROXY_SCRIPTS)))
        return ExitCode.OK
    steps = read_steps(options)
    return asyncio.run(serve(read_settings(options), steps, options))


def read_steps(options: argparse.Namespace) -> list[Step]:
    """Raise ConfigError for what is no script or step of a proxy."""
    steps: list[Step] = []
    for name in options.script:
        try:
            steps += read_proxy_script(find_script(name, PROXY_SCRIPTS)).steps
        except ScriptError as exc:
            raise ConfigError(str(exc), key=name) from exc
    for words in options.step:
        try:
            steps.append(read_proxy_step(words))
        except ScriptError as exc:
            raise ConfigError(str(exc), key="--step") from exc
    return steps


def read_settings(options: argparse.Namespace) -> ProxySettings:
    host, port = read_place(options.listen, "--listen", DEFAULT_LISTEN)
    names = {}
    for pair in options.name:
        name, equals, place = pair.partition("=")
        if not name or not equals or not place:
            raise ConfigError(
                f"{pair!r} is no NAME=HOST", key="--name", cure="write pool.onion=127.0.0.1"
            )
        names[name.lower()] = place
    try:
        return ProxySettings(
            kind=options.kind,
            host=host,
            port=port,
            user=options.user,
            password=options.password,
            names=names,
            anywhere=options.anywhere,
            seed=options.seed,
        )
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc


async def serve(settings: ProxySettings, steps: list[Step], options: argparse.Namespace) -> int:
    """Serve until a signal, or until nobody reads the lines any more."""
    async with serving() as (say, stopped), AsyncExitStack() as stack:

        def report(passage: Passage) -> None:
            say(json.dumps(passage.as_json()))

        recorder = None
        if options.record is not None:
            recorder = stack.enter_context(SessionRecorder(options.record, place=settings.kind))
        made = Proxy(settings, steps=steps, on_passage=report, recorder=recorder)
        proxy = await listen(stack, made, options.listen, "--listen")
        say(proxy.url)
        await stopped.wait()
    return ExitCode.OK


COMMAND = CliCommand(
    name="proxy",
    words="a SOCKS5 or HTTP proxy that prints what is asked of it, and can misbehave",
    configure=configure,
    run=run,
)
