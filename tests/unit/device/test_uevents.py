"""The kernel's own messages say when to look; where it tells nothing, every look is due."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from luxminer.clock import beat
from luxminer.device import uevents
from luxminer.device.hotplug import HotplugWatcher, PortChange
from luxminer.device.uevents import Uevents
from luxminer.device.usb import UsbBus
from tests.unit.device.fake_sysfs import FakeUsb

SAY = Path("/sys/class/tty/tty1/uevent")
"""Writing to it makes the kernel send an event of that device again."""

needs_kernel = pytest.mark.skipif(
    not SAY.exists() or not SAY.stat().st_mode & 0o200,
    reason="the kernel's events of this machine are out of reach",
)


def say() -> None:
    try:
        SAY.write_text("change")
    except OSError:
        pytest.skip("no right to make the kernel speak")


@needs_kernel
def test_looking_is_worth_it_at_first_after_an_event_and_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 100.0
    monkeypatch.setattr("luxminer.device.uevents.time.monotonic", lambda: now_s)
    events = Uevents()
    try:
        assert events.is_due()
        now_s += uevents.SETTLE_S + 0.1
        assert events.kernel is not None
        while events.is_due():  # other programs of the machine may plug as well
            now_s += uevents.SETTLE_S + 0.1
        say()
        assert events.is_due(), "an event was not heard"
        now_s += uevents.SETTLE_S - 0.1
        assert events.is_due(), "a removal is told before it is done"
        now_s += 0.2
        assert not events.is_due()
        now_s += uevents.LOOK_ANYWAY_S
        assert events.is_due()
    finally:
        events.close()


def test_where_the_kernel_does_not_tell_every_look_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("luxminer.device.uevents.socket.socket", refuse)
    events = Uevents()
    now_s = time.monotonic() + 1000.0
    monkeypatch.setattr("luxminer.device.uevents.time.monotonic", lambda: now_s)
    assert events.is_due()
    assert events.is_due()
    assert events.kernel is None
    events.close()


class Quiet(Uevents):
    """Says when it is told to."""

    due = True

    def is_due(self) -> bool:
        return self.due


def test_a_bus_is_not_looked_at_while_nothing_is_told(tmp_path: Path) -> None:
    usb = FakeUsb(tmp_path)
    events = Quiet()
    watcher = HotplugWatcher((), UsbBus(usb.root / "sys", usb.root / "dev", events=events))
    watcher.poll()
    events.due = False
    usb.plug("1-1", "ttyUSB0", serial="a")
    assert watcher.poll() == []
    events.due = True
    assert len(watcher.poll()) == 1


@needs_kernel
async def test_an_event_is_followed_by_a_look_at_once(tmp_path: Path) -> None:
    usb = FakeUsb(tmp_path)
    watcher = HotplugWatcher((), UsbBus(usb.root / "sys", usb.root / "dev", events=Uevents()))
    seen: asyncio.Queue[PortChange] = asyncio.Queue()

    def tell(changes: Sequence[PortChange]) -> None:
        for change in changes:
            seen.put_nowait(change)

    watching = asyncio.create_task(watcher.watch(3600.0, tell))
    try:
        async with asyncio.timeout(10):
            await asyncio.sleep(0.1)
            usb.plug("1-1", "ttyUSB0", serial="a")
            say()
            assert (await seen.get()).appeared
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.slow
async def test_beats_of_the_same_interval_fall_together() -> None:
    await beat(1.0)
    first = asyncio.create_task(beat(1.0))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(beat(1.0))
    await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0)
    assert first.done()
    assert second.done()
