"""``luxminer-hil node``: a Bitcoin node that judges blocks, in a process of its own.

Prints the URL of its RPC, then one JSON line for every block that is handed in, and at the end one
with the calls it had.
"""

import argparse
import asyncio
import json
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError
from luxminer_hil.fakenode import CHAINS, FakeNode, Judged, NodeSettings
from luxminer_hil.fakenode.proof import shown
from luxminer_hil.fakenode.script import play, read_script, read_step_words
from luxminer_hil.scripting.language import Script, ScriptError
from luxminer_hil.serving import listen, read_place, serving

__all__ = ["COMMAND"]

DEFAULT_LISTEN = "127.0.0.1:18443"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default=DEFAULT_LISTEN, help="port 0 takes a free one"
    )
    parser.add_argument("--chain", choices=tuple(CHAINS), default="regtest")
    parser.add_argument(
        "--bits", metavar="HEX", help="target of blocks, as 1d00ffff; else the chain's easiest"
    )
    parser.add_argument("--height", metavar="N", type=int, help="of the last block there is")
    parser.add_argument("--transactions", metavar="N", type=int, help="that wait to be mined")
    parser.add_argument("--login", metavar="USER:PASSWORD", help="of its RPC")
    parser.add_argument("--cookie", metavar="FILE", type=Path, help="write a login there, too")
    parser.add_argument("--seed", metavar="N", type=int, help="of everything random")
    parser.add_argument("--script", metavar="FILE", type=Path, help="what it does, and when")
    parser.add_argument(
        "--step",
        metavar="WORDS",
        action="append",
        default=[],
        help='one step of a script in words: "when=submitblock times=1 do=cut after=true"',
    )


def run(options: argparse.Namespace) -> int:
    return asyncio.run(serve(read_settings(options), read_steps(options)))


def read_settings(options: argparse.Namespace) -> NodeSettings:
    """Read the options. Raises ConfigError."""
    host, port = read_place(options.listen, "--listen", DEFAULT_LISTEN)
    given = {
        "height": options.height,
        "transactions": options.transactions,
        "login": options.login,
        "cookie_file": options.cookie,
        "seed": options.seed,
    }
    chosen = {key: value for key, value in given.items() if value is not None}
    bits = options.bits or "00000000"
    if not re.fullmatch(r"[0-9a-fA-F]{8}", bits):
        cure = "write eight hexadecimal digits, as 1d00ffff"
        raise ConfigError(f"{bits!r} is no target", key="--bits", cure=cure)
    try:
        return NodeSettings(
            host=host,
            port=port,
            chain=options.chain,
            bits=int(bits, 16),
            **chosen,
        )
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc


def read_steps(options: argparse.Namespace) -> Script:
    """Join what --script and --step say. Raises ConfigError."""
    script = Script()
    if options.script is not None:
        try:
            script = read_script(options.script)
        except ScriptError as exc:
            raise ConfigError(str(exc), key=str(options.script)) from exc
    try:
        steps = tuple(read_step_words(words) for words in options.step)
    except ScriptError as exc:
        raise ConfigError(str(exc), key="--step") from exc
    return replace(script, steps=script.steps + steps)


async def serve(settings: NodeSettings, script: Script) -> int:
    """Serve until a signal, or until nobody reads the lines any more."""
    place = f"{settings.host}:{settings.port}"
    async with serving() as (say, stopped):

        def report(judged: Judged) -> None:
            say(json.dumps(as_json(judged)))

        async with AsyncExitStack() as stack:
            made = FakeNode(settings, on_block=report, steps=script.steps)
            node = await listen(stack, made, place, "--listen")
            say(node.url)
            playing = asyncio.create_task(play(script, node))
            await stopped.wait()
            playing.cancel()
            await asyncio.wait({playing})
            height = node.chain.height
        say(json.dumps({"summary": {"height": height, "calls": dict(sorted(node.calls.items()))}}))
    return ExitCode.OK


def as_json(judged: Judged) -> dict[str, object]:
    """Describe a block that was handed in; ``result`` is null when it was taken."""
    block = judged.block
    outputs = block.txs[0].outputs if block.txs else ()
    return {
        "block": shown(judged.digest),
        "result": judged.result,
        "version": f"{block.version:08x}",
        "transactions": len(block.txs),
        "coinbase": block.txs[0].inputs[0].script.hex() if block.txs else "",
        "outputs": [{"value": each.value, "script": each.script.hex()} for each in outputs],
    }


COMMAND = CliCommand(
    name="node",
    words="a Bitcoin node that judges blocks and prints one JSON line for each",
    configure=configure,
    run=run,
)
