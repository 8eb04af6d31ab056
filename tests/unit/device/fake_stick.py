"""A whole small stick behind a pseudo terminal, and a driver for it.

Its language: ``?`` asks who is there and is answered ``!``; ``T`` and a byte is a task, answered
some time later by ``N`` and the same byte; ``f`` and a byte sets the clock; ``q`` means be quiet.
The stick says ``F`` when it has failed.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import ClassVar

from luxminer.device.contract import (
    ChipReport,
    Device,
    DeviceHost,
    DeviceOptions,
    DeviceReport,
    DriverSpec,
)
from luxminer.device.registry import DriverRecord
from luxminer.errors import DeviceFault, Overheated, ProbeMismatch
from luxminer.transport.base import Transport
from luxminer.work.job import NonceFound, WorkItem
from tests.unit.device.models import TWOPAC, stick_model
from tests.unit.transport.pty_peer import PtyPeer

NONCES_PER_S = 40.0
TASK_INTERVAL_S = 0.01


class FakeStick:
    """The chips: answers on the master side of a pseudo terminal. Its faults are attributes."""

    def __init__(self, link: Path | None = None, connection: int | None = None) -> None:
        """``link`` is a lasting name of the tty; ``connection`` a socket to use instead of one."""
        self.peer = PtyPeer() if connection is None else PtyPeer(connection)
        self.greeting = b"!"
        self.finds = True
        self.greeted = 0
        self.tasks = 0
        self.quiet = 0
        self.clocks: list[int] = []
        if link is not None:
            self.peer.link(link)
        asyncio.get_running_loop().add_reader(self.peer.master, self._answer)
        self._input = bytearray()

    @property
    def path(self) -> str:
        return self.peer.path

    def fail(self) -> None:
        os.write(self.peer.master, b"F")

    def unplug(self) -> None:
        if self.peer.is_open:
            asyncio.get_running_loop().remove_reader(self.peer.master)
            self.peer.unplug()

    def _answer(self) -> None:
        try:
            self._input += os.read(self.peer.master, 4096)
        except OSError:  # nobody has the tty open now
            loop = asyncio.get_running_loop()
            loop.remove_reader(self.peer.master)
            loop.call_later(0.005, self._listen_again)
            return
        while self._input:
            kind = bytes(self._input[:1])
            size = 2 if kind in (b"T", b"f") else 1
            if len(self._input) < size:
                return
            value = self._input[size - 1]
            del self._input[:size]
            if kind == b"?":
                self.greeted += 1
                self._say(self.greeting)
            elif kind == b"T":
                self.tasks += 1
                if self.finds:
                    self._say(bytes([ord("N"), value]))
            elif kind == b"f":
                self.clocks.append(value)
            elif kind == b"q":
                self.quiet += 1

    def _listen_again(self) -> None:
        if self.peer.is_open:
            asyncio.get_running_loop().add_reader(self.peer.master, self._answer)

    def _say(self, words: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self.peer.master, words)


class FakeDevice:
    """The driver's side; ``bug`` is raised out of nowhere, ``is_stubborn`` ignores its end."""

    bug: Exception | None = None
    is_stubborn = False
    is_hot = False
    problem = ""
    chips = 1
    chips_before: ClassVar[list[int]] = []
    """What each start was told."""

    def __init__(self, transport: Transport, options: DeviceOptions) -> None:
        self._transport = transport
        self._options = options
        self._target_mhz = options.frequency_mhz
        self._limit_mhz = options.limit_mhz
        self.chips_before.append(options.chips_before)
        self._tasks: dict[int, WorkItem] = {}
        self._sent = 0

    async def run(self, host: DeviceHost) -> None:
        if type(self).is_hot:
            self._report(host)
            raise Overheated("111 C: switched off")
        clock_mhz = self._limit_mhz or self._target_mhz
        await self._transport.write(bytes([ord("f"), int(clock_mhz) % 256]))
        self._report(host)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed(host))
                group.create_task(self._listen(host))
        finally:
            while type(self).is_stubborn:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
            async with asyncio.timeout(0.2):
                await self._transport.write(b"q")

    async def set_frequency(self, mhz: float) -> float:
        await self._transport.write(bytes([ord("f"), int(mhz) % 256]))
        self._target_mhz = mhz
        self._limit_mhz = None
        return mhz // 6.25 * 6.25

    async def _feed(self, host: DeviceHost) -> None:
        while True:
            bug = type(self).bug
            if bug is not None:
                raise bug
            item = host.next_work()
            if item is None:
                await host.work_changed()
                continue
            number = self._sent % 256
            self._tasks[number] = item
            self._sent += 1
            await self._transport.write(bytes([ord("T"), number]))
            self._report(host)
            await asyncio.sleep(TASK_INTERVAL_S)

    async def _listen(self, host: DeviceHost) -> None:
        received = bytearray()
        while True:
            received += await self._transport.read()
            while received:
                if received[:1] == b"F":
                    raise DeviceFault("the chips say that they have failed")
                if len(received) < 2:
                    break
                nonce = NonceFound(
                    device_id=host.device_id,
                    chip=0,
                    work=self._tasks.get(received[1]),
                    nonce=received[1],
                    version=0,
                    found_s=host.clock.monotonic(),
                )
                del received[:2]
                host.nonce_found(nonce)

    def _report(self, host: DeviceHost) -> None:
        chips = tuple(
            ChipReport(
                index=index,
                frequency_mhz=self._target_mhz,
                nonces=self._sent,
                hw_errors=0,
                duplicates=0,
            )
            for index in range(type(self).chips)
        )
        host.report(
            DeviceReport(
                chips=chips,
                cores_per_chip=1,
                frequency_mhz=self._target_mhz,
                target_mhz=self._target_mhz,
                nominal_hs=NONCES_PER_S * 2.0**32 * self._options.scale,
                ticket_difficulty=self._options.scale,
                task_interval_s=TASK_INTERVAL_S,
                tasks_sent=self._sent,
                busy_tasks_sent=0,
                bytes_discarded=0,
                resets=0,
                is_ramping=False,
                limit_mhz=self._limit_mhz,
                problem=type(self).problem,
            )
        )


async def open_fake(transport: Transport, options: DeviceOptions) -> Device:
    await transport.write(b"?")
    try:
        async with asyncio.timeout(0.25):
            answer = await transport.read(1)
    except TimeoutError as exc:
        raise DeviceFault("no chip answers") from exc
    if answer != b"!":
        raise ProbeMismatch(f"answers {answer!r}")
    return FakeDevice(transport, options)


DRIVER = DriverRecord(
    name="fake", spec=DriverSpec(name="fake", models=(stick_model(), TWOPAC), open=open_fake)
)
