"""Commands about pools and groups: what is asked of the owner, and what is answered."""

import json
from typing import Any

import pytest

from luxminer.api.render import to_json
from luxminer.api.requests import Request
from luxminer.control import (
    AddGroup,
    Command,
    RemoveGroup,
    SetPoolOptions,
    SetPoolQuota,
    SetPriority,
    SetQuota,
)
from luxminer.errors import CommandError
from tests.unit.api.snapshots import OWNER, Rig, bare_miner

ORDERS = (AddGroup, RemoveGroup, SetPoolOptions, SetPoolQuota, SetPriority, SetQuota)


async def ask(
    command: str, parameter: str, *, answer: Any = None, rig: Rig | None = None
) -> tuple[int, str, list[Command]]:
    """Return code, text, and the orders that were given."""
    rig, orders = rig or Rig(), []

    async def take(order: Command) -> Any:
        orders.append(order)
        if isinstance(answer, Exception):
            raise answer
        return answer

    for kind in ORDERS:
        rig.bus.register(kind, take)
    reply = await rig.dispatcher.handle(Request(command, parameter), OWNER)
    status = json.loads(to_json(reply))["STATUS"][0]
    return status["Code"], status["Msg"], orders


@pytest.mark.parametrize(
    ("command", "parameter", "answer", "code", "text", "order"),
    [
        ("poolpriority", "2,0", None, 73, "Changed pool priorities", SetPriority(pool_ids=(2, 0))),
        (
            "poolquota",
            "1,3",
            None,
            122,
            "Set pool 'stratum+tcp://pool1.example:3333' to quota 3'",
            SetPoolQuota(pool_id=1, quota=3.0),
        ),
        ("addgroup", "night,2", 1, 360, "Added group 1:'night'", AddGroup(name="night", quota=2.0)),
        ("removegroup", "0", None, 361, "Removed group 0:'default'", RemoveGroup(group_id=0)),
        (
            "groupquota",
            "0,2.5",
            None,
            362,
            "Set group 0:'default' to quota 2.5",
            SetQuota(group_id=0, quota=2.5),
        ),
        (
            "pooloptsset",
            "failback_s=30,connect_timeout_s=5",
            None,
            364,
            "Changed pool options",
            SetPoolOptions(options={"failback_s": 30.0, "connect_timeout_s": 5.0}),
        ),
    ],
)
async def test_orders(
    command: str, parameter: str, answer: Any, code: int, text: str, order: Command
) -> None:
    got_code, got_text, orders = await ask(command, parameter, answer=answer)
    assert (got_code, orders) == (code, [order])
    assert got_text == text.replace("stratum+tcp://pool1.example:3333", Rig().snapshot.pools[1].url)


@pytest.mark.parametrize(
    ("command", "parameter", "code", "said"),
    [
        ("poolpriority", "", 25, "Missing pool id parameter"),
        ("poolpriority", "0,9", 26, "Invalid pool id 9 - range is 0 - 2"),
        ("poolquota", "", 25, "Missing pool id parameter"),
        ("poolquota", "1", 86, "Missing config value N for '1,N'"),
        ("poolquota", "7,1", 26, "Invalid pool id 7 - range is 0 - 2"),
        ("poolquota", "1,-3", 121, "Invalid negative number (-3)"),
        ("addgroup", "", 406, "name"),
        ("addgroup", "night", 406, "quota"),
        ("addgroup", "night,many", 408, "many"),
        ("removegroup", "5", 407, "Invalid group id 5"),
        ("groupquota", "0", 406, "quota"),
        ("groupquota", "0,-1", 408, "-1"),
        ("pooloptsset", "failback_s", 409, "Invalid key/value format"),
        ("pooloptsset", "colour=1", 410, "colour"),
        ("pooloptsset", "failback_s=-1", 408, "-1"),
    ],
)
async def test_what_is_wrong_is_said(command: str, parameter: str, code: int, said: str) -> None:
    got_code, text, orders = await ask(command, parameter)
    assert (got_code, orders) == (code, [])
    assert said in text


async def test_a_pool_named_twice_and_one_that_is_gone_meanwhile() -> None:
    assert await ask("poolpriority", "0,1,2,1") == (74, "Duplicate pool specified 1", [])
    gone = CommandError("unknown-pool", "there is no pool 1")
    assert (await ask("poolpriority", "1", answer=gone))[0] == 26


async def test_without_pools() -> None:
    rig = Rig(bare_miner())
    assert (await ask("poolpriority", "0", rig=rig))[:2] == (8, "No pools")
