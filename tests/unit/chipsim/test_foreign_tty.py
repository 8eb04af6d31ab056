"""A host of the Icarus kind on a tty, at the rate of a real stick: the bytes that it waits for."""

import asyncio
import os
import termios
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick

DETECTION = bytes.fromhex(
    "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a"
    "000000000000000000000000000000000000000087320b1a1426674f2fa722ce"
)
"""Block 171874 without its nonce: cgminer and bfgminer send it to find out what answers."""

NONCE = bytes.fromhex("000187a2")
ANSWERS = {"compac": NONCE + b"\x80", "u1": NONCE + b"\x80", "blockerupter": NONCE}

LIMIT_S = 5.0
"""A busy machine may take long; the original waits 0.1 s."""


class Tty:
    """A descriptor as a C program has it."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        settings = termios.tcgetattr(self.fd)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(self.fd, termios.TCSANOW, settings)

    async def read(self, length: int) -> bytes:
        data = b""
        async with asyncio.timeout(LIMIT_S):
            while len(data) < length:
                try:
                    data += os.read(self.fd, length - len(data))
                except BlockingIOError:
                    await asyncio.sleep(0.002)
        return data


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
            os.write(line.fd, DETECTION)
            assert await line.read(len(ANSWERS[model])) == ANSWERS[model]


@pytest.mark.parametrize("model", ANSWERS)
@pytest.mark.parametrize("cut", [1, 30, 63])
async def test_a_job_in_two_writes_is_one_job(model: str, cut: int, tmp_path: Path) -> None:
    """The second part comes while the line is still busy with the first: there is no gap."""
    async with opened(model, tmp_path) as line:
        os.write(line.fd, DETECTION[:cut])
        os.write(line.fd, DETECTION[cut:])
        assert await line.read(len(ANSWERS[model])) == ANSWERS[model]


async def test_a_compac_answers_a_count_and_what_its_clock_is(tmp_path: Path) -> None:
    async with opened("compac", tmp_path) as line:
        os.write(line.fd, bytes.fromhex("84000011"))
        assert (await line.read(5)).hex() == "1384000013"
        os.write(line.fd, bytes.fromhex("82078211"))
        await asyncio.sleep(0.02)
        os.write(line.fd, bytes.fromhex("84000400"))
        assert (await line.read(5))[:4].hex() == "800f0002"
