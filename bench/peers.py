"""A pool and virtual sticks in a process of their own, so that they take no time of who measures.

Prints one JSON line with ``pool`` (its URL) and ``ports`` once they are there, and one line
``share`` for each share that it accepts. Each line on its input makes the pool send a job, a clean
one for ``clean``. Ends with its input.
"""

import argparse
import asyncio
import contextlib
import json
import sys
from fractions import Fraction
from pathlib import Path

from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.ledger import ShareRecord
from luxminer_hil.fakepool.server import FakePool

MODEL = "compac"


def tell(record: ShareRecord) -> None:
    if record.accepted:
        print("share", flush=True)


async def serve(folder: Path, sticks: int, scale: Fraction, difficulty: Fraction) -> None:
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async with contextlib.AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            FakePool(difficulty=difficulty, seed=1, on_share=tell)
        )
        ports = []
        for number in range(sticks):
            port = PtyPort(folder / f"chip{number}")
            stick = VirtualStick(MODEL, scale=scale, seed=number, port=port)
            ports.append((await stack.enter_async_context(stick)).path)
        print(json.dumps({"pool": pool.url, "ports": ports}), flush=True)
        while order := await orders.readline():
            await pool.new_job(clean=order == b"clean\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sticks", type=int)
    parser.add_argument("scale", type=Fraction)
    parser.add_argument("difficulty", type=Fraction)
    options = parser.parse_args()
    asyncio.run(serve(options.folder, options.sticks, options.scale, options.difficulty))


if __name__ == "__main__":
    main()
