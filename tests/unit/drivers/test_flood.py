"""A line full of noise: never a stick, never much work, and said to be what it is."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.device.contract import DeviceOptions
from luxminer.errors import DeviceFault, ProbeMismatch
from luxminer.transport.base import PlainTransport
from luxminer_drivers.common.ballot import FLOOD_BYTES, Ballot
from luxminer_drivers.common.flood import FLOOD_LIMIT, FLOOD_SECONDS, Flood
from tests.unit.drivers.fake_chain import CHIP_ID, COUNT, FakeChain
from tests.unit.drivers.fake_host import FakeHost
from tests.unit.drivers.virtual_rig import SPECS
from tests.unit.drivers.warp import warped

SEEDS = range(4)
COUNTED = sorted(
    name for name, (_, model) in SPECS.items() if model.chip not in ("BM1380", "BE100")
)
"""The others are asked for a nonce that nobody guesses."""
FAST_RATE = 150_000
SLOW_RATE = 11_500
TICK_S = 0.1


class Noise(PlainTransport):
    """A device that hears nothing and sends random bytes without end, at any rate."""

    def __init__(self, seed: int, bytes_per_s: int = SLOW_RATE) -> None:
        self._random = random.Random(seed)
        self._rate = bytes_per_s
        self._left = 0
        self._said_s = 0.0

    @property
    def name(self) -> str:
        return "noise:"

    async def read(self, limit: int = 4096) -> bytes:
        await asyncio.sleep(limit / self._rate)
        return self._random.randbytes(limit)

    async def write(self, data: bytes) -> None:
        """Take no notice."""

    def discard_input(self) -> int:
        return 0

    async def set_baudrate(self, baudrate: int) -> None:
        """Take no notice."""

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def noisy(chain: FakeChain, seed: int, bytes_per_s: int) -> AsyncIterator[None]:
    """Let random bytes come between what the chips say."""
    noise = random.Random(seed)

    async def talk() -> None:
        while True:
            chain.say(noise.randbytes(round(bytes_per_s * TICK_S)))
            await asyncio.sleep(TICK_S)

    talker = asyncio.create_task(talk())
    try:
        yield
    finally:
        talker.cancel()
        await asyncio.wait({talker})


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTED)
def test_random_bytes_are_never_a_stick(name: str) -> None:
    @warped
    async def check(seed: int, rate: int) -> None:
        spec, model = SPECS[name]
        options = DeviceOptions(model=model, frequency_mhz=model.frequency_mhz)
        host = FakeHost()
        device = await spec.open(Noise(seed, rate), options)
        started_s = asyncio.get_running_loop().time()
        with pytest.raises(ProbeMismatch, match="are no answers") as caught:
            await device.run(host)
        assert asyncio.get_running_loop().time() - started_s < 30
        assert "take this port out of the configuration" in str(caught.value)
        assert not host.claims
        assert not host.reports

    for seed in SEEDS:
        check(seed, SLOW_RATE)
        check(seed, FAST_RATE)


@given(wanted=st.integers(0, 3), counts=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 999))))
def test_what_is_believed_of_counts(wanted: int, counts: list[tuple[int, int]]) -> None:
    ballot = Ballot(wanted)
    for chips, junk_bytes in counts:
        ballot.take(chips, junk_bytes)
        if ballot.is_settled:
            break
    quiet = [chips for chips, junk_bytes in counts if chips and junk_bytes <= FLOOD_BYTES]
    clean = [chips for chips, junk_bytes in counts if chips and not junk_bytes]
    if ballot.chips:
        assert ballot.chips in quiet
        assert clean or len(quiet) > 1, "one count among noise is not believed"
    else:
        assert not clean
        assert len(quiet) < 2
    assert ballot.found_any == bool(quiet)
    floods = any(junk_bytes > FLOOD_BYTES for _, junk_bytes in counts)
    if not ballot.chips:
        assert ("no answers" in str(ballot.mismatch("BM1384", "x:", "look"))) == floods


@warped
async def test_one_count_that_old_nonces_spoil_is_asked_for_again() -> None:
    chain, host = FakeChain(), FakeHost()
    spec, model = SPECS["compac"]
    spoilt = bytes.fromhex("1dac2b7c9e")
    chain.answers = lambda frame: spoilt + CHIP_ID if frame.hex() == COUNT else chain.answer(frame)
    options = DeviceOptions(model=model, frequency_mhz=model.frequency_mhz)
    device = await spec.open(chain, options)
    task = asyncio.create_task(device.run(host))
    await asyncio.sleep(3)
    task.cancel()
    await asyncio.wait({task})
    assert chain.frames.count(COUNT) == 2
    assert host.right > 0


@pytest.mark.parametrize("seed", SEEDS)
@warped
async def test_a_stick_that_is_drowned_in_noise_has_failed_soon(seed: int) -> None:
    chain, host = FakeChain(), FakeHost()
    spec, model = SPECS["compac"]
    device = await spec.open(chain, DeviceOptions(model=model, frequency_mhz=100.0))
    task = asyncio.create_task(device.run(host))
    await asyncio.sleep(3)
    assert host.right > 0
    async with noisy(chain, seed, SLOW_RATE):
        with pytest.raises(DeviceFault, match="almost none of them were replies"):
            async with asyncio.timeout(FLOOD_SECONDS + 3):
                await task
    wrong = len(host.claims) - host.right
    assert wrong < FLOOD_SECONDS * FLOOD_LIMIT / 5, "most of it was not looked at"
    assert host.reports[-1].bytes_discarded > 2 * SLOW_RATE


@warped
async def test_a_burst_of_noise_costs_a_second_and_no_more() -> None:
    chain, host = FakeChain(), FakeHost()
    spec, model = SPECS["compac"]
    device = await spec.open(chain, DeviceOptions(model=model, frequency_mhz=100.0))
    task = asyncio.create_task(device.run(host))
    await asyncio.sleep(3)
    async with noisy(chain, 1, SLOW_RATE):
        await asyncio.sleep(2)
    await asyncio.sleep(2)
    before = host.right
    await asyncio.sleep(5)
    assert not task.done()
    assert host.right > before
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize("name", ["newpac", "r909", "compaca2", "compac"])
def test_noise_at_full_speed_takes_little_of_the_processor(name: str) -> None:
    """Of what a fast line brings in a second, the part that is decoded costs a few milliseconds."""

    @warped
    async def check() -> None:
        spec, model = SPECS[name]
        device: object = await spec.open(
            Noise(1, FAST_RATE), DeviceOptions(model=model, frequency_mhz=model.frequency_mhz)
        )
        family = device._family  # type: ignore[attr-defined]
        family.chips = 1
        flood, noise, heard = Flood("noise:"), Noise(2, FAST_RATE), 0
        busy_s = time.process_time()

        async def drown() -> None:
            nonlocal heard
            while True:
                data = await noise.read(512)
                heard += len(data)
                if flood.admits(len(data), heard / FAST_RATE):
                    list(family.receive(data))

        with pytest.raises(DeviceFault):
            await drown()
        assert heard / FAST_RATE == pytest.approx(FLOOD_SECONDS, abs=1.5)
        assert time.process_time() - busy_s < 0.1 * FLOOD_SECONDS

    check()


def test_replies_without_end_are_no_flood() -> None:
    flood = Flood("x:")
    for number in range(20_000):
        assert flood.admits(7, number / 1000)
        flood.replied()


def test_seconds_that_do_not_follow_each_other_are_no_flood() -> None:
    flood = Flood("x:")
    for second in range(0, 60, 2):
        for tenth in range(10):
            flood.admits(FLOOD_LIMIT, second + tenth / 20)
