"""Real blocks: their parts prove each other, and a miner that starts at zero finds them again."""

import json
from importlib import resources
from typing import Any

import pytest

from luxminer_hil.fakepool import FakePool, blocks
from tests.unit.fakepool.raw_client import RawMiner, sha256d

ROWS: list[dict[str, Any]] = json.loads(
    resources.files("luxminer_hil.fakepool").joinpath("blocks.json").read_text()
)["blocks"]
NAMES = [row["name"] for row in ROWS]
KNOWN_HASHES = {
    "main-0": "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    "main-1": "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048",
    "main-100000": "000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506",
}
"""Known to everybody, to show that the file holds the real ones."""


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_the_parts_of_a_block_give_its_hash(row: dict[str, Any]) -> None:
    header = bytes.fromhex(row["header"])
    assert len(header) == 80
    root = sha256d(bytes.fromhex(row["coinbase"]))
    for node in row["branch"]:
        root = sha256d(root + bytes.fromhex(node))
    assert header[36:68] == root
    assert sha256d(header)[::-1].hex() == row["block_hash"]
    assert row["block_hash"] == KNOWN_HASHES.get(row["name"], row["block_hash"])
    assert row["block_hash"].startswith("00000000")


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_position_and_best_number_of_chips(row: dict[str, Any]) -> None:
    position = int(row["header"][152:], 16)
    needed = {}
    for chips in range(1, 13):
        starts = [index * (256 // chips) << 24 for index in range(chips)]
        needed[chips] = chips * min(position - start + 1 for start in starts if start <= position)
    assert row["nonce_position"] == position
    assert row["hashes"] == needed[row["best_chips"]] == min(needed.values())


def test_the_package_has_what_it_needs() -> None:
    assert set(KNOWN_HASHES) <= set(blocks())
    assert sum(block.chain == "main" for block in blocks().values()) >= 3
    assert min(block.hashes for block in blocks().values()) < 1_000_000, "one is found at once"


@pytest.mark.parametrize("sizes", [(4, 4), (0, 8), (16, 16), (7, 1)], ids=str)
@pytest.mark.parametrize("name", NAMES)
async def test_the_first_extranonce2_and_the_real_nonce_give_the_real_block(
    name: str, sizes: tuple[int, int]
) -> None:
    block = blocks()[name]
    async with FakePool(
        block=name, difficulty=1, extranonce1_size=sizes[0], extranonce2_size=sizes[1]
    ) as pool:
        async with await RawMiner.connect(pool.port) as miner:
            await miner.login(mask="1fffe000")
            assert miner.size == sizes[1]
            first = "00" * miner.size
            header = miner.header(extranonce2=first, nonce=block.nonce)
            assert header == block.header
            ntime, nonce = miner.job[7], f"{block.nonce:08x}"
            share = ["rig.1", miner.job[0], first, ntime, nonce]
            assert await miner.submit(*share, "00002000") == (None, 20), "rolling is off"
            assert await miner.submit(*share, "00000000") == (True, None)
        ledger = pool.ledger()
        assert (ledger.accepted, ledger.blocks) == (1, 1)
        assert pool.shares[-1].is_block
        assert pool.shares[-1].as_json()["hash"] == block.block_hash


@pytest.mark.slow
async def test_a_search_from_zero_finds_the_block() -> None:
    block = blocks()["test3-180480"]
    async with (
        FakePool(block=block.name, difficulty="network") as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        head = miner.header(extranonce2="00" * miner.size, nonce=0)[:76]
        target = 0xFFFF << 208
        for position in range(block.nonce_position + 1):
            digest = sha256d(head + position.to_bytes(4, "big"))
            if int.from_bytes(digest, "little") <= target:
                break
        assert digest[::-1].hex() == block.block_hash
        nonce = f"{int.from_bytes(position.to_bytes(4, 'big'), 'little'):08x}"
        share = ["rig.1", miner.job[0], "00" * miner.size, miner.job[7], nonce]
        assert await miner.submit(*share) == (True, None)


async def test_a_block_in_between_takes_the_extranonce_and_gives_it_back() -> None:
    block = blocks()["main-1"]
    async with (
        FakePool(difficulty="0.000001", seed=30, job_interval_s=0.05) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login(mask="1fffe000")
        own = miner.extranonce1
        await pool.new_job(block="main-1", clean=True, difficulty="network")
        genesis = "0a8ce26f72b3f1b646a2a6c14ff763ae65831e939c085ae10019d66800000000"
        while (await miner.until("mining.notify"))[1] != genesis:
            pass
        assert miner.extranonce1 == "00000000"
        assert miner.difficulty == 1
        masks = [line["params"] for line in miner.lines if "version_mask" in line.get("method", "")]
        assert masks == [["00000000"]]
        await miner.until("mining.ping")
        assert miner.lines[-2]["method"] == "mining.notify", "no job of the timer comes between"
        share = ["rig.1", miner.job[0], "00000000", miner.job[7], f"{block.nonce:08x}"]
        weak = miner.mine(start=7, wanted=False)
        assert await miner.submit(*weak.params()) == (None, 23), "only the real nonce counts"
        assert await miner.submit(*share) == (True, None), "no bits to send"
        await pool.new_job(clean=True, difficulty="0.000001")
        await miner.until("mining.notify")
        assert miner.extranonce1 == own
        assert miner.lines[-3]["params"] == ["1fffe000"]
        assert await miner.submit(*miner.mine(bits=0x2000).params(), "00002000") == (True, None)
