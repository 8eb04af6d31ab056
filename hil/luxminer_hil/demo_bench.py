"""The hardware side of the demo as a process of its own: virtual sticks and a pool.

Talks JSON lines: says where sticks and pool are once they stand; answers each line on its standard
input with all counters; ends when that is closed.
"""

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from fractions import Fraction
from pathlib import Path

from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.server import FakePool

__all__ = ["main"]


async def serve(options: argparse.Namespace) -> None:
    """Keep sticks and pool until standard input ends."""
    loop = asyncio.get_running_loop()
    requests = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            FakePool(difficulty=Fraction(options.difficulty), seed=options.seed)
        )
        sticks = []
        for number in range(options.sticks):
            stick = VirtualStick(
                options.model,
                scale=Fraction(options.scale),
                seed=options.seed + number,
                port=PtyPort(Path(options.links) / f"stick{number}"),
            )
            sticks.append(await stack.enter_async_context(stick))
        _say({"pool": pool.url, "sticks": [stick.path for stick in sticks]})
        while await requests.readline():
            books = pool.ledger()
            _say(
                {
                    "sticks": [stick.counters().as_dict() for stick in sticks],
                    "accepted": books.accepted,
                    "rejected": sum(books.rejected.values()),
                }
            )


def _say(fields: dict[str, object]) -> None:
    print(json.dumps(fields), flush=True)


def main() -> int:
    """Run with the options that the demo gives."""
    parser = argparse.ArgumentParser(prog="demo-bench")
    parser.add_argument("--sticks", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--scale", required=True)
    parser.add_argument("--difficulty", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--links", required=True)
    asyncio.run(serve(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
