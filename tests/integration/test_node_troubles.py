"""Every way in which a node fails: who takes over, how soon, and what is said of it."""

import asyncio
from dataclasses import dataclass, replace

import pytest

from luxminer.config.schema import PoolConfig
from luxminer.pool.watchdog import DEAD_AFTER_S
from luxminer_hil.fakenode import FakeNode, NodeSettings
from luxminer_hil.fakenode.script import read_step_words
from luxminer_hil.fakepool.server import FakePool
from tests.unit.pool.manager_rig import managing
from tests.unit.stratum.client_rig import QUICK, until

PAYOUT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

SILENCE_S = 5.0
"""The node is asked for a template after half of it."""

BOUND_S = SILENCE_S + 2.0
"""Until another pool has the work: the time limit, and the second or so between two looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    code: str
    steps: tuple[str, ...] = ()
    is_gone: bool = False
    at_start: bool = False
    """It is so from the first call on; else only after it has given work."""
    says: str = ""


ROWS = (
    Row(code="POOL_UNREACHABLE", is_gone=True, says="no connection"),
    Row(code="POOL_LOGIN_REFUSED", steps=("do=status status=401",), says="refuses the login"),
    Row(code="NODE_NOT_READY", steps=('do=error code=-10 message="initial sync"',), says="sync"),
    Row(code="NODE_NOT_READY", steps=('do=error code=-28 message="Loading"',), says="Loading"),
    Row(code="NODE_NOT_READY", steps=('do=error code=-9 message="no peers"',), says="no peers"),
    Row(code="NODE_NO_TEMPLATE", steps=('do=error code=-1 message="odd"',), says="odd"),
    Row(code="NODE_NO_TEMPLATE", steps=("do=hang seconds=100",)),
    Row(code="NODE_NO_TEMPLATE", steps=("do=result value=7",)),
    Row(code="NODE_WRONG_CHAIN", at_start=True, says="is no address of the chain"),
    Row(code="NODE_REFUSES_BLOCKS", at_start=True, says="would refuse our blocks"),
)


def steps_of(row: Row) -> list[str]:
    match row.code:
        case "NODE_WRONG_CHAIN":
            return ['when=getblockchaininfo do=result value=\'{"chain":"main"}\'']
        case "NODE_REFUSES_BLOCKS":
            return ["when=proposal do=result value=bad-cb-length"]
        case _:
            return [f"when={call} {step}" for step in row.steps for call in CALLS]


CALLS = ("getblocktemplate", "longpoll", "getblockchaininfo")


async def play(row: Row) -> tuple[float, float]:
    """Return how long it took until the pool had the work, and until the event was there."""
    loop = asyncio.get_running_loop()
    config = replace(QUICK, silence_timeout_s=SILENCE_S, failback_s=60.0)
    async with FakePool(difficulty="1e-7") as pool, FakeNode(NodeSettings()) as node:
        steps = [read_step_words(words) for words in steps_of(row)]
        if row.at_start:
            node.follow(steps)
        solo = PoolConfig(url=node.url, payout=PAYOUT)
        async with managing(solo, PoolConfig(url=pool.url, user="me.rig"), config=config) as rig:
            if not row.at_start:
                await until(lambda: rig.mined and rig.mined[0].pool_id == 0, "work of the node")
                await rig.all_alive(2)
                if row.is_gone:
                    await node.__aexit__()
                node.follow(steps)
            began_s = loop.time()
            await until(lambda: rig.mined and rig.mined[0].pool_id == 1, f"{row}: the pool", 20.0)
            moved_s = loop.time() - began_s

            def codes() -> dict[str, str]:
                return {event.code: event.text for event in rig.manager.events.snapshot()}

            await until(lambda: row.code in codes(), f"{row}: {codes()}", DEAD_AFTER_S + 10.0)
            told_s = loop.time() - began_s
            shown = rig.manager.snapshots()[0]
            assert row.says in codes()[row.code]
            assert row.says in shown.problem
            assert shown.status.name == "DEAD"
            assert rig.mined[0].pool_id == 1
    return moved_s, told_s


@pytest.mark.slow
async def test_the_next_pool_works_and_the_owner_is_told_why() -> None:
    for row, (moved_s, told_s) in zip(ROWS, await asyncio.gather(*map(play, ROWS)), strict=True):
        print(f"{row.code:22}{row.says:30}{moved_s:6.1f} s{told_s:6.1f} s")
        assert moved_s < BOUND_S, row
        assert told_s < moved_s + DEAD_AFTER_S + 3.0, row
