"""Antminer U1 and U2: clock, frames, decoder, and the driver against a scripted stick."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.device.contract import DeviceOptions
from luxminer.errors import ConfigError, FrameError, ProbeMismatch
from luxminer_drivers.bm1380 import facts
from luxminer_drivers.bm1380.codec import Decoder, NonceReply, WritePll, decode_command
from luxminer_drivers.bm1380.device import open_stick
from luxminer_drivers.bm1380.pll import Pll, choose_pll
from luxminer_drivers.bm1380.spec import SPEC
from luxminer_drivers.common.resync import TAIL_S, BadFrame
from luxminer_drivers.common.stick import ChainStick
from tests.oracles.crc import crc
from tests.unit.drivers.fake_erupter import ANSWERS, DETECT, FakeErupter
from tests.unit.drivers.fake_host import FakeHost
from tests.unit.drivers.warp import warped

KNOWN = {100.0: "0180", 150.0: "0280", 200.0: "0380", 250.0: "0480", 500.0: "4980"}


class FakeAntminer(FakeErupter):
    """Adds the job id to its answers."""

    def __init__(self, delay_s: float = 0.7) -> None:
        super().__init__(delay_s, suffix=b"\x80")
        self.answers = self._answer

    def _answer(self, task: bytes) -> bytes:
        bare = task[:51] + b"\0" + task[52:]
        self.suffix = bytes([0x80 | task[51]])
        return ANSWERS.get(bare, b"")

    async def write(self, data: bytes) -> None:
        if data == DETECT:
            self.suffix = b"\x80"
        await super().write(data)

    @property
    def commands(self) -> list[str]:
        return [data.hex() for _, data in self.written if len(data) == 4]

    @property
    def tasks(self) -> list[tuple[float, bytes]]:
        return [
            (at, data)
            for at, data in self.written
            if len(data) == 64 and any(data[:32]) and data != DETECT
        ]


def options(mhz: float = 250.0) -> DeviceOptions:
    return DeviceOptions(model=SPEC.models[0], frequency_mhz=mhz)


@contextlib.asynccontextmanager
async def running(
    antminer: FakeErupter, host: FakeHost, mhz: float = 250.0
) -> AsyncIterator[tuple[ChainStick, "asyncio.Task[None]"]]:
    stick = await open_stick(antminer, options(mhz))
    task = asyncio.create_task(stick.run(host))
    try:
        yield stick, task
    finally:
        task.cancel()
        await asyncio.wait({task})


# --- Clock ---------------------------------------------------------------------------------------


def test_every_multiple_of_the_step_is_exact() -> None:
    count = round((facts.MAX_MHZ - facts.MIN_MHZ) / facts.STEP_MHZ)
    clocks = [facts.MIN_MHZ + index * facts.STEP_MHZ for index in range(count + 1)]
    assert clocks[-1] == facts.MAX_MHZ
    assert [choose_pll(mhz).mhz for mhz in clocks] == clocks


@pytest.mark.parametrize(("mhz", "value"), KNOWN.items())
def test_known_clocks(mhz: float, value: str) -> None:
    assert f"{choose_pll(mhz).encode():04x}" == value


@given(st.integers(0, 63), st.integers(0, 15), st.integers(0, 3))
def test_every_clock_that_can_be_given_is_found_exactly(m: int, n: int, od: int) -> None:
    pll = Pll(m=m, n=n, od=od)
    assert Pll.decode(pll.encode()) == pll
    before_output = 25 * (m + 1) / (n + 1)
    assert pll.encode() >> 14 == (500 <= before_output <= 1000)
    if 100 <= pll.mhz <= 500:
        chosen = choose_pll(pll.mhz)
        assert chosen.mhz == pll.mhz
        assert (chosen.od, chosen.n) <= (od, n)


@given(st.floats(100, 500))
def test_no_other_clock_is_nearer(mhz: float) -> None:
    best = min(
        (25 * (m + 1) / ((n + 1) << od) for m in range(64) for n in range(16) for od in range(4)),
        key=lambda each: abs(each - mhz) if 100 <= each <= 500 else float("inf"),
    )
    assert abs(choose_pll(mhz).mhz - mhz) == abs(best - mhz)


@pytest.mark.parametrize("mhz", [99.9, 500.1, float("nan"), -1.0])
def test_no_clock_out_of_range(mhz: float) -> None:
    with pytest.raises(ValueError, match="100"):
        choose_pll(mhz)


# --- Frames --------------------------------------------------------------------------------------


@given(st.integers(0, 63), st.integers(0, 15), st.integers(0, 3))
def test_the_clock_command_is_sealed(m: int, n: int, od: int) -> None:
    command = WritePll(pll=Pll(m=m, n=n, od=od))
    raw = command.encode()
    assert raw[3] == crc(raw, 27, width=5, polynomial=0x05, initial=0x1F)
    assert decode_command(raw) == command


@given(st.integers(0, 31))
def test_a_flipped_bit_makes_it_no_command(bit: int) -> None:
    raw = bytearray(WritePll(pll=choose_pll(250)).encode())
    raw[bit // 8] ^= 0x80 >> bit % 8
    with pytest.raises(FrameError):
        decode_command(bytes(raw))


@pytest.mark.parametrize("raw", ["", "820480", "8404001a00", "84000011", "8500000f"])
def test_no_other_frame_is_a_clock_command(raw: str) -> None:
    with pytest.raises(FrameError):
        decode_command(bytes.fromhex(raw))


def test_a_wrong_nonce_is_told_from_junk_by_its_type() -> None:
    decoder = Decoder(lambda job_id, nonce: (job_id, nonce) == (3, 0x04030201))
    assert decoder.feed(b"\x01\x02\x03\x04\x83", 0.0) == [
        NonceReply(job_id=3, nonce=0x04030201, is_verified=True)
    ]
    assert decoder.feed(b"\x01\x02\x03\x05\x83", 0.0) == []
    assert decoder.expire(TAIL_S) == [NonceReply(job_id=3, nonce=0x05030201, is_verified=False)]
    assert decoder.feed(b"\x01\x02\x03\x05\x43", 0.0) == []
    assert [type(frame) for frame in decoder.expire(TAIL_S)] == [BadFrame]


# --- Driver --------------------------------------------------------------------------------------


@warped
async def test_bring_up_detects_sets_the_clock_settles_and_detects_again() -> None:
    antminer, host = FakeAntminer(), FakeHost()
    async with running(antminer, host):
        await asyncio.sleep(3)
    kinds = ["detect" if data == DETECT else data.hex() for _, data in antminer.written[:3]]
    assert kinds == ["detect", WritePll(pll=choose_pll(250)).encode().hex(), "detect"]
    assert antminer.written[2][0] - antminer.written[1][0] >= facts.CLOCK_SETTLE_S
    assert host.reports[-1].nominal_hs == pytest.approx(2e9)


@warped
async def test_every_nonce_is_its_work_and_ids_go_round_to_1e() -> None:
    antminer, host = FakeAntminer(), FakeHost()
    async with running(antminer, host):
        await asyncio.sleep(100)
    ids = [data[51] for _, data in antminer.tasks]
    assert len(ids) > 40
    assert ids[:32] == [*range(1, 31), 0, 1]
    assert host.right == len(host.claims) >= len(ids) - 1
    times = [at for at, _ in antminer.tasks]
    gaps = [later - at for at, later in pairwise(times)]
    full_scan_s = (1 << 32) / 2e9
    assert max(gaps) < full_scan_s


@warped
async def test_another_clock_is_set_at_once_and_settles() -> None:
    antminer, host = FakeAntminer(), FakeHost()
    async with running(antminer, host) as (stick, _):
        await asyncio.sleep(3)
        assert await stick.set_frequency(200) == 200
        await asyncio.sleep(3)
        assert host.reports[-1].frequency_mhz == 200
        with pytest.raises(ConfigError, match="give 100 to 500"):
            await stick.set_frequency(600)
    assert antminer.commands[:2] == [
        WritePll(pll=choose_pll(mhz)).encode().hex() for mhz in (250, 200)
    ]


@warped
async def test_it_is_left_at_its_lowest_clock() -> None:
    antminer, host = FakeAntminer(), FakeHost()
    async with running(antminer, host):
        await asyncio.sleep(3)
    assert antminer.commands[-1] == WritePll(pll=choose_pll(100)).encode().hex()


@warped
async def test_a_block_erupter_is_named_and_gets_no_command() -> None:
    erupter, host = FakeErupter(), FakeHost()
    async with running(erupter, host) as (_, task):
        await asyncio.wait({task}, timeout=10)
        assert isinstance(task.exception(), ProbeMismatch)
        assert "a Block Erupter is on fake:" in str(task.exception())
    assert [data for _, data in erupter.written] == [DETECT]
