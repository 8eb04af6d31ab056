"""Sticks without bytes: they hash by arithmetic, ramp, fail, get pulled, and take real orders."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from luxminer.device.contract import CoreRange, DeviceOptions, DeviceReport, StickModel
from luxminer.device.orders import Orders
from luxminer.device.state import DeviceState
from luxminer.device.wishes import Wish
from luxminer.telemetry.model import DeviceStatus, IllnessSnapshot, NonceCounts
from luxminer.tuning.search import Setting
from tests.unit.device.models import stick_model
from tests.unit.drivers.warp import WarpClock
from tests.unit.tuning.stick_twin import FAILS_AT, StickTwin

HASHES_PER_CLOCK = 114.0
MHZ_PER_S = 50.0
"""Of a ramp."""
START_S = 4.0
CORE = CoreRange(default_mv=300, min_mv=100, max_mv=500, step_mv=5)
MODEL = replace(stick_model(), min_mhz=50.0, max_mhz=400.0, step_mhz=6.25)


@dataclass
class ScriptedStick:
    """One stick; what it does between two looks follows from the time that has passed."""

    id: int
    twin: StickTwin
    model: StickModel = MODEL
    serial: str = ""
    frequency_mhz: float = 150.0
    dividers: Callable[[float], float] = float
    """Clock that they give for a wish."""
    measures_power: bool = False
    has_controller: bool = True
    present: bool = True
    enabled: bool = True
    has_work: bool = True
    comes_up: bool = True
    refuses: bool = False
    limit_mhz: float | None = None
    """What protection allows; setting the clock ends that."""
    bug: Exception | None = None
    """Comes out of its driver when the clock is set."""
    told: list[tuple[float, int | None]] = field(default_factory=list)
    """Clock and core voltage each time that one of them was set."""

    def __post_init__(self) -> None:
        self.name = f"stick {self.serial or self.id}"
        options = DeviceOptions(model=self.model, frequency_mhz=self.frequency_mhz)
        self.orders = Orders(options, lambda: self if self.up_s is not None else None, lambda: None)
        self.mhz = 0.0
        self.core_mv: int | None = None
        self.up_s: float | None = None
        self.down_s = -START_S
        self.faults = 0
        self.right = self.wrong = 0.0
        self.seen_s = 0.0
        self.target_mhz = self.frequency_mhz

    async def set_frequency(self, mhz: float) -> float:
        if self.refuses:
            raise TimeoutError
        if self.bug is not None:
            raise self.bug
        self.target_mhz = self.dividers(mhz)
        self.limit_mhz = None
        self.told.append((mhz, self.core_mv))
        return self.target_mhz

    async def set_voltage(self, core_mv: int) -> None:
        self.core_mv = core_mv

    @property
    def last_report(self) -> DeviceReport | None:
        return self.state().report

    def pull(self) -> None:
        self.present, self.up_s = False, None

    def plug(self, now_s: float) -> None:
        self.present, self.down_s = True, now_s

    def advance(self, now_s: float) -> None:
        passed_s, self.seen_s = now_s - self.seen_s, now_s
        if self.up_s is None:
            if self.present and self.enabled and now_s - self.down_s >= START_S:
                self._start(now_s)
            return
        gap_mhz = self.target_mhz - self.mhz
        if gap_mhz:
            step_mhz = MHZ_PER_S * passed_s
            self.mhz += max(-step_mhz, min(step_mhz, gap_mhz))
        part = self.twin.wrong_part(Setting(mhz=self.mhz, core_mv=self.core_mv))
        if part > FAILS_AT:
            self.fail(now_s)
        elif self.has_work:
            found = self.nominal_hs / 2**32 * passed_s
            self.right += found * (1 - part)
            self.wrong += found * part

    def _start(self, now_s: float) -> None:
        if not self.comes_up:
            self.fail(now_s)
            return
        self.up_s = now_s
        self.mhz, self.target_mhz = 50.0, self.dividers(self.orders.wishes.clock_mhz)
        if self.model.core is not None and self.has_controller:
            self.core_mv = self.orders.wishes.core_mv or self.model.core.default_mv
        self.told.append((self.orders.wishes.clock_mhz, self.core_mv))

    def fail(self, now_s: float) -> None:
        self.faults += 1
        self.up_s, self.down_s = None, now_s

    @property
    def nominal_hs(self) -> float:
        return self.mhz * 1e6 * HASHES_PER_CLOCK

    def counts(self) -> NonceCounts:
        return NonceCounts(
            nonces=int(self.right) + int(self.wrong),
            hw_errors=int(self.wrong),
            below_target=int(self.right),
            diff1_work=Fraction(int(self.right)),
        )

    def state(self) -> DeviceState:
        wishes = self.orders.wishes
        setting = Setting(mhz=self.mhz, core_mv=self.core_mv)
        report = DeviceReport(
            chips=(),
            cores_per_chip=1,
            frequency_mhz=self.mhz,
            target_mhz=self.target_mhz,
            nominal_hs=self.nominal_hs,
            ticket_difficulty=1.0,
            task_interval_s=1.0,
            tasks_sent=0,
            busy_tasks_sent=0,
            bytes_discarded=0,
            resets=0,
            is_ramping=self.mhz != self.target_mhz,
            power_w=self.twin.power_w(setting) if self.measures_power else None,
            core_mv=self.core_mv,
            limit_mhz=self.limit_mhz,
        )
        return DeviceState(
            id=self.id,
            name_id=self.id,
            identity=self.serial or f"1-{self.id}",
            code=self.model.code,
            model=self.model.title,
            driver="scripted",
            chip=self.model.chip,
            serial=self.serial,
            path="",
            usb_path=f"1-{self.id}",
            status=DeviceStatus.ALIVE if self.up_s is not None else DeviceStatus.DEAD,
            problem="",
            enabled=self.enabled,
            present=self.present,
            scale=1.0,
            min_mhz=self.model.min_mhz,
            max_mhz=self.model.max_mhz,
            step_mhz=self.model.step_mhz,
            default_mhz=wishes.default_mhz,
            target_mhz=wishes.target_mhz,
            core=self.model.core,
            target_core_mv=wishes.target_core_mv,
            has_order=wishes.has_order,
            orders=self.orders.count,
            trial=wishes.trial,
            report=report,
            brought_up_s=self.up_s,
            gone_wall_s=None,
            was_open=True,
            attempts=0,
            faults=self.faults,
            resets=0,
            illness=IllnessSnapshot(),
        )


class ScriptedSticks:
    """Stands for the device manager and the share gate."""

    def __init__(self, *sticks: ScriptedStick) -> None:
        self.looks = 0
        self.sticks = sticks
        self.watch: Callable[[Wish], None] = lambda _: None
        """Sees what is tried, just before it is."""
        self._clock = WarpClock()

    def device_states(self) -> tuple[DeviceState, ...]:
        self.looks += 1
        for stick in self.sticks:
            stick.advance(self._clock.monotonic())
        return tuple(stick.state() for stick in self.sticks)

    async def set_profile(self, device_id: int, wish: Wish, *, keep_order: bool) -> None:
        await self.sticks[device_id].orders.set_profile(wish, keep_order=keep_order)

    async def try_out(self, device_id: int, wish: Wish, orders: int) -> float:
        self.watch(wish)
        return await self.sticks[device_id].orders.try_out(wish, orders)

    async def end_trial(self, device_id: int) -> None:
        await self.sticks[device_id].orders.end_trial()

    def counts(self, device_id: int) -> NonceCounts:
        return self.sticks[device_id].counts()

    def has_work(self) -> bool:
        return all(stick.has_work for stick in self.sticks)
