"""A host of the Icarus kind on a tty, at the rate of a real stick: the bytes that it waits for."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from tests.unit.chipsim.test_port import Tty

DETECTION = bytes.fromhex(
    "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a"
    "000000000000000000000000000000000000000087320b1a1426674f2fa722ce"
)
"""Block 171874 without its nonce: cgminer and bfgminer send it to find out what answers."""

NONCE = bytes.fromhex("000187a2")
ANSWERS = {"compac": NONCE + b"\x80", "u1": NONCE + b"\x80", "blockerupter": NONCE}


@asynccontextmanager
async def opened(model: str, folder: Path) -> AsyncIterator[Tty]:
    async with VirtualStick(model, port=PtyPort(folder / "tty")) as stick:
        line = Tty(stick.path)
        try:
            yield line
        finally:
            os.close(line.fd)


@pytest.mark.parametrize("model", ANSWERS)
async def test_the_detection_job_is_answered_to_the_byte(model: str, tmp_path: Path) -> None:
    async with opened(model, tmp_path) as line:
        for _ in range(2):
            line.write(DETECTION)
            assert await line.read(len(ANSWERS[model])) == ANSWERS[model]


@pytest.mark.parametrize("model", ANSWERS)
@pytest.mark.parametrize("cut", [1, 30, 63])
async def test_a_job_in_two_writes_is_one_job(model: str, cut: int, tmp_path: Path) -> None:
    """The second part comes while the line is still busy with the first: there is no gap."""
    async with opened(model, tmp_path) as line:
        line.write(DETECTION[:cut])
        line.write(DETECTION[cut:])
        assert await line.read(len(ANSWERS[model])) == ANSWERS[model]


async def test_a_compac_answers_a_count_and_what_its_clock_is(tmp_path: Path) -> None:
    async with opened("compac", tmp_path) as line:
        line.write(bytes.fromhex("84000011"))
        assert (await line.read(5)).hex() == "1384000013"
        line.write(bytes.fromhex("82078211"))
        await asyncio.sleep(0.02)
        line.write(bytes.fromhex("84000400"))
        assert (await line.read(5))[:4].hex() == "800f0002"
