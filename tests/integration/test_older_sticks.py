"""The whole service on Block Erupter, Antminer and CPU: real ptys or threads, a judging pool."""

import asyncio
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from luxminer.config.schema import DeviceConfig, MiningConfig
from luxminer.daemon import Daemon
from luxminer.telemetry.model import DeviceStatus
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.server import FakePool
from tests.integration.rig import assert_balanced, config_for, running, until
from tests.unit.device.fake_sysfs import FakeUsb

SEED = 20261125

SCALES = {"u1": Fraction(1, 2**12), "blockerupter": Fraction(1, 2**10)}
"""Some 0.5 and 0.3 MH/s."""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("model", "shares"), [("u1", 6), ("blockerupter", 2)])
async def test_a_stick_without_strings_mines_without_an_error(model: str, shares: int) -> None:
    """A Block Erupter finds a nonce in 13 s, an Antminer in 2, whatever their scale."""
    async with (
        VirtualStick(model, scale=SCALES[model], seed=SEED) as stick,
        FakePool(difficulty=float(SCALES[model]) / 2, seed=SEED) as pool,
        running(config_for([stick], [pool])) as daemon,
    ):
        now = await until(daemon, lambda s: s.shares.accepted >= shares, 150, f"{shares} shares")
        counters = stick.counters()
    assert_balanced(now)
    assert now.nonces.hw_errors == 0
    assert now.shares.rejected_total == 0
    assert now.devices[0].status is DeviceStatus.ALIVE
    assert not counters.bad_frames
    assert counters.dry_s == 0


async def test_the_wrong_model_is_told_what_is_there() -> None:
    async with (
        VirtualStick("blockerupter", scale=SCALES["blockerupter"], seed=SEED) as stick,
        FakePool(difficulty=1e-6, seed=SEED) as pool,
    ):
        config = config_for([stick], [pool])
        config = replace(config, devices=(replace(config.devices[0], model="u1"),))
        async with running(config) as daemon:
            words = "a Block Erupter is on"
            now = await until(daemon, lambda s: words in s.devices[0].problem, 20, words)
    assert "answers with 4 bytes" in now.devices[0].problem
    assert now.nonces.nonces == 0


@pytest.mark.parametrize(
    ("model", "title"), [("u1", "Antminer U1"), ("blockerupter", "ASICMINER Block Erupter")]
)
async def test_a_bridge_without_a_name_is_found_by_its_answer(
    model: str, title: str, tmp_path: Path
) -> None:
    usb = FakeUsb(tmp_path)
    async with (
        VirtualStick(model, scale=Fraction(1, 2**9), seed=SEED) as stick,
        FakePool(difficulty=1.0, seed=SEED) as pool,
    ):
        usb.plug("1-1", "ttyUSB0", manufacturer="", product="", target=stick.path)
        config = config_for([], [pool])
        mining = MiningConfig(detect_interval_s=0.2, probe_unnamed=True)
        daemon = Daemon(replace(config, mining=mining), usb=usb.bus)
        stop = asyncio.Event()
        task = asyncio.create_task(daemon.run(stop))
        try:
            now = await until(
                daemon,
                lambda s: any(d.status is DeviceStatus.ALIVE for d in s.devices),
                30,
                "to be found",
            )
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)
    (device,) = now.devices
    assert (device.model, device.usb_path) == (title, "1-1")


async def test_a_cpu_mines() -> None:
    async with FakePool(difficulty=2.0**-13, seed=SEED) as pool:
        config = config_for([], [pool])
        config = replace(config, devices=(DeviceConfig(port="cpu:", model="cpu"),))
        async with running(config) as daemon:
            started_s = time.monotonic()
            await until(daemon, lambda s: s.shares.accepted >= 1, 60, "a share")
            await asyncio.sleep(max(0, started_s + 15 - time.monotonic()))
            now = await until(daemon, lambda s: s.shares.accepted >= 3, 60, "three shares")
    assert_balanced(now)
    (device,) = now.devices
    assert now.nonces.hw_errors == 0
    assert now.shares.rejected_total == 0
    assert device.path == "cpu:"
    print(f"{device.rates.average:.3g} H/s of nominal {device.nominal_hs:.3g}")
    assert device.nominal_hs > 0
    # Some ten nonces: within a factor of five but once in a million runs.
    assert 0.2 < device.rates.average / device.nominal_hs < 5
