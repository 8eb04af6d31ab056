"""The only place where the parts are joined: pools, work, sticks, telemetry, API.

Start: ports of the API are bound, so that one in use is told at once; then sticks and pools; what
serves the API is imported once the first bytes to the sticks are out. Stop: pools give no
more work, last shares go out, chips go idle, ports close, the API last, so that a reply under way
still leaves.
"""

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from fractions import Fraction
from pathlib import Path

from luxminer import __version__
from luxminer.api.sockets import bind
from luxminer.check import check
from luxminer.clock import Chores, Clock, SystemClock
from luxminer.config.schema import Config
from luxminer.control import CommandBus
from luxminer.device.manager import DeviceManager
from luxminer.device.registry import DriverRecord, discover_drivers
from luxminer.device.state import DeviceState
from luxminer.device.usb import UsbBus
from luxminer.host import HostReader
from luxminer.mining.scheduler import Scheduler
from luxminer.mining.shares import ShareGate
from luxminer.pool.manager import PoolManager
from luxminer.telemetry.events import EventLog
from luxminer.telemetry.hub import TelemetryHub
from luxminer.telemetry.model import (
    ChipSnapshot,
    DeviceSnapshot,
    DeviceStatus,
    MinerSnapshot,
    NonceCounts,
    Rates,
)
from luxminer.transport.base import Transport
from luxminer.transport.opening import open_port
from luxminer.tuning.keeper import Keeper
from luxminer.tuning.ladder import DEFAULT, TUNED
from luxminer.tuning.profile import Profile
from luxminer.tuning.tuner import Pace, Tuner
from luxminer.work.header import display
from luxminer.work.job import NonceFound, PoolJob, Share
from luxminer.work.target import difficulty_of_target

__all__ = ["AGENT", "Daemon"]

log = logging.getLogger(__name__)

AGENT = f"luxminer/{__version__}"

FIRST_BYTES_S = 0.1
"""Within this time the first bytes go to the sticks that are there; long imports come after it."""


class Daemon:
    """The whole service for one configuration.

    ``state_dir`` None keeps everything in memory; ``usb`` and ``open_transport`` are another bus
    than the machine's, and how ports are opened there; ``pace`` is that of tuning. Raises
    ConfigError for what cannot be used.
    """

    def __init__(
        self,
        config: Config,
        *,
        state_dir: Path | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        drivers: Sequence[DriverRecord] | None = None,
        usb: UsbBus | None = None,
        open_transport: Callable[[str, int], Awaitable[Transport]] = open_port,
        pace: Pace | None = None,
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
        self._keeper = Keeper(state_dir)
        tuned = config.tuning.enabled and config.mining.profile == DEFAULT
        self.profile = Profile(
            TUNED if tuned else config.mining.profile,
            self._keeper.results,
            config.tuning.max_hw_error_percent,
        )
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
        )
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
        self._host = HostReader()
        self._started_s = self._clock.monotonic()
        self.api_port: int | None = None
        self.http_port: int | None = None
        self.ready = asyncio.Event()
        """Set once the API listens."""

    # Joints --------------------------------------------------------------------------------------

    def _work_made(self, job: PoolJob) -> None:
        self.pools.work_made(job)

    def _device_name(self, device_id: int) -> str:
        return self.devices.identity(device_id)

    def _rate_hs(self, device_id: int) -> float:
        return self.devices.nominal_hs(device_id)

    def _share_found(self, share: Share) -> None:
        self.pools.submit(share)

    def nonce_found(self, nonce: NonceFound, ticket_difficulty: float, scale: float) -> bool:
        """Judge a claim of a device; see `ShareGate.nonce_found`."""
        right = self.gate.nonce_found(nonce, ticket_difficulty, scale)
        if right and nonce.work is not None:
            self.pools.diff1_found(nonce.work.job, ticket_difficulty)
            self.scheduler.found(nonce.device_id, nonce.work.job, ticket_difficulty)
        return right

    # Life ----------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Mine until ``stop`` is set. Raises ConfigError when a port cannot be listened on."""
        self._started_s = self._clock.monotonic()
        async with AsyncExitStack() as servers:
            api_sock = await self._listen(servers, "port")
            http_sock = await self._listen(servers, "http_port")
            log.info("%s: SHA-256 by %s", AGENT, self._host.snapshot().sha256_kernel)
            await self._keeper.load()
            pools = asyncio.create_task(self.pools.run(), name="pools")
            tuner = asyncio.create_task(self.tuner.run(), name="tuner")
            devices = asyncio.create_task(self.devices.run(), name="devices")
            stopping = asyncio.create_task(stop.wait(), name="stop")
            try:
                await asyncio.sleep(FIRST_BYTES_S)
                await self._serve(servers, api_sock, http_sock)
                self.ready.set()
                await asyncio.wait({pools, devices, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                tuner.cancel()
                await self._stop(pools, devices)
                await asyncio.wait({tuner})
                await self._keeper.end()
            for task in (pools, devices):
                if not task.cancelled() and (failure := task.exception()) is not None:
                    raise failure

    async def _listen(self, servers: AsyncExitStack, key: str) -> socket.socket | None:
        """Bind the port of a setting; None when it is switched off."""
        port: int = getattr(self.config.api, key)
        if not port:
            return None
        return servers.enter_context(await bind(self.config.api.listen, port, f"api.{key}"))

    async def _serve(
        self,
        servers: AsyncExitStack,
        api_sock: socket.socket | None,
        http_sock: socket.socket | None,
    ) -> None:
        """Import and start what answers on the ports."""
        from luxminer.api.dispatcher import Dispatcher

        config, clock = self.config.api, self._clock
        dispatcher = Dispatcher(self.hub, self.bus, clock)
        if api_sock is not None:
            from luxminer.api.server import ApiServer

            api = ApiServer(api_sock, dispatcher, config, clock)
            await api.start()
            servers.push_async_callback(api.stop)
            self.api_port = api.port
            log.info("API listens on %s port %d", config.listen, api.port)
        if http_sock is not None:
            from luxminer.api.http import HttpServer
            from luxminer.api.token import service_token

            token = service_token(self._state_dir)
            http = HttpServer(http_sock, dispatcher, config, clock, hub=self.hub, token=token)
            await http.start()
            servers.push_async_callback(http.stop)
            self.http_port = http.port
            host = self._host.snapshot()
            seen = (
                (host.ip_address or host.hostname) if config.listen == "0.0.0.0" else config.listen
            )
            log.info("page on http://%s:%d/", seen, http.port)

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

    # Telemetry -----------------------------------------------------------------------------------

    def _counts(self, device_id: int) -> NonceCounts:
        return self.gate.device(device_id, self._clock.monotonic()).counts()

    def _snapshot(self) -> MinerSnapshot:
        now_s, wall_s = self._clock.monotonic(), self._clock.wall()
        devices = tuple(
            self._device(state, now_s, wall_s) for state in self.devices.device_states()
        )
        pools, job = self.pools, self.pools.job
        return MinerSnapshot(
            wall_s=wall_s,
            elapsed_s=now_s - self._started_s,
            host=self._host.snapshot(),
            devices=devices,
            pools=pools.snapshots(),
            groups=pools.group_snapshots(),
            events=self.events.snapshot(),
            rates=_sum_rates([device.rates for device in devices]),
            nonces=self.gate.total(),
            shares=pools.ledger.total(),
            lifetime=pools.ledger.lifetime(),
            strategy=pools.strategy,
            local_work=self.scheduler.local_work,
            network_blocks=pools.network_blocks,
            discarded=pools.discarded,
            get_failures=pools.get_failures,
            remote_failures=pools.remote_failures,
            jobs=pools.jobs,
            last_job_wall_s=pools.last_job_wall_s,
            idle_s=pools.idle_s,
            block_hash=display(job.prev_hash) if job is not None else "",
            block_first_seen_wall_s=pools.block_first_seen_wall_s,
            log_level=self.config.log.level,
            hotplug_interval_s=(
                self.config.mining.detect_interval_s if self.config.mining.detect else 0.0
            ),
            network_difficulty=(
                difficulty_of_target(job.network_target) if job is not None else Fraction(0)
            ),
            log_interval_s=self.config.log.hashrate_interval_s,
            profile=self.profile.name,
            profile_step=self.profile.step,
            is_tuning_enabled=self.tuner.is_enabled,
        )

    def _device(self, state: DeviceState, now_s: float, wall_s: float) -> DeviceSnapshot:
        report = state.report
        nonces = self.gate.device(state.id, now_s)
        is_up = state.present and state.status is not DeviceStatus.DEAD
        chips = report.chips if report is not None else ()
        last_valid_s = nonces.last_valid_s
        up_s = now_s - state.brought_up_s if state.brought_up_s is not None else 0.0
        return DeviceSnapshot(
            id=state.id,
            name_id=state.name_id,
            code=state.code,
            model=state.model,
            driver=state.driver,
            chip=state.chip,
            serial=state.serial,
            path=state.path,
            usb_path=state.usb_path,
            status=state.status,
            problem=state.problem,
            enabled=state.enabled,
            present=state.present,
            scale=state.scale,
            chips=tuple(
                ChipSnapshot(
                    index=chip.index,
                    frequency_mhz=chip.frequency_mhz,
                    nonces=chip.nonces,
                    hw_errors=chip.hw_errors,
                    duplicates=chip.duplicates,
                )
                for chip in chips
            ),
            cores_per_chip=report.cores_per_chip if report is not None else 0,
            frequency_mhz=report.frequency_mhz if report is not None and is_up else 0.0,
            target_mhz=state.target_mhz,
            min_mhz=state.min_mhz,
            max_mhz=state.max_mhz,
            is_ramping=report is not None and is_up and report.is_ramping,
            voltage_v=report.voltage_v if report is not None else None,
            temperature_c=report.temperature_c if report is not None and is_up else None,
            nominal_hs=report.nominal_hs if report is not None else 0.0,
            ticket_difficulty=report.ticket_difficulty if report is not None else 0.0,
            task_interval_s=report.task_interval_s if report is not None else 0.0,
            tasks_sent=report.tasks_sent if report is not None else 0,
            busy_tasks_sent=report.busy_tasks_sent if report is not None else 0,
            bytes_discarded=report.bytes_discarded if report is not None else 0,
            resets=state.resets + (report.resets if report is not None else 0),
            nonces=nonces.counts(),
            hw_error_hs=nonces.hw_error_hs(now_s) if is_up else 0.0,
            shares=self.pools.ledger.device(state.id),
            rates=nonces.rates(now_s) if is_up else Rates(),
            last_valid_work_wall_s=(
                wall_s - (now_s - last_valid_s) if last_valid_s is not None else None
            ),
            elapsed_s=up_s,
            gone_wall_s=state.gone_wall_s,
            tuning=self.tuner.snapshot(state),
        )


def _sum_rates(rates: Sequence[Rates]) -> Rates:
    names = ("average", "s5", "m1", "m5", "m15", "m30", "h1", "h24")
    return Rates(**{name: sum(getattr(rate, name) for rate in rates) for name in names})
