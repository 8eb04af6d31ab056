"""All state in one snapshot: what the owners of each part know, put together.

A new part of `MinerSnapshot` or `DeviceSnapshot` is filled here.
"""

from collections.abc import Sequence
from fractions import Fraction

from luxminer.clock import Clock
from luxminer.config.save import Saver
from luxminer.config.schema import Config
from luxminer.device.chip_health import ChipHealth
from luxminer.device.desk import StickDesk
from luxminer.device.manager import DeviceManager
from luxminer.device.state import DeviceState
from luxminer.host import HostReader
from luxminer.mining.hashrate import HASHES_PER_DIFFICULTY
from luxminer.mining.scheduler import Scheduler
from luxminer.mining.shares import ShareGate
from luxminer.pool.manager import PoolManager
from luxminer.telemetry.events import EventLog
from luxminer.telemetry.history import Counters, Levels
from luxminer.telemetry.model import (
    ChipSnapshot,
    DeviceSnapshot,
    DeviceStatus,
    MinerSnapshot,
    Rates,
    ReadsHistory,
)
from luxminer.thermal.manager import ThermalManager
from luxminer.tuning.book import ProfileBook
from luxminer.tuning.estimate import power_now_w
from luxminer.tuning.profile import Profile
from luxminer.tuning.tuner import Tuner
from luxminer.work.header import display
from luxminer.work.target import difficulty_of_target

__all__ = ["Overview"]


class Overview:
    """Asks the owners of all state. ``started_s`` is when mining began."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        host: HostReader,
        devices: DeviceManager,
        gate: ShareGate,
        pools: PoolManager,
        scheduler: Scheduler,
        events: EventLog,
        profile: Profile,
        tuner: Tuner,
        saver: Saver,
        thermal: ThermalManager,
        desk: StickDesk,
        health: ChipHealth,
    ) -> None:
        self._config = config
        self._clock = clock
        self._host = host
        self._devices = devices
        self._gate = gate
        self._pools = pools
        self._scheduler = scheduler
        self._events = events
        self._profile = profile
        self._tuner = tuner
        self._saver = saver
        self._thermal = thermal
        self._desk = desk
        self._health = health
        self.started_s = clock.monotonic()
        self.history: ReadsHistory | None = None

    def snapshot(self) -> MinerSnapshot:
        now_s, wall_s = self._clock.monotonic(), self._clock.wall()
        states = self._devices.device_states()
        book = ProfileBook(self._profile, states)
        devices = tuple(self._device(state, book.name_of(state), now_s, wall_s) for state in states)
        pools, job = self._pools, self._pools.job
        mining = self._saver.config.mining
        return MinerSnapshot(
            wall_s=wall_s,
            elapsed_s=now_s - self.started_s,
            host=self._host.snapshot(),
            devices=devices,
            pools=pools.snapshots(),
            groups=pools.group_snapshots(),
            pool_options=pools.options(),
            events=self._events.snapshot(),
            rates=_sum_rates([device.rates for device in devices]),
            nonces=self._gate.total(),
            shares=pools.ledger.total(),
            lifetime=pools.ledger.lifetime(),
            strategy=pools.strategy,
            local_work=self._scheduler.local_work,
            network_blocks=pools.network_blocks,
            discarded=pools.discarded,
            get_failures=pools.get_failures,
            remote_failures=pools.remote_failures,
            jobs=pools.jobs,
            last_job_wall_s=pools.last_job_wall_s,
            idle_s=pools.idle_s,
            block_hash=display(job.prev_hash) if job is not None else "",
            block_first_seen_wall_s=pools.block_first_seen_wall_s,
            log_level=self._saver.config.log.level,
            hotplug_interval_s=mining.detect_interval_s if mining.detect else 0.0,
            network_difficulty=(
                difficulty_of_target(job.network_target) if job is not None else Fraction(0)
            ),
            log_interval_s=self._config.log.hashrate_interval_s,
            profile=self._profile.name,
            profile_step=self._profile.step,
            is_tuning_enabled=self._tuner.is_enabled,
            tuner=self._tuner.settings,
            history=self.history,
            profile_name=book.name,
            read_profiles=book.rows,
            thermal=self._thermal.snapshot(),
            health=self._health.settings,
        )

    def counters(self) -> Counters:
        """Return what the history counts; a few sums over all sticks and pools."""
        nonces, shares = self._gate.total(), self._pools.ledger.total()
        return Counters(
            hashes=float(nonces.diff1_work) * HASHES_PER_DIFFICULTY,
            accepted=shares.accepted,
            rejected=shares.rejected_total,
            stale=shares.stale,
            hw_errors=nonces.hw_errors,
        )

    def levels(self) -> Levels:
        """Return what the history measures."""
        states = [each for each in self._devices.device_states() if each.brought_up_s is not None]
        reports = [state.report for state in states if state.report is not None]
        known = [each.temperature_c for each in reports if each.temperature_c is not None]
        return Levels(
            power_w=sum(power_now_w(state)[0] for state in states),
            temperature_c=max(known, default=None),
        )

    def _device(
        self, state: DeviceState, profile: str, now_s: float, wall_s: float
    ) -> DeviceSnapshot:
        report = state.report
        watts, is_measured = power_now_w(state)
        core = state.core
        nonces = self._gate.device(state.id, now_s)
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
            chips=self._health.completed(
                state.id,
                [
                    ChipSnapshot(
                        index=chip.index,
                        frequency_mhz=chip.frequency_mhz,
                        nonces=chip.nonces,
                        hw_errors=chip.hw_errors,
                        duplicates=chip.duplicates,
                    )
                    for chip in chips
                ],
            ),
            cores_per_chip=report.cores_per_chip if report is not None else 0,
            frequency_mhz=report.frequency_mhz if report is not None and is_up else 0.0,
            target_mhz=state.target_mhz,
            core_mv=report.core_mv if report is not None else None,
            is_shut_down=self._desk.is_shut_down(state.id),
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
            shares=self._pools.ledger.device(state.id),
            rates=nonces.rates(now_s) if is_up else Rates(),
            illness=state.illness,
            last_valid_work_wall_s=(
                wall_s - (now_s - last_valid_s) if last_valid_s is not None else None
            ),
            elapsed_s=up_s,
            gone_wall_s=state.gone_wall_s,
            tuning=self._tuner.snapshot(state),
            step_mhz=state.step_mhz,
            min_core_v=core.min_mv / 1000 if core is not None else None,
            max_core_v=core.max_mv / 1000 if core is not None else None,
            core_step_v=core.step_mv / 1000 if core is not None else None,
            profile=profile,
            power_w=watts,
            is_power_measured=is_measured,
        )


def _sum_rates(rates: Sequence[Rates]) -> Rates:
    names = ("average", "s5", "m1", "m5", "m15", "m30", "h1", "h24")
    return Rates(**{name: sum(getattr(rate, name) for rate in rates) for name in names})
