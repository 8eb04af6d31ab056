"""Ten virtual sticks of six products under one service: each share and each rate is its own.

Each stick's line is tapped, so it is known who sent the nonce that the pool judges a moment later.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from math import sqrt
from pathlib import Path

import pytest

from luxminer.config.schema import Config, DeviceConfig
from luxminer.daemon import Daemon
from luxminer.telemetry.model import DeviceSnapshot, MinerSnapshot
from luxminer.transport.base import Transport
from luxminer.transport.ports import is_usb
from luxminer.transport.serial import open_serial
from luxminer.transport.usbbridge.opening import open_usb
from luxminer_hil.chipsim.port import Port, PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.ledger import ShareRecord
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.usbsim.bus import SimulatedBus
from luxminer_hil.usbsim.pyusb_backend import SimulatedBackend
from luxminer_hil.usbsim.stick_port import usb_stick
from luxminer_hil.usbsim.sticks import IDS, STICKS
from tests.integration.rig import assert_balanced, config_for, until
from tests.unit.device.fake_sysfs import FakeUsb
from tests.unit.transport.usb_rig import Rig

SEED = 20261126

SCALES = {
    "compac": Fraction(1, 2**15),
    "2pac": Fraction(1, 2**16),
    "newpac": Fraction(1, 2**16),
    "compacf": Fraction(1, 2**19),
    "compaca2": Fraction(1, 2**21),
    "u1": Fraction(1, 2**13),
}
"""Each then hashes about 0.25 MH/s; how often it finds a nonce does not depend on that."""

TITLES = {
    "compac": "GekkoScience Compac",
    "2pac": "GekkoScience 2Pac",
    "newpac": "GekkoScience NewPac",
    "compacf": "GekkoScience Compac F",
    "compaca2": "GekkoScience Compac A2",
    "u1": "Antminer U1",
}

ON_TTYS = ("compac", "compac", "2pac", "2pac", "u1")
ON_USB = ("newpac", "newpac", "compacf", "compacf", "compaca2")

DIFFICULTY = 2.0**-15
MEASURED_S = 14.0
SIGMAS = 4.0
ON_THE_WAY = 3
"""Nonces that a stick has found and its row has not counted yet, or had not at the first mark."""

PREAMBLE = b"\xaa\x55"
"""Begins the replies of framed families; the nonce is next, else it is the first."""


class Tap:
    """A stick's port that keeps when a nonce was sent: the first four bytes of each reply."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.sent_s: dict[int, float] = {}

    @property
    def path(self) -> str:
        return self._port.path

    @property
    def has_host(self) -> bool:
        return self._port.has_host

    def plug(self, received: Callable[[bytes], None]) -> None:
        self._port.plug(received)

    def unplug(self) -> None:
        self._port.unplug()

    def write(self, data: bytes) -> int:
        nonce = int.from_bytes(data.removeprefix(PREAMBLE)[:4], "little")
        self.sent_s[nonce] = time.monotonic()
        return self._port.write(data)

    def pause(self) -> None:
        self._port.pause()

    def resume(self) -> None:
        self._port.resume()

    def host_baudrate(self) -> int | None:
        return self._port.host_baudrate()


@dataclass
class Plugged:
    """A stick, its place on USB, and what was heard on its line."""

    stick: VirtualStick
    place: str
    serial: str
    tap: Tap


class Hub:
    """Ten ports: half of the sticks have ttys, the others are reached through libusb."""

    def __init__(self, root: Path) -> None:
        self.usb = FakeUsb(root)
        self.rig = Rig(bus=SimulatedBus())
        self.plugged: list[Plugged] = []
        self.found: Counter[str] = Counter()
        """Serial number of a stick -> shares of its nonces that the pool accepted."""

    def make(self, model: str, number: int, *, tty: bool) -> Plugged:
        place, serial = f"1-1.{number}", f"S{number}"
        seed, scale = SEED + number, SCALES[model]
        if tty:
            stick = VirtualStick(model, scale=scale, seed=seed, port=PtyPort())
        else:
            stick, _ = usb_stick(self.rig.bus, place, model, serial=serial, scale=scale, seed=seed)
        tap = Tap(stick.port)
        stick.port = tap
        self.plugged.append(Plugged(stick=stick, place=place, serial=serial, tap=tap))
        return self.plugged[-1]

    def show(self, plugged: Plugged, *, tty: bool) -> None:
        """Let the kernel show what is plugged in."""
        shown = STICKS[plugged.stick.model]
        vendor_id, product_id = IDS[shown.bridge]
        self.usb.plug(
            plugged.place,
            f"ttyUSB{len(self.plugged)}" if tty else "",
            manufacturer=shown.manufacturer,
            product=shown.product,
            serial=plugged.serial,
            ids=f"{vendor_id:04x}:{product_id:04x}",
            target=plugged.stick.path if tty else "",
        )

    def judged(self, share: ShareRecord) -> None:
        """Book what the pool accepts for the stick that sent its nonce last.

        Slowed sticks search the beginning of the nonces only, so two may find the same.
        """
        assert share.nonce is not None
        senders = [each for each in self.plugged if share.nonce in each.tap.sent_s]
        last = max(senders, key=lambda each: each.tap.sent_s[share.nonce or 0], default=None)
        self.found[last.serial if last is not None else "nobody"] += share.accepted

    async def open(self, port: str, baudrate: int) -> Transport:
        if not is_usb(port):
            return await open_serial(port, baudrate)
        backend = SimulatedBackend(self.rig.bus)
        return await open_usb(port, baudrate, backend=backend, names_of=self.rig.names_of)

    def config(self, pool: FakePool) -> Config:
        """Name each stick by its number; what it is USB says, but for bare bridges."""
        devices = (
            DeviceConfig(
                serial=each.serial,
                model="u1" if each.stick.model == "u1" else "",
                scale=float(each.stick.scale),
            )
            for each in self.plugged
        )
        return replace(config_for([], [pool]), devices=tuple(devices))


@dataclass(frozen=True)
class Mark:
    """What a stick had done and what its row had counted, at one instant."""

    hashed: int
    found: int
    work: Fraction
    nonces: int


def mark(plugged: Plugged, row: DeviceSnapshot) -> Mark:
    counters = plugged.stick.counters()
    return Mark(
        hashed=counters.hashed,
        found=counters.nonces,
        work=row.nonces.diff1_work,
        nonces=row.nonces.nonces,
    )


def rows_of(hub: Hub, now: MinerSnapshot) -> list[tuple[Plugged, DeviceSnapshot]]:
    rows = {row.serial: row for row in now.devices}
    assert len(rows) == len(now.devices) == len(hub.plugged)
    return [(plugged, rows[plugged.serial]) for plugged in hub.plugged]


def expected_nonces(first: Mark, last: Mark) -> float:
    """Return how many nonces are usual for what was really hashed."""
    return (last.hashed - first.hashed) / (float(last.work / last.nonces) * 2**32)


def sigmas_off(name: str, nonces: int, expected: float) -> float:
    """Return by how many standard errors an estimate from nonces differs from the truth.

    The larger of both errors counts: with few nonces chance is no bell, and has a tail above.
    """
    sigmas = (nonces - expected) / sqrt(max(nonces, expected))
    print(f"{name}: {nonces} nonces, {expected:.1f} expected, {sigmas:+.2f} standard errors")
    return sigmas


@pytest.mark.slow
async def test_ten_sticks_of_six_products_each_keep_what_is_theirs(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    hub = Hub(tmp_path)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            FakePool(difficulty=DIFFICULTY, seed=SEED, on_share=hub.judged)
        )
        for models, tty in ((ON_TTYS, True), (ON_USB, False)):
            for model in models:
                plugged = hub.make(model, len(hub.plugged) + 1, tty=tty)
                await stack.enter_async_context(plugged.stick)
                hub.show(plugged, tty=tty)
        daemon = Daemon(hub.config(pool), usb=hub.usb.bus, open_transport=hub.open)
        stop = asyncio.Event()
        running = asyncio.create_task(daemon.run(stop))
        try:
            await until(
                daemon,
                lambda s: len(s.devices) == 10 and all(d.nonces.nonces for d in s.devices),
                30,
                "a nonce of each stick",
            )
            daemon.hub.invalidate()
            now = daemon.hub.snapshot()
            firsts = [mark(*pair) for pair in rows_of(hub, now)]
            await asyncio.sleep(MEASURED_S)
            daemon.hub.invalidate()
            now = daemon.hub.snapshot()
            lasts = [mark(*pair) for pair in rows_of(hub, now)]
            end = await until(
                daemon,
                lambda s: s.shares.waiting == 0 and s.shares.accepted == pool.ledger().accepted,
                10,
                "all shares to be answered",
            )
            found = dict(hub.found)
        finally:
            stop.set()
            await asyncio.wait_for(running, 10)
    all_nonces, all_expected = 0, 0.0
    for plugged, first, last in zip(hub.plugged, firsts, lasts, strict=True):
        counters = plugged.stick.counters()
        # A machine that is busy elsewhere pauses within a frame now and then, as no bridge does.
        assert sum(counters.bad_frames.values()) <= 5 + sum(counters.frames.values()) / 100
        nonces, expected = last.nonces - first.nonces, expected_nonces(first, last)
        uncounted = last.found - first.found - nonces
        assert abs(uncounted) <= ON_THE_WAY, plugged.stick.counters()
        name = f"{plugged.stick.model} {plugged.serial}"
        assert abs(sigmas_off(name, nonces, expected)) <= SIGMAS
        all_nonces, all_expected = all_nonces + nonces, all_expected + expected
    assert abs(sigmas_off("all", all_nonces, all_expected)) <= SIGMAS
    rows = rows_of(hub, end)
    assert all(row.model == TITLES[plugged.stick.model] for plugged, row in rows)
    assert all(row.usb_path == plugged.place for plugged, row in rows)
    assert found == {row.serial: row.shares.accepted for _, row in rows}
    assert_balanced(end)
    assert end.nonces.hw_errors == 0
    assert end.nonces.duplicates == 0
    assert end.shares.rejected_total == 0
