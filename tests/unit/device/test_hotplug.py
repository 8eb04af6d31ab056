"""What comes and goes is reported once, in order, and under the right name."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from luxminer.device.hotplug import HotplugWatcher, PortChange
from luxminer.device.identity import Sighting
from luxminer.device.uevents import Uevents
from luxminer.device.usb import UsbBus
from tests.unit.device.fake_sysfs import FakeUsb
from tests.unit.transport.pty_peer import PtyPeer


@pytest.fixture
def usb(tmp_path: Path) -> FakeUsb:
    return FakeUsb(tmp_path)


def short(changes: Sequence[PortChange]) -> list[str]:
    return [
        f"{'+' if c.appeared else '-'}{Path(c.sighting.url).name}{'!' if c.again else ''}"
        for c in changes
    ]


def test_sticks_come_in_the_order_of_their_places_and_go(usb: FakeUsb) -> None:
    watcher = HotplugWatcher((), usb.bus)
    assert watcher.poll() == []
    usb.plug("1-1.10", "ttyUSB0", serial="a")
    usb.plug("1-1.9", "ttyUSB1", serial="b")
    assert short(watcher.poll()) == ["+ttyUSB1", "+ttyUSB0"]
    assert watcher.poll() == []
    usb.pull("1-1.10", "ttyUSB0")
    assert short(watcher.poll()) == ["-ttyUSB0"]
    assert watcher.poll() == []


def test_another_stick_under_the_same_name_is_first_gone_then_new(usb: FakeUsb) -> None:
    watcher = HotplugWatcher((), usb.bus)
    usb.plug("1-1", "ttyUSB0", serial="old")
    watcher.poll()
    usb.pull("1-1", "ttyUSB0")
    usb.plug("1-2", "ttyUSB7", serial="keeps the inode busy")
    usb.plug("1-1", "ttyUSB0", serial="new")
    changes = watcher.poll()
    assert short(changes) == ["-ttyUSB0", "+ttyUSB0", "+ttyUSB7"]
    assert changes[0].sighting.usb is not None
    assert changes[0].sighting.usb.serial == "old"
    assert changes[1].sighting.usb is not None
    assert changes[1].sighting.usb.serial == "new"


def test_a_configured_link_is_followed(usb: FakeUsb, tmp_path: Path) -> None:
    link = tmp_path / "stick"
    watcher = HotplugWatcher((str(link), ""), usb.bus)
    assert watcher.poll() == []
    assert list(watcher.missing) == [0]
    with PtyPeer() as first, PtyPeer() as second:
        first.link(link)
        (change,) = watcher.poll()
        assert change.sighting == Sighting(
            url=str(link), token=change.sighting.token, configured=(0,)
        )
        assert not watcher.missing
        assert watcher.poll() == []
        second.link(link)
        assert short(watcher.poll()) == ["-stick", "+stick"]
        link.unlink()
        assert short(watcher.poll()) == ["-stick"]
        first.link(link)
        assert short(watcher.poll()) == ["+stick"]
    assert short(watcher.poll()) == ["-stick"], "the link dangles: its tty is gone"


def test_a_configured_port_that_usb_knows_is_one_thing(usb: FakeUsb, tmp_path: Path) -> None:
    by_id = tmp_path / "by-id"
    watcher = HotplugWatcher((str(usb.tty("ttyUSB0")), str(by_id)), usb.bus)
    with PtyPeer() as peer:
        usb.plug("1-1", "ttyUSB0")
        usb.tty("ttyUSB0").touch()
        (change,) = watcher.poll()
        assert change.sighting.configured == (0,)
        assert change.sighting.usb is not None
        by_id.symlink_to(usb.tty("ttyUSB0"))  # udev makes it a moment later
        gone, come = watcher.poll()
        assert not gone.appeared
        assert come.sighting.configured == (0, 1)
        assert peer.is_open


def test_a_url_is_always_there_and_strange_paths_never(usb: FakeUsb) -> None:
    watcher = HotplugWatcher(("socket://127.0.0.1:1", "/dev/tty\0", "/dev/null/x"), usb.bus)
    assert short(watcher.poll()) == ["+127.0.0.1:1"]
    assert watcher.missing == (1, 2)


def test_a_forgotten_port_is_reported_again_while_it_is_there(usb: FakeUsb) -> None:
    watcher = HotplugWatcher((), usb.bus)
    usb.plug("1-1", "ttyUSB0")
    watcher.poll()
    watcher.forget(str(usb.tty("ttyUSB0")))
    assert short(watcher.poll()) == ["+ttyUSB0!"]
    assert watcher.poll() == []
    watcher.forget(str(usb.tty("ttyUSB0")))
    usb.pull("1-1", "ttyUSB0")
    assert short(watcher.poll()) == ["-ttyUSB0"]


async def test_watching_looks_at_once_and_then_again(usb: FakeUsb) -> None:
    looks: list[list[str]] = []
    usb.plug("1-1", "ttyUSB0")
    watcher = HotplugWatcher((), usb.bus)
    watching = asyncio.create_task(watcher.watch(0.01, lambda found: looks.append(short(found))))
    await asyncio.sleep(0)
    assert looks == [["+ttyUSB0"]]
    usb.pull("1-1", "ttyUSB0")
    await asyncio.sleep(0.1)
    watching.cancel()
    assert ["-ttyUSB0"] in looks
    with pytest.raises(asyncio.CancelledError):
        await watching


class Calm(Uevents):
    """A kernel that has told nothing for long."""

    is_quiet = True

    def is_due(self) -> bool:
        return True


async def test_while_all_is_there_and_the_kernel_silent_nobody_looks(
    usb: FakeUsb, tmp_path: Path
) -> None:
    looks: list[list[str]] = []
    port = tmp_path / "stick"
    bus = UsbBus(usb.root / "sys", usb.root / "dev", events=Calm())
    watcher = HotplugWatcher((str(port),), bus)
    watching = asyncio.create_task(watcher.watch(0.01, lambda found: looks.append(short(found))))
    try:
        await asyncio.sleep(0.1)
        assert len(looks) > 3, "a port that is missing is looked for"
        with PtyPeer() as peer:
            peer.link(port)
            for _ in range(100):
                if ["+stick"] in looks:
                    break
                await asyncio.sleep(0.01)
            before = len(looks)
            await asyncio.sleep(0.1)
            assert len(looks) == before
            watcher.forget(str(port))
            await asyncio.sleep(0.05)
            assert looks[before:] == [["+stick!"]]
            port.unlink()
            watcher.forget(str(port))
            await asyncio.sleep(0.1)
            assert ["-stick"] in looks[before:], "an end of the port makes somebody look"
            assert len(looks) > before + 4, "and look for it from then on"
    finally:
        watching.cancel()
        await asyncio.wait({watching})


def test_whatever_happens_the_changes_add_up_to_what_is_there(usb: FakeUsb) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    watcher = HotplugWatcher((), usb.bus)
    plugged: dict[str, str] = {}
    believed: set[str] = set()
    for _ in range(150):
        for _ in range(rng.randrange(4)):
            number = rng.randrange(6)
            place, tty = f"1-1.{number}", f"ttyUSB{number}"
            if place in plugged:
                usb.pull(place, plugged.pop(place))
            else:
                usb.plug(place, tty, serial=str(rng.random()))
                plugged[place] = tty
        for change in watcher.poll():
            name = Path(change.sighting.url).name
            assert change.appeared is (name not in believed)
            (believed.add if change.appeared else believed.remove)(name)
        assert believed == set(plugged.values())
