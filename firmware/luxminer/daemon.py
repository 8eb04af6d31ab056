"""The only place where the parts are joined: pools, work, sticks, telemetry, API.

Start: ports of the API are bound, so that one in use is told at once; then sticks and pools; what
serves the API is imported once the first bytes to the sticks are out. Stop: pools give no
more work, last shares go out, chips go idle, ports close, the API last, so that a reply under way
still leaves.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from luxminer import __version__
from luxminer.check import check
from luxminer.clock import Chores, Clock, SystemClock
from luxminer.config.load import render
from luxminer.config.save import Saver
from luxminer.config.schema import Config
from luxminer.control import CommandBus
from luxminer.device.alarms import StickAlarms
from luxminer.device.chip_health import ChipHealth
from luxminer.device.desk import StickDesk
from luxminer.device.manager import DeviceManager
from luxminer.device.registry import DriverRecord, discover_drivers
from luxminer.device.usb import UsbBus
from luxminer.host import HostReader
from luxminer.life import Life
from luxminer.mining.scheduler import Scheduler
from luxminer.mining.shares import ShareGate
from luxminer.overview import Overview
from luxminer.pool.manager import PoolManager
from luxminer.ports import Ports
from luxminer.saving import keep_orders, keep_profile_orders, keep_stick_orders
from luxminer.telemetry.baseline import Baseline
from luxminer.telemetry.events import EventLog
from luxminer.telemetry.history import History
from luxminer.telemetry.hub import TelemetryHub
from luxminer.telemetry.model import MinerSnapshot, NonceCounts
from luxminer.thermal.manager import ThermalManager
from luxminer.transport.base import Transport
from luxminer.transport.opening import open_port
from luxminer.tuning.keeper import Keeper
from luxminer.tuning.ladder import DEFAULT, TUNED
from luxminer.tuning.own import OwnProfiles, ProfileDesk
from luxminer.tuning.profile import Profile
from luxminer.tuning.tuner import Pace, Tuner
from luxminer.work.job import NonceFound, PoolJob, Share

__all__ = ["AGENT", "Daemon"]

log = logging.getLogger(__name__)

AGENT = f"luxminer/{__version__}"

FIRST_BYTES_S = 0.1
"""Within this time the first bytes go to the sticks that are there; long imports come after it."""


class Kept(Protocol):
    """State that outlives the service."""

    async def load(self) -> None:
        """Read what was kept, before mining begins."""

    async def end(self) -> None:
        """Write what is still to be written, after mining has ended."""


class Daemon:
    """The whole service for one configuration.

    ``state_dir`` None keeps everything in memory; ``config_path`` is the file of ``config``, which
    need not be there yet; ``usb`` and ``open_transport`` are another bus
    than the machine's, and how ports are opened there; ``pace`` is that of tuning, and
    ``root`` where sysfs lies. Raises ConfigError for what cannot be used.
    """

    def __init__(
        self,
        config: Config,
        *,
        state_dir: Path | None = None,
        config_path: Path | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        drivers: Sequence[DriverRecord] | None = None,
        usb: UsbBus | None = None,
        open_transport: Callable[[str, int], Awaitable[Transport]] = open_port,
        pace: Pace | None = None,
        root: Path = Path("/"),
    ) -> None:
        self.config = config
        self._clock = clock or SystemClock()
        self._state_dir = state_dir
        drivers = discover_drivers() if drivers is None else drivers
        check(config, drivers)
        rng = rng or random.Random()
        self.hub = TelemetryHub(self._clock, self._snapshot)
        self.bus = CommandBus(self.hub.invalidate)
        self.chores = Chores()
        self.events = EventLog(self._clock)
        self.saver = Saver(
            config,
            config_path,
            bus=self.bus,
            events=self.events,
            check=lambda changed: check(changed, drivers),
        )
        self.life = Life(self.saver, bus=self.bus, defaults=render)
        self.scheduler = Scheduler(self._clock, self._work_made, self._rate_hs)
        self.gate = ShareGate(self._share_found)
        self.pools = PoolManager(
            config.pools,
            config.stratum,
            groups=config.groups,
            clock=self._clock,
            rng=rng,
            agent=AGENT,
            on_stakes=self.scheduler.set_stakes,
            on_version_mask=self.scheduler.set_version_mask,
            state_dir=state_dir,
            bus=self.bus,
            chores=self.chores,
            device_name=self._device_name,
            events=self.events,
        )
        keep_orders(self.saver, self.pools)
        self._keeper = Keeper(state_dir)
        own = OwnProfiles(config.profiles)
        keep_profile_orders(self.saver, own)
        tuned = config.tuning.enabled and config.mining.profile == DEFAULT
        self.profile = Profile(
            TUNED if tuned else config.mining.profile,
            self._keeper.results,
            config.tuning.max_hw_error_percent,
            own,
        )
        ProfileDesk(own, self.profile, self.bus)
        self.devices = DeviceManager(
            config,
            drivers,
            clock=self._clock,
            rng=rng,
            work=self.scheduler,
            nonces=self,
            bus=usb,
            open_transport=open_transport,
            profile=self.profile.wish_of,
            chores=self.chores,
            rests=self._rest_words,
        )
        self._desk = StickDesk(
            self.devices,
            clock=self._clock,
            bus=self.bus,
            chores=self.chores,
            events=self.events,
        )
        health = ChipHealth(
            config.health,
            self.devices.device_states,
            clock=self._clock,
            bus=self.bus,
            chores=self.chores,
        )
        alarms = StickAlarms(self.devices.device_states, events=self.events, chores=self.chores)
        keep_stick_orders(self.saver, self.devices.device_states)
        self.tuner = Tuner(
            config.tuning,
            self.profile,
            self._keeper,
            self.devices,
            clock=self._clock,
            counts=self._counts,
            has_work=lambda: self.scheduler.has_work,
            bus=self.bus,
            pace=pace,
        )
        self._host = HostReader(root)
        self.thermal = ThermalManager(
            config,
            sticks=self.devices,
            host=self._host,
            clock=self._clock,
            profile=self.profile,
            log_of_events=self.events,
            bus=self.bus,
            chores=self.chores,
            state_dir=state_dir,
            root=root,
        )
        self._overview = Overview(
            config,
            self._clock,
            host=self._host,
            devices=self.devices,
            gate=self.gate,
            pools=self.pools,
            scheduler=self.scheduler,
            events=self.events,
            profile=self.profile,
            tuner=self.tuner,
            saver=self.saver,
            thermal=self.thermal,
            desk=self._desk,
            health=health,
        )
        history = History(
            self._clock,
            self.chores,
            counters=self._overview.counters,
            levels=self._overview.levels,
        )
        self._overview.history = history
        self._baseline = Baseline(
            self._overview.snapshot,
            bus=self.bus,
            pool_url=self.pools.url_of,
            device_name=self._device_name,
        )
        self._kept: tuple[Kept, ...] = (
            self._keeper,
            history,
            health,
            alarms,
            self.thermal,
            self.saver,
            self.life,
        )
        self._runs: dict[str, Callable[[], Coroutine[None, None, None]]] = {
            "tuner": self.tuner.run,
            "saver": self.saver.run,
        }
        """What runs beside pools and sticks, until it is cancelled."""
        self.api_port: int | None = None
        self.http_port: int | None = None
        self.ready = asyncio.Event()
        """Set once the API listens."""

    # Joints --------------------------------------------------------------------------------------

    def _work_made(self, job: PoolJob) -> None:
        self.pools.work_made(job)

    def _device_name(self, device_id: int) -> str:
        return self.devices.identity(device_id)

    def _rest_words(self, device_id: int) -> str:
        return self._desk.rest_words(device_id) or self.thermal.rest_words(device_id)

    def _rate_hs(self, device_id: int) -> float:
        return self.devices.nominal_hs(device_id)

    def _share_found(self, share: Share) -> None:
        self._baseline.share_found(share, self._clock.wall())
        self.pools.submit(share)

    def nonce_found(self, nonce: NonceFound, ticket_difficulty: float, scale: float) -> bool:
        """Judge a claim of a device; see `ShareGate.nonce_found`."""
        right = self.gate.nonce_found(nonce, ticket_difficulty, scale)
        if right and nonce.work is not None:
            self.pools.diff1_found(nonce.work.job, ticket_difficulty)
            self.scheduler.found(nonce.device_id, nonce.work.job, ticket_difficulty)
        return right

    def _counts(self, device_id: int) -> NonceCounts:
        return self.gate.device(device_id, self._clock.monotonic()).counts()

    def _snapshot(self) -> MinerSnapshot:
        return self._baseline.snapshot()

    # Life ----------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Mine until ``stop`` is set, or an order says so (`Life.ending`).

        Raises ConfigError when a port cannot be listened on.
        """
        self._overview.started_s = self._clock.monotonic()
        async with AsyncExitStack() as servers:
            ports = Ports(
                self.config.api,
                self._clock,
                hub=self.hub,
                bus=self.bus,
                host=self._host,
                state_dir=self._state_dir,
                servers=servers,
            )
            await ports.listen()
            log.info("%s: SHA-256 by %s", AGENT, self._host.snapshot().sha256_kernel)
            for kept in self._kept:
                await kept.load()
            pools = asyncio.create_task(self.pools.run(), name="pools")
            beside = [asyncio.create_task(run(), name=name) for name, run in self._runs.items()]
            devices = asyncio.create_task(self.devices.run(), name="devices")
            stopping = asyncio.create_task(stop.wait(), name="stop")
            ordered = asyncio.create_task(self.life.asked.wait(), name="order to stop")
            try:
                await asyncio.sleep(FIRST_BYTES_S)
                await ports.serve()
                self.api_port, self.http_port = ports.api_port, ports.http_port
                self.ready.set()
                ends = {pools, devices, stopping, ordered}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (stopping, ordered, *beside):
                    task.cancel()
                await self._stop(pools, devices)
                await asyncio.gather(*beside, return_exceptions=True)
                for kept in self._kept:
                    await kept.end()
            for task in (pools, devices, *beside):
                if not task.cancelled() and (failure := task.exception()) is not None:
                    raise failure

    async def _stop(self, pools: "asyncio.Task[None]", devices: "asyncio.Task[None]") -> None:
        quiet = asyncio.create_task(self._quiet(devices), name="quiet")
        await self.pools.stop()
        await quiet
        pools.cancel()
        await asyncio.wait({pools})
        log.info("stopped")

    @staticmethod
    async def _quiet(devices: "asyncio.Task[None]") -> None:
        devices.cancel()
        await asyncio.wait({devices})
