"""Solo mining with a real Bitcoin node: its judgement, not that of code of ours.

Runs when a binary is given (``pytest --bitcoind PATH``) or found in the search path.
"""

import asyncio
import random
import shutil
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from luxminer.clock import SystemClock
from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.hashing import scan, swap32
from luxminer.node.client import NodeClient
from luxminer.node.settings import node_settings
from luxminer.stratum.events import Event, ShareSettled
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.work.generator import WorkGenerator
from luxminer.work.job import PoolJob, Share, WorkItem
from luxminer.work.target import difficulty_of_hash, target_le
from tests.oracles import sha256

REGTEST_PAYOUT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
SIGNET_PAYOUT = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"
START_S = 60.0
PIECE = 1 << 18
"""Nonces that are searched at a time."""


class RpcError(Exception):
    def __init__(self, error: Any) -> None:
        super().__init__(str(error))
        self.code = error.get("code") if isinstance(error, dict) else None


@dataclass
class Node:
    """A node of its own on this machine."""

    port: int
    cookie: Path

    async def call(self, method: str, *params: object) -> Any:
        login = b64encode(await asyncio.to_thread(self.cookie.read_bytes)).decode()
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Basic {login}"}
            request = {"id": 1, "method": method, "params": list(params)}
            url = f"http://127.0.0.1:{self.port}/"
            async with session.post(url, json=request, headers=headers) as reply:
                answer = await reply.json(content_type=None)
        if answer["error"] is not None:
            raise RpcError(answer["error"])
        return answer["result"]


@pytest.fixture
def binary(request: pytest.FixtureRequest) -> Path:
    """The node's program; without one the test is skipped, and says how to run it."""
    given = request.config.getoption("--bitcoind") or shutil.which("bitcoind")
    if not given:
        pytest.skip("there is no bitcoind here: name one with --bitcoind PATH")
    path = Path(given)
    assert path.is_file(), f"--bitcoind {path}: there is no such file"
    return path.resolve()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@asynccontextmanager
async def node_of(binary: Path, folder: Path, chain: str, *options: str) -> AsyncIterator[Node]:
    """Run a node without peers; it ends with the block."""
    node = Node(free_port(), folder / "cookie")
    process = await asyncio.create_subprocess_exec(
        str(binary),
        f"-{chain}",
        f"-datadir={folder}",
        f"-rpcport={node.port}",
        f"-rpccookiefile={node.cookie}",
        *("-server", "-listen=0", "-dnsseed=0", "-fixedseeds=0", "-printtoconsole=0"),
        *("-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1", "-fallbackfee=0.0001", *options),
    )
    try:
        await started(node, process)
        yield node
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(START_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def started(node: Node, process: asyncio.subprocess.Process) -> None:
    """Wait until the node answers."""
    async with asyncio.timeout(START_S):
        while True:
            assert process.returncode is None, f"bitcoind ended with {process.returncode}"
            with suppress(OSError, aiohttp.ClientError, RpcError):
                await node.call("getblockcount")
                return
            await asyncio.sleep(0.1)


class Solo:
    """A client at that node, and a miner that searches by hand."""

    def __init__(self, node: Node, payout: str, state_dir: Path) -> None:
        self.events: list[Event] = []
        config = PoolConfig(
            url=f"http://127.0.0.1:{node.port}",
            cookie_file=str(node.cookie),
            payout=payout,
            coinbase_text="/solo test/",
        )
        self.clock = SystemClock()
        self.client = NodeClient(
            pool_id=0,
            settings=node_settings(config),
            agent="luxminer-test",
            config=StratumConfig(retry_min_s=0.1, retry_max_s=0.5),
            clock=self.clock,
            rng=random.Random(11),
            state_dir=state_dir,
            listener=self.events.append,
            changed=lambda: None,
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.client.run())
            while True:
                await asyncio.sleep(0.2)
                self.client.tick(self.clock.monotonic())

    async def job_at(self, height: int, transactions: int = 0) -> PoolJob:
        """Wait for work on the block of this height, with that many transactions beside."""
        async with asyncio.timeout(START_S):
            while True:
                session, template = self.client.protocol, self.client._template
                if session is not None and template is not None:
                    count = len(template.transactions)
                    if (template.height, min(count, transactions)) == (height, transactions):
                        return session.current_job
                self.client._wanted.set()
                await asyncio.sleep(0.3)

    async def mine(self, job: PoolJob) -> tuple[str, ShareResult]:
        """Find and hand in a block; returns its hash as it is displayed."""
        share = await asyncio.to_thread(solve, job)
        self.client.submit(share)
        async with asyncio.timeout(START_S):
            while True:
                for event in self.events:
                    if isinstance(event, ShareSettled) and event.share is share:
                        return share.block_hash[::-1].hex(), event.result
                await asyncio.sleep(0.02)


def solve(job: PoolJob) -> Share:
    """Search until a header meets the network target."""
    generator = WorkGenerator(job)
    while True:
        work = generator.next(now_s=job.received_s)
        assert work is not None
        nonce = first_nonce(work)
        if nonce is not None:
            break
    header = work.versions[0].to_bytes(4, "little") + job.prev_hash + work.merkle_root[:28]
    found = sha256.double_sha256(header + work.tail + nonce.to_bytes(4, "little"))
    return Share(
        device_id=0,
        work=work,
        nonce=nonce,
        version=work.versions[0],
        block_hash=found,
        difficulty=difficulty_of_hash(found),
        is_block=True,
        found_s=0.0,
    )


def first_nonce(work: WorkItem) -> int | None:
    for first in range(0, 1 << 24, PIECE):
        target = target_le(work.job.network_target)
        found = scan(work.midstates[0], work.tail, first, PIECE, target, 1)
        if found:
            return swap32(found[0])
    return None


@asynccontextmanager
async def solo(node: Node, payout: str, state_dir: Path) -> AsyncIterator[Solo]:
    miner = Solo(node, payout, state_dir)
    task = asyncio.create_task(miner.run())
    try:
        yield miner
    finally:
        task.cancel()
        await asyncio.wait({task})
        miner.client.end()


async def check_block(node: Node, block_hash: str, payout: str, transactions: int) -> None:
    """Let the node tell what stands in its chain."""
    block = await node.call("getblock", block_hash, 2)
    assert block["confirmations"] >= 1
    assert len(block["tx"]) == 1 + transactions
    coinbase = block["tx"][0]
    assert coinbase["vout"][0]["scriptPubKey"]["address"] == payout
    assert b"/solo test/".hex() in coinbase["vin"][0]["coinbase"]
    paid = sum(output["value"] for output in coinbase["vout"])
    assert paid == coinbase["vout"][0]["value"] > 0


@pytest.mark.slow
async def test_the_first_blocks_of_a_chain(binary: Path, tmp_path: Path) -> None:
    """Heights up to 16 are spelt by opcodes, 17 is not."""
    async with (
        node_of(binary, tmp_path, "regtest") as node,
        solo(node, REGTEST_PAYOUT, tmp_path) as miner,
    ):
        for height in (1, 2, 3):
            found, result = await miner.mine(await miner.job_at(height))
            assert result.outcome is Outcome.ACCEPTED, result
            assert await node.call("getblockhash", height) == found
            await check_block(node, found, REGTEST_PAYOUT, 0)
        await node.call("generatetoaddress", 13, REGTEST_PAYOUT)
        found, result = await miner.mine(await miner.job_at(17))
        assert result.outcome is Outcome.ACCEPTED, result
        kept = tmp_path / "blocks" / f"{found}.hex"
        assert await asyncio.to_thread(kept.is_file)
        assert miner.client._tested
        assert not miner.client._doubtful


@pytest.mark.slow
async def test_a_block_with_transactions_and_their_witnesses(binary: Path, tmp_path: Path) -> None:
    async with node_of(binary, tmp_path, "regtest") as node:
        try:
            await node.call("createwallet", "miner")
        except RpcError as exc:
            pytest.skip(f"this bitcoind has no wallet to make transactions with: {exc}")
        own = await node.call("getnewaddress")
        await node.call("generatetoaddress", 104, own)
        for _ in range(3):
            await node.call("sendtoaddress", own, 1)
        async with solo(node, REGTEST_PAYOUT, tmp_path) as miner:
            found, result = await miner.mine(await miner.job_at(105, transactions=3))
            assert result.outcome is Outcome.ACCEPTED, result
            await check_block(node, found, REGTEST_PAYOUT, 3)
            assert await node.call("getrawmempool") == []
            again, result = await miner.mine(await miner.job_at(106))
            assert result.outcome is Outcome.ACCEPTED, result
            await node.call("invalidateblock", again)
            await miner.job_at(106)


@pytest.mark.slow
async def test_a_signet_that_anybody_may_mine(binary: Path, tmp_path: Path) -> None:
    async with (
        node_of(binary, tmp_path, "signet", "-signetchallenge=51") as node,
        solo(node, SIGNET_PAYOUT, tmp_path) as miner,
    ):
        found, result = await miner.mine(await miner.job_at(1))
        assert result.outcome is Outcome.ACCEPTED, result
        await check_block(node, found, SIGNET_PAYOUT, 0)
