"""The product finds real blocks: pool job, virtual stick, verified share, real hash."""

from pathlib import Path

import pytest

from luxminer.hashing import kernel
from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.blocks import blocks
from luxminer_hil.fakepool.server import FakePool
from tests.integration.rig import assert_balanced, config_for, running, until

LEAD = 50_000
"""Nonces that the chip which finds the block tries before: its share of a task has more of them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", blocks())
async def test_a_real_block_is_found_and_delivered(name: str, tmp_path: Path) -> None:
    block = blocks()[name]
    chips = block.best_chips
    scale = min(1.0, 12e6 / (55e6 * 150 * chips))  # 12 MH/s for the whole stick
    if kernel() == "portable":
        scale /= 8
    skip = max(block.nonce_position % ((256 // chips) << 24) - LEAD // chips, 0)
    async with (
        FakePool(difficulty="network", block=name, seed=1) as pool,
        VirtualStick(
            "terminus",
            chips=chips,
            scale=f"{scale:.9f}",
            skip=skip,
            seed=1,
            port=PtyPort(tmp_path / "tty"),
        ) as stick,
        running(config_for([stick], [pool]), tmp_path) as daemon,
    ):
        await pool.wait_for_shares(1, 60)
        share = next(share for share in pool.shares if share.is_block)
        assert share.block_hash is not None
        assert share.block_hash[::-1].hex() == block.block_hash
        assert share.nonce == block.nonce
        now = await until(daemon, lambda s: s.shares.accepted > 0, 5, "accepted")
        assert now.shares.found_blocks >= 1
        assert now.nonces.hw_errors == 0
        assert_balanced(now)
    written = tmp_path / "blocks" / f"{block.block_hash}.json"
    assert block.header.hex() in written.read_text()
